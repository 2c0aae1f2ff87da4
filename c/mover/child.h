/* Starts a fresh image of this program as one of its processes without privileges. */
#ifndef ADIT_MOVER_CHILD_H
#define ADIT_MOVER_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct child_request {
	char *const *argv; /* [0] says what the image is to be: entry.h */
	int program_fd; /* our own binary */
	int channel_fd; /* becomes VM_CHANNEL_FD */
	int errors_fd; /* becomes standard error, and standard output goes nowhere; -1: as ours */
	const char *text; /* copied into a memory file, which becomes ENTRY_MODULE_FD */
	size_t size;
	int oom_score;
	int nice; /* as far as RLIMIT_NICE allows it */
};

/* The process id, or -errno. The child has the decider's user and no capabilities, dies with us,
 * and ends with VM_EXIT_SETUP if it cannot become that. All descriptors stay the caller's. */
pid_t child_start(const struct child_request *request);

/* Starts a child that calls `work` with the mover's memory and none of its descriptors, and ends
 * with what that returns as its status, 0 to 255. It dies with the mover. Its pid or -errno. */
pid_t child_run(int (*work)(const void *arg), const void *arg);

#endif
