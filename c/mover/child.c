#define _GNU_SOURCE 1
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../decider_exit.h"
#include "../sys/caps.h"
#include "../sys/proc.h"
#include "entry.h"

/* A copy above the numbers that have a meaning, so that giving these away closes nothing. */
static int move_away(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, ENTRY_MODULE_FD + 1);
}

/* What is typed at our terminal is not for the child, nor is its output anybody's. */
static bool set_standard_files(int errors_fd)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		close(STDIN_FILENO);
	if (errors_fd < 0)
		return true;
	if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0)
		close(STDOUT_FILENO);
	return dup2(errors_fd, STDERR_FILENO) >= 0;
}

/* Runs in the child. A fresh program image keeps keys and tokens of the mover's memory out of its
 * reach. The binary was opened while every path could be read. */
static _Noreturn void run_child(const struct child_request *request, int text_fd)
{
	static char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
					     NULL };
	int text = move_away(text_fd);
	int program = move_away(request->program_fd);
	int channel = move_away(request->channel_fd);
	int errors = request->errors_fd < 0 ? -1 : move_away(request->errors_fd);

	proc_reset_signals();
	proc_set_oom_score(request->oom_score);
	if (request->nice)
		setpriority(PRIO_PROCESS, 0, request->nice);
	if (text < 0 || program < 0 || channel < 0 || (request->errors_fd >= 0 && errors < 0) ||
	    !set_standard_files(errors) || dup2(channel, VM_CHANNEL_FD) < 0 ||
	    dup2(text, ENTRY_MODULE_FD) < 0 || caps_drop_decider() < 0)
		_exit(VM_EXIT_SETUP);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fexecve(program, request->argv, environment);
	_exit(VM_EXIT_SETUP);
}

/* -errno, or a memory file that the child can read from its beginning. */
static int copy_text(const char *text, size_t size)
{
	int fd = memfd_create("adit", MFD_CLOEXEC);
	size_t written = 0;

	while (fd >= 0 && written < size) {
		ssize_t result = write(fd, text + written, size - written);

		if (result < 0) {
			int error = -errno;

			close(fd);
			return error;
		}
		written += (size_t)result;
	}
	return fd < 0 ? -errno : fd;
}

pid_t child_start(const struct child_request *request)
{
	int text_fd = copy_text(request->text, request->size);
	pid_t pid;

	if (text_fd < 0)
		return text_fd;
	pid = fork();
	if (pid == 0)
		run_child(request, text_fd);
	if (pid < 0)
		pid = -errno;
	close(text_fd);
	return pid;
}

pid_t child_run(int (*work)(const void *arg), const void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	/* Without its mover a new one may be at work already. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(VM_EXIT_MOVER_GONE);
	proc_close_from(STDERR_FILENO + 1);
	_exit(work(arg));
}
