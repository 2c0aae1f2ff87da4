/* The only place that starts another program: absolute path, argument vector, clean environment, no
 * descriptors but the standard three, a deadline. Input and output are memory files, so that a
 * child that stalls never holds a pipe of ours. */
#ifndef ADIT_SYS_EXEC_H
#define ADIT_SYS_EXEC_H

#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct exec;

#define EXEC_OUTPUT_BYTES_MAX (32 << 20)
#define EXEC_ERRORS_BYTES_MAX 4096

struct exec_result {
	/* 0: status 0; -ETIMEDOUT; -ENOEXEC: cannot be run; -ENOMEM: its output cannot be read;
	 * -ECHILD: any other end */
	int error;
	const uint8_t *output; /* borrowed for the call */
	size_t output_size;
	const char *errors; /* begin of its standard error; "killed by signal 9" if it wrote none */
};

struct exec_request {
	const char *const *argv; /* argv[0] is an absolute path; ends with NULL */
	const uint8_t *input; /* copied */
	size_t input_size;
	uint64_t deadline_us; /* from the start; then SIGKILL */
	void (*done)(void *arg, const struct exec_result *result);
	void *arg;
};

/* Starts a child; `done` is called once from the loop, unless exec_cancel comes first. The child
 * runs as user 0 with the capabilities of the bounding set if our effective user is 0. 0 or
 * -errno. */
int exec_start(struct loop *loop, const struct exec_request *request, struct exec **ret_exec);
/* Kills the child and forgets it. NULL is harmless. */
void exec_cancel(struct exec *exec);

#endif
