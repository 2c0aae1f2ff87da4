/* A policy cage as a program, for a parent that is not written in C. */
#include <stdio.h>
#include <stdlib.h>

#include "vm/vm.h"

int main(int argc, char **argv)
{
	struct vm_policy_options options = { 0 };

	if (argc != 5) {
		fprintf(stderr, "cage PRELUDE MEMORY_BYTES STACK_BYTES CALL_MS\n");
		return 1;
	}
	options.prelude_path = argv[1];
	options.memory_bytes = strtoul(argv[2], NULL, 10);
	options.stack_bytes = strtoul(argv[3], NULL, 10);
	options.call_ms = (unsigned int)strtoul(argv[4], NULL, 10);
	return vm_policy_main(&options);
}
