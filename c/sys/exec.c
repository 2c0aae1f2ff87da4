#define _GNU_SOURCE 1
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "proc.h"

/* What a shell answers for a program that it cannot run. */
#define STATUS_NOT_RUN 127

enum { STREAM_INPUT, STREAM_OUTPUT, STREAM_ERRORS, STREAM_COUNT };

struct exec {
	struct loop_watch exited; /* a pidfd */
	struct loop_timer deadline;
	pid_t pid;
	int files[STREAM_COUNT];
	bool late;
	void (*done)(void *arg, const struct exec_result *result);
	void *arg;
};

static void exec_free(struct exec *exec)
{
	loop_unwatch(&exec->exited);
	loop_timer_stop(&exec->deadline);
	if (exec->exited.fd >= 0)
		close(exec->exited.fd);
	for (int i = 0; i < STREAM_COUNT; i++)
		if (exec->files[i] >= 0)
			close(exec->files[i]);
	free(exec);
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static int open_streams(struct exec *exec, const struct exec_request *request)
{
	int error;

	for (int i = 0; i < STREAM_COUNT; i++) {
		exec->files[i] = memfd_create("adit", MFD_CLOEXEC);
		if (exec->files[i] < 0)
			return -errno;
	}
	error = write_all(exec->files[STREAM_INPUT], request->input, request->input_size);
	if (error)
		return error;
	return lseek(exec->files[STREAM_INPUT], 0, SEEK_SET) < 0 ? -errno : 0;
}

/* Runs in the child. The supervisor's user ids are mixed, which the kernel would take for a program
 * that changes its user, so all three become 0 first. */
static _Noreturn void run_child(const struct exec *exec, const char *const *argv)
{
	static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					     NULL };
	struct rlimit output = { EXEC_OUTPUT_BYTES_MAX, EXEC_OUTPUT_BYTES_MAX };
	bool failed = geteuid() == 0 && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0);

	proc_reset_signals();
	/* Ctrl-C reaches the whole foreground group, and must not cut a transaction short. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_FSIZE, &output);
	/* What spares the mover when memory runs out is not for a program that eats it. */
	proc_set_oom_score(0);
	for (int i = 0; i < STREAM_COUNT; i++)
		failed = failed || dup2(exec->files[i], i) < 0;
	proc_close_from(STREAM_COUNT);
	if (!failed)
		execve(argv[0], (char *const *)argv, environment);
	dprintf(STDERR_FILENO, "cannot run %s: %s", argv[0], strerror(errno));
	_exit(STATUS_NOT_RUN);
}

static char *read_errors(const struct exec *exec, int status, char *ret_text, size_t size)
{
	ssize_t length = pread(exec->files[STREAM_ERRORS], ret_text, size - 1, 0);

	ret_text[length > 0 ? length : 0] = '\0';
	if (length > 0 || status == 0)
		return ret_text;
	if (exec->late)
		snprintf(ret_text, size, "took too long and was killed");
	else if (WIFSIGNALED(status))
		snprintf(ret_text, size, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(ret_text, size, "exit status %d", WEXITSTATUS(status));
	return ret_text;
}

static int error_of(const struct exec *exec, int status)
{
	if (exec->late)
		return -ETIMEDOUT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_RUN)
		return -ENOEXEC;
	return status ? -ECHILD : 0;
}

/* The output is mapped, not copied; an empty file cannot be. */
static void report(struct exec *exec, int status)
{
	char errors[EXEC_ERRORS_BYTES_MAX];
	struct exec_result result = { .error = error_of(exec, status) };
	struct stat stat = { 0 };
	void *map = MAP_FAILED;

	result.errors = read_errors(exec, status, errors, sizeof(errors));
	if (fstat(exec->files[STREAM_OUTPUT], &stat) == 0 && stat.st_size > 0)
		map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE,
			   exec->files[STREAM_OUTPUT], 0);
	if (map != MAP_FAILED) {
		result.output = map;
		result.output_size = (size_t)stat.st_size;
	} else if (stat.st_size > 0 && !result.error) {
		result.error = -ENOMEM;
	}
	exec->done(exec->arg, &result);
	if (map != MAP_FAILED)
		munmap(map, (size_t)stat.st_size);
}

static void child_exited(struct loop_watch *watch, uint32_t events)
{
	struct exec *exec = container_of(watch, struct exec, exited);
	int status = proc_reap(exec->pid);

	(void)events;
	if (status < 0)
		return;
	loop_unwatch(&exec->exited);
	loop_timer_stop(&exec->deadline);
	report(exec, status);
	exec_free(exec);
}

static void deadline_passed(struct loop_timer *timer)
{
	struct exec *exec = container_of(timer, struct exec, deadline);

	exec->late = true;
	kill(exec->pid, SIGKILL);
}

static int start_child(struct loop *loop, struct exec *exec, const char *const *argv)
{
	int error;

	exec->pid = fork();
	if (exec->pid < 0)
		return -errno;
	if (exec->pid == 0)
		run_child(exec, argv);
	exec->exited.fd = proc_pidfd(exec->pid);
	error = exec->exited.fd < 0 ? exec->exited.fd : loop_watch(loop, &exec->exited, EPOLLIN);
	if (error) {
		kill(exec->pid, SIGKILL);
		waitpid(exec->pid, NULL, 0);
	}
	return error;
}

int exec_start(struct loop *loop, const struct exec_request *request, struct exec **ret_exec)
{
	struct exec *exec = calloc(1, sizeof(*exec));
	int error;

	if (!exec)
		return -ENOMEM;
	*exec = (struct exec){
		.exited = { .fd = -1, .ready = child_exited },
		.deadline = { .fired = deadline_passed, .name = "end of a helper program" },
		.files = { -1, -1, -1 },
		.done = request->done,
		.arg = request->arg,
	};
	error = open_streams(exec, request);
	if (!error)
		error = start_child(loop, exec, request->argv);
	if (error) {
		exec_free(exec);
		return error;
	}
	loop_timer_start(loop, &exec->deadline, request->deadline_us);
	*ret_exec = exec;
	return 0;
}

void exec_cancel(struct exec *exec)
{
	if (!exec)
		return;
	kill(exec->pid, SIGKILL);
	waitpid(exec->pid, NULL, 0);
	exec_free(exec);
}
