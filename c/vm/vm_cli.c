#include <stdlib.h>

#include "vm_internal.h"

int vm_cli_main(int argc, char **argv, const struct vm_options *options)
{
	static struct vm vm = { .role = "cli", .is_cli = true };
	const char *text = options->module_text;
	size_t size = options->module_size;
	char *file = NULL;

	vm.argc = argc > 0 ? argc - 1 : 0;
	vm.argv = argv + 1;
	if (options->module_path != NULL)
		text = file = vm_read_module(&vm, options->module_path, &size);
	vm_load(&vm, text, size, options);
	free(file);
	return vm_loop(&vm);
}
