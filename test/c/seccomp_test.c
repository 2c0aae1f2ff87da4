/* Which system calls the filters of decider and cage let through, each tried in a child. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "vm/vm_internal.h"

/* Asking for it is a system call of its own that the filter forbids. */
static pid_t parent;

static int under_filter_of(int (*install)(void), void (*act)(void))
{
	int status = 0;
	pid_t pid;

	parent = getpid();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (install() < 0)
			_exit(99);
		act();
		syscall(SYS_exit_group, 42);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int under_filter(void (*act)(void))
{
	return under_filter_of(vm_seccomp_install, act);
}

static void act_harmless(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pollfd none = { .fd = -1 };
	uint8_t byte;

	page[0] = 1;
	poll(&none, 1, 1);
	if (syscall(SYS_getrandom, &byte, 1, 0) != 1 || getpid() <= 0)
		syscall(SYS_exit_group, 1);
	munmap(page, 4096);
}

static void act_socket(void)
{
	syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static void act_send(void)
{
	syscall(SYS_sendto, VM_CHANNEL_FD, "", 0, 0, NULL, 0);
}

/* A datagram socket that is connected to one sends to any other all the same. */
static void act_send_to_another(void)
{
	struct sockaddr other = { .sa_family = AF_INET };

	syscall(SYS_sendto, VM_CHANNEL_FD, "", 0, 0, &other, sizeof(other));
}

static void act_send_message(void)
{
	struct msghdr message = { 0 };

	syscall(SYS_sendmsg, VM_CHANNEL_FD, &message, 0);
}

static void act_connect(void)
{
	struct sockaddr other = { .sa_family = AF_INET };

	syscall(SYS_connect, VM_CHANNEL_FD, &other, sizeof(other));
}

static void act_open(void)
{
	syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY);
}

static void act_exec(void)
{
	syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void act_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void act_map_code(void)
{
	syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void act_ioctl(void)
{
	syscall(SYS_ioctl, 0, 0, 0);
}

static void act_signal_parent(void)
{
	syscall(SYS_tgkill, parent, parent, 0);
}

/* The kernel would signal whoever owns a descriptor. */
static void act_own_parent(void)
{
	syscall(SYS_fcntl, 0, F_SETOWN, parent);
}

static void act_choose_signal(void)
{
	syscall(SYS_fcntl, 0, F_SETSIG, SIGKILL);
}

static void act_not_block(void)
{
	if (syscall(SYS_fcntl, STDERR_FILENO, F_GETFL) < 0)
		syscall(SYS_exit_group, 1);
}

static void act_signal_self(void)
{
	syscall(SYS_tgkill, getpid(), getpid(), 0);
}

static void other_system_calls_are_fatal(void)
{
	if (under_filter(act_harmless) == 99) {
		printf("SKIP system calls: this kernel has no seccomp filters\n");
		return;
	}
	EXPECT_EQUAL(under_filter(act_harmless), 42);
	EXPECT_EQUAL(under_filter(act_signal_self), 42);
	EXPECT_EQUAL(under_filter(act_socket), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_open), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_exec), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_fork), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_map_code), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_ioctl), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_signal_parent), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_not_block), 42);
	EXPECT_EQUAL(under_filter(act_own_parent), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_choose_signal), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_send), 42);
	EXPECT_EQUAL(under_filter(act_send_to_another), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_send_message), -SIGSYS);
	EXPECT_EQUAL(under_filter(act_connect), -SIGSYS);
}

static void act_cage(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t limit[2];

	page[0] = 1;
	munmap(page, 4096);
	syscall(SYS_write, STDERR_FILENO, "", 0);
	syscall(SYS_read, VM_CHANNEL_FD, limit, 0);
	if (syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, limit) < 0)
		syscall(SYS_exit_group, 1);
}

static void act_read_other(void)
{
	char byte;

	syscall(SYS_read, STDIN_FILENO, &byte, 0);
}

static void act_write_other(void)
{
	syscall(SYS_write, STDOUT_FILENO, "", 0);
}

static void act_other_limit(void)
{
	uint64_t limit[2];

	syscall(SYS_prlimit64, 0, RLIMIT_AS, NULL, limit);
}

static void act_limit_parent(void)
{
	uint64_t limit[2];

	syscall(SYS_prlimit64, parent, RLIMIT_CPU, NULL, limit);
}

static void act_close(void)
{
	syscall(SYS_close, VM_CHANNEL_FD);
}

static void act_sleep(void)
{
	struct pollfd none = { .fd = -1 };

	poll(&none, 1, 0);
}

static void a_cage_may_do_even_less(void)
{
	void (*const forbidden[])(void) = {
		act_read_other, act_write_other, act_other_limit, act_limit_parent, act_close,
		act_send, act_sleep, act_socket, act_open, act_exec, act_fork, act_map_code,
		act_ioctl, act_signal_parent, act_own_parent, act_not_block,
	};

	if (under_filter(act_harmless) == 99)
		return;
	EXPECT_EQUAL(under_filter_of(vm_seccomp_install_cage, act_cage), 42);
	EXPECT_EQUAL(under_filter_of(vm_seccomp_install_cage, act_signal_self), 42);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		EXPECT_EQUAL(under_filter_of(vm_seccomp_install_cage, forbidden[i]), -SIGSYS);
}

int main(void)
{
	other_system_calls_are_fatal();
	a_cage_may_do_even_less();
	return test_summary();
}
