#define _GNU_SOURCE 1
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Linux 5.3 and 5.9 gave every architecture but alpha the same numbers above these bases; the
 * headers of an older libc lack the names. */
#ifndef SYS_close_range
#define SYS_close_range (SYS_pidfd_open + 2)
#endif

int proc_pidfd(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : (int)fd;
}

void proc_close_from(int first)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	for (int fd = first; (rlim_t)fd < limit.rlim_cur; fd++)
		close(fd);
}

int proc_fill_standard_files(void)
{
	/* A new descriptor is the lowest free number. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return -errno;
	return 0;
}

int proc_reap(pid_t pid)
{
	int status = SIGKILL; /* how waitpid writes "killed by signal 9" */
	pid_t reaped = waitpid(pid, &status, WNOHANG);

	return reaped == 0 ? -1 : status;
}

void proc_reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigemptyset(&none);
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void proc_set_oom_score(int score)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", score);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	ssize_t written;

	if (fd < 0)
		return;
	written = write(fd, text, (size_t)length);
	(void)written;
	close(fd);
}

uint64_t proc_cpu_us(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

bool proc_wants_cpu(pid_t pid)
{
	char text[256];
	const char *end;
	ssize_t size = -1;
	int fd;

	snprintf(text, sizeof(text), "/proc/%d/stat", (int)pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (size <= 0)
		return false;
	text[size] = '\0';
	/* "PID (NAME) STATE", and a name may be anything. */
	end = strrchr(text, ')');
	return end && end[1] == ' ' && (end[2] == 'R' || end[2] == 'D');
}

void proc_status_text(int status, char *ret_text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(ret_text, size, "killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(ret_text, size, "exit status %d", WEXITSTATUS(status));
}
