/* The host of the module adit.mjs: QuickJS, its limits, and what it may call. It knows the mover
 * only by the contract: one SOCK_SEQPACKET descriptor. */
#ifndef ADIT_VM_H
#define ADIT_VM_H

#include <stddef.h>

#include "../decider_exit.h"

#define VM_MEMORY_BYTES_DEFAULT (16u << 20)
#define VM_STACK_BYTES_DEFAULT (256u << 10)
#define VM_CALL_MS_DEFAULT 2000

struct vm_options {
	const char *module_path; /* file with the module's text; NULL: module_text */
	const char *module_text; /* NUL-terminated */
	size_t module_size; /* bytes of module_text without the NUL */
	size_t memory_bytes; /* all that the engine may allocate; 0: default */
	size_t stack_bytes; /* of the engine's calls; 0: default */
	unsigned int call_ms; /* longest call into the module; 0: default */
};

/* Confines the calling process for good (no new privileges, resource limits, seccomp), runs the
 * module, and returns the exit status. To be called in a process of its own, unprivileged, with the
 * channel as descriptor 3; every descriptor above it is closed. Faults end the process at once with
 * an enum vm_exit status, after one line to stderr and to the mover. */
int vm_decider_main(const struct vm_options *options);

/* Runs the module as the command line client and returns the exit status. `argv[0]` is the
 * program's name, which the module does not see. */
int vm_cli_main(int argc, char **argv, const struct vm_options *options);

#endif
