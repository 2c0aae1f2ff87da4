#include <stdlib.h>

#include "vm_internal.h"

int vm_decider_main(const struct vm_options *options)
{
	static struct vm vm = { .role = "decider" };
	const char *text = options->module_text;
	size_t size = options->module_size;
	char *file = NULL;

	if (options->module_path != NULL)
		text = file = vm_read_module(&vm, options->module_path, &size);
	vm_confine(&vm);
	vm_load(&vm, text, size, options);
	free(file);
	return vm_loop(&vm);
}
