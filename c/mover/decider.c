#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "../decider_exit.h"
#include "../log.h"
#include "../sys/caps.h"
#include "../sys/proc.h"
#include "entry.h"
#include "mover.h"

#define PING_INTERVAL_US 2000000
#define PING_ANSWER_US 5000000
/* Waits before the next start double from the first to the last of these. */
#define RESTART_US_FIRST 100000
#define RESTART_US_MAX 10000000
/* A decider that lived this long is not held against its successor. */
#define LIFE_US_GOOD 30000000
#define OOM_SCORE_DECIDER 300

static uint64_t restart_delay_us(uint32_t failures)
{
	uint64_t delay_us = RESTART_US_FIRST;

	if (failures <= 1)
		return 0;
	for (uint32_t i = 2; i < failures && delay_us < RESTART_US_MAX; i++)
		delay_us *= 2;
	return delay_us < RESTART_US_MAX ? delay_us : RESTART_US_MAX;
}

/* Runs in the child. A fresh program image keeps keys and tokens of the mover's memory out of the
 * decider's reach. The binary was opened while every path could be read. */
static _Noreturn void run_child(const struct mover *mover, int channel_fd, int module_fd)
{
	char *const argv[] = { ENTRY_DECIDER_NAME, NULL };
	char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	int spare = fcntl(module_fd, F_DUPFD, ENTRY_MODULE_FD + 1);
	int program = fcntl(mover->program_fd, F_DUPFD_CLOEXEC, ENTRY_MODULE_FD + 1);
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	proc_reset_signals();
	/* What is typed at our terminal is not for the decider. */
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
		close(STDIN_FILENO);
	proc_set_oom_score(OOM_SCORE_DECIDER);
	if (spare < 0 || program < 0 || dup2(channel_fd, VM_CHANNEL_FD) < 0 ||
	    dup2(spare, ENTRY_MODULE_FD) < 0 || caps_drop_decider() < 0)
		_exit(VM_EXIT_SETUP);
	close(spare);
	if (channel_fd == VM_CHANNEL_FD)
		fcntl(channel_fd, F_SETFD, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fexecve(program, argv, environment);
	_exit(VM_EXIT_SETUP);
}

/* The module as the decider will read it. A module that cannot be read any more is replaced by its
 * last good text: the router must go on without its disk. */
static int open_module(struct mover *mover)
{
	uint8_t *text = NULL;
	size_t size = 0;
	size_t written = 0;
	int fd = memfd_create(ENTRY_DECIDER_NAME, MFD_CLOEXEC);

	if (file_read_all(mover->options.module_path, &text, &size) == 0) {
		free(mover->module);
		mover->module = (char *)text;
		mover->module_size = size;
	}
	while (fd >= 0 && written < mover->module_size) {
		ssize_t result = write(fd, mover->module + written, mover->module_size - written);

		if (result < 0) {
			close(fd);
			return -errno;
		}
		written += (size_t)result;
	}
	return fd < 0 ? -errno : fd;
}

static void channel_message(void *arg, const uint8_t *bytes, size_t length)
{
	dispatch_message(arg, bytes, length);
}

static void channel_closed(void *arg)
{
	decider_kill(arg, NULL);
}

static void channel_drained(void *arg)
{
	struct mover *mover = arg;

	watch_resume(mover->watch);
}

static void explain_death(struct mover *mover, int status)
{
	static const char *const meanings[] = {
		[VM_EXIT_EXCEPTION - VM_EXIT_EXCEPTION] = "an exception that nothing caught",
		[VM_EXIT_MEMORY - VM_EXIT_EXCEPTION] = "it ran out of memory",
		[VM_EXIT_LOOP - VM_EXIT_EXCEPTION] = "a call ran for too long",
		[VM_EXIT_STUCK - VM_EXIT_EXCEPTION] = "a call could not be interrupted",
		[VM_EXIT_MOVER_GONE - VM_EXIT_EXCEPTION] = "it lost its channel",
		[VM_EXIT_SETUP - VM_EXIT_EXCEPTION] = "it could not be confined",
	};
	const struct decider *decider = &mover->decider;
	const char *meaning = decider->kill_reason;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) - VM_EXIT_EXCEPTION : -1;
	char end[96];

	if (!meaning && code >= 0 && code < (int)ARRAY_SIZE(meanings))
		meaning = meanings[code];
	proc_status_text(status, end, sizeof(end));
	snprintf(mover->last_death, sizeof(mover->last_death), "%s%s%s%s%s", end,
		 meaning ? ": " : "", meaning ? meaning : "", decider->last_error[0] ? ": " : "",
		 decider->last_error);
	log_error("the decider ended after %llu ms: %s",
		  (unsigned long long)(loop_now_us(mover->loop) - decider->started_us) / 1000,
		  mover->last_death);
}

static void clear(struct mover *mover)
{
	struct decider *decider = &mover->decider;

	loop_unwatch(&decider->exited);
	if (decider->exited.fd >= 0)
		close(decider->exited.fd);
	channel_free(decider->channel);
	loop_timer_stop(&mover->ping);
	loop_timer_stop(&mover->silence);
	watch_stop(mover->watch);
	dispatch_forget(mover);
	decider->channel = NULL;
	decider->exited.fd = -1;
	decider->pid = 0;
}

static void plan_restart(struct mover *mover)
{
	loop_timer_start(mover->loop, &mover->restart, restart_delay_us(mover->failures));
}

