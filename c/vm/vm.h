/* The hosts of JavaScript: the module adit.mjs, which knows the mover only by the contract (one
 * SOCK_SEQPACKET descriptor), and the cage of one policy script. */
#ifndef ADIT_VM_H
#define ADIT_VM_H

#include <stddef.h>

#include "../decider_exit.h"

#define VM_MEMORY_BYTES_DEFAULT (16u << 20)
#define VM_STACK_BYTES_DEFAULT (256u << 10)
#define VM_CALL_MS_DEFAULT 2000
#define VM_POLICY_MEMORY_BYTES_DEFAULT (1u << 20)
#define VM_POLICY_STACK_BYTES_DEFAULT (128u << 10)
#define VM_POLICY_CALL_MS_DEFAULT 100

/* Frames between the decider and a cage, on a SOCK_STREAM descriptor: a 32-bit little-endian
 * length of what follows, a kind, a payload in UTF-8. One request at a time, each answered by one
 * frame. */
#define VM_FRAME_BYTES_MAX (1u << 20) /* kind and payload */
#define VM_FRAME_LOAD 'L' /* request: the script's text */
#define VM_FRAME_CALL 'C' /* request: JSON for handle() of the prelude */
#define VM_FRAME_RESULT 'R' /* {"cpu_us":N,"memory":N,"result":JSON}; memory is the peak, bytes */
/* {"cpu_us":N,"memory":N,"error":{"kind":K,"message":S,"stack":S}}, K one of syntax, import, load,
 * throw, limit, rubbish. */
#define VM_FRAME_ERROR 'E'
#define VM_POLICY_MESSAGE_MAX 512 /* bytes of an error's message */
#define VM_POLICY_STACK_MAX 2048 /* and of its stack */

struct vm_options {
	const char *module_path; /* file with the module's text; NULL: module_text */
	const char *module_text; /* NUL-terminated */
	size_t module_size; /* bytes of module_text without the NUL */
	size_t memory_bytes; /* all that the engine may allocate; 0: default */
	size_t stack_bytes; /* of the engine's calls; 0: default */
	unsigned int call_ms; /* longest call into the module; 0: default */
};

struct vm_policy_options {
	/* The trusted module adit:cage, which exports handle(json), adopt(definition) and all that
	 * adit:policy is to export. */
	const char *prelude_path; /* file with its text; NULL: prelude_text */
	const char *prelude_text; /* NUL-terminated */
	size_t prelude_size; /* bytes of prelude_text without the NUL */
	size_t memory_bytes; /* all that the engine may allocate; 0: default */
	size_t stack_bytes; /* of the engine's calls; 0: default */
	unsigned int call_ms; /* longest request; 0: default */
};

/* Confines the calling process for good (no new privileges, resource limits, seccomp), then serves
 * requests on descriptor 3 until its other end closes: VM_EXIT_MOVER_GONE. To be called in a
 * process of its own, unprivileged; every descriptor but 2 and 3 is closed. Faults end the process
 * at once with an enum vm_exit status, after one line "policy: ..." to stderr, which names file,
 * line and column. A request that overruns call_ms of processor time is answered with "limit";
 * one that runs for twice that time ends the process. */
int vm_policy_main(const struct vm_policy_options *options);

/* Confines the calling process for good (no new privileges, resource limits, seccomp), runs the
 * module, and returns the exit status. To be called in a process of its own, unprivileged, with the
 * channel as descriptor 3; every descriptor above it is closed. Faults end the process at once with
 * an enum vm_exit status, after one line to stderr and to the mover. */
int vm_decider_main(const struct vm_options *options);

/* Runs the module as the command line client and returns the exit status. `argv[0]` is the
 * program's name, which the module does not see. */
int vm_cli_main(int argc, char **argv, const struct vm_options *options);

#endif
