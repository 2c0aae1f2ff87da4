/* The host of the module adit.mjs: QuickJS, its limits, and what it may call. It knows the mover
 * only by the contract: one SOCK_SEQPACKET descriptor. */
#ifndef ADIT_VM_H
#define ADIT_VM_H

#include <stddef.h>

/* Where a decider finds its end of the socket pair. */
#define VM_CHANNEL_FD 3

#define VM_MEMORY_BYTES_DEFAULT (16u << 20)
#define VM_STACK_BYTES_DEFAULT (256u << 10)
#define VM_CALL_MS_DEFAULT 2000

/* How a decider ends; everything but an exit that the module asked for is a fault. */
enum vm_exit {
	VM_EXIT_EXCEPTION = 70, /* uncaught exception, unhandled rejection, unusable module */
	VM_EXIT_MEMORY = 71, /* the engine asked for more than its limit */
	VM_EXIT_LOOP = 72, /* a call ran for longer than call_ms */
	VM_EXIT_STUCK = 73, /* and was still running after twice that time */
	VM_EXIT_MOVER_GONE = 74, /* the other end of the channel was closed */
	VM_EXIT_SETUP = 75, /* the kernel refused what confines the process */
};

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
