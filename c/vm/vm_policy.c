#include "vm_internal.h"

int vm_policy_main(const struct vm_policy_options *options)
{
	static struct vm vm = { .role = "policy" };

	(void)options;
	vm_die(&vm, VM_EXIT_SETUP, "no prelude");
}