/* What it said last is heard before it is buried: an exit among it is no fault. */
static void child_exited(struct loop_watch *watch, uint32_t events)
{
	struct decider *decider = container_of(watch, struct decider, exited);
	struct mover *mover = container_of(decider, struct mover, decider);
	int status = proc_reap(decider->pid);

	(void)events;
	if (status < 0)
		return;
	decider->pid = 0;
	channel_drain(decider->channel);
	if (!mover->stopping)
		explain_death(mover, status);
	if (loop_now_us(mover->loop) - decider->started_us >= LIFE_US_GOOD)
		mover->failures = 0;
	mover->failures++;
	clear(mover);
	if (mover->stopping)
		return;
	if (mover->terminating)
		mover_farewell_failed(mover);
	else
		plan_restart(mover);
}

static void restart_is_due(struct loop_timer *timer)
{
	decider_start(container_of(timer, struct mover, restart));
}

static void ping_is_due(struct loop_timer *timer)
{
	struct mover *mover = container_of(timer, struct mover, ping);
	struct msg_ping ping = { .token = ++mover->decider.ping_token };
	uint8_t bytes[64];

	loop_timer_start(mover->loop, timer, PING_INTERVAL_US);
	if (mover->decider.ping_open)
		return;
	mover->decider.ping_open = true;
	loop_timer_start(mover->loop, &mover->silence, PING_ANSWER_US);
	decider_send(mover, bytes, msg_ping_encode(&ping, 0, bytes, sizeof(bytes)), -1);
}

static void silence_is_over(struct loop_timer *timer)
{
	decider_kill(container_of(timer, struct mover, silence),
		     "no answer to a ping for 5 seconds");
}

void decider_init(struct mover *mover)
{
	mover->decider.exited.fd = -1;
	mover->restart = (struct loop_timer){ .fired = restart_is_due,
					      .name = "next start of the decider" };
	mover->ping = (struct loop_timer){ .fired = ping_is_due, .name = "ping" };
	mover->silence = (struct loop_timer){ .fired = silence_is_over, .name = "answer to ping" };
}

/* Takes `channel_fd`. */
static int adopt_child(struct mover *mover, pid_t pid, int channel_fd)
{
	struct channel_events events = { mover, channel_message, channel_closed, channel_drained };
	struct decider *decider = &mover->decider;
	int error = channel_new(mover->loop, channel_fd, &events, &decider->channel);

	decider->exited = (struct loop_watch){ .fd = proc_pidfd(pid), .ready = child_exited };
	if (!error && decider->exited.fd < 0)
		error = decider->exited.fd;
	if (!error)
		error = loop_watch(mover->loop, &decider->exited, EPOLLIN);
	if (!error)
		return 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	clear(mover);
	return error;
}

static int spawn(struct mover *mover)
{
	int module_fd = open_module(mover);
	int pair[2];
	pid_t pid;
	int error;

	if (module_fd < 0)
		return module_fd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
		error = -errno;
		close(module_fd);
		return error;
	}
	pid = fork();
	if (pid == 0)
		run_child(mover, pair[1], module_fd);
	error = pid < 0 ? -errno : 0;
	close(module_fd);
	close(pair[1]);
	if (error) {
		close(pair[0]);
		return error;
	}
	mover->decider.pid = pid;
	return adopt_child(mover, pid, pair[0]);
}

void decider_start(struct mover *mover)
{
	int error;

	if (mover->decider.pid)
		return;
	mover->decider = (struct decider){ .exited.fd = -1,
					   .started_us = loop_now_us(mover->loop) };
	error = spawn(mover);
	if (error) {
		mover->failures++;
		log_error("the decider cannot be started: %s", strerror(-error));
		plan_restart(mover);
		return;
	}
	mover->starts++;
	loop_timer_start(mover->loop, &mover->ping, PING_INTERVAL_US);
}

void decider_kill(struct mover *mover, const char *reason)
{
	struct decider *decider = &mover->decider;

	if (!decider->pid)
		return;
	if (reason && !decider->kill_reason) {
		decider->kill_reason = reason;
		log_error("the decider is killed: %s", reason);
	}
	kill(decider->pid, SIGKILL);
}

void decider_send(struct mover *mover, const uint8_t *bytes, int length, int fd)
{
	int error;

	CHECK(length > 0);
	if (!mover->decider.channel) {
		if (fd >= 0)
			close(fd);
		return;
	}
	error = channel_send(mover->decider.channel, bytes, (size_t)length, fd);
	if (error && error != -EPIPE)
		decider_kill(mover, "it does not read what the mover sends");
}

void decider_signal(struct mover *mover, uint8_t number)
{
	struct msg_signal message = { .number = number };
	uint8_t bytes[64];

	if (mover->decider.greeted)
		decider_send(mover, bytes, msg_signal_encode(&message, 0, bytes, sizeof(bytes)),
			     -1);
}

void decider_pong(struct mover *mover, uint32_t token)
{
	if (!mover->decider.ping_open || token != mover->decider.ping_token)
		return;
	mover->decider.ping_open = false;
	loop_timer_stop(&mover->silence);
}

void decider_reap(struct mover *mover)
{
	loop_timer_stop(&mover->restart);
	if (mover->decider.pid) {
		kill(mover->decider.pid, SIGKILL);
		waitpid(mover->decider.pid, NULL, 0);
	}
	clear(mover);
}
