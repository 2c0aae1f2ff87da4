#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "../decider_exit.h"
#include "../log.h"
#include "../sys/proc.h"
#include "child.h"
#include "entry.h"
#include "mover.h"

#define PING_INTERVAL_US 2000000
#define PING_ANSWER_US 5000000
/* That much of the processor's time is enough for an answer. Who got less on a busy router is not
 * to blame, so many times. */
#define PING_CPU_US 2500000
#define SILENCES_MAX 6
/* The same for loading its module, at which a router that boots is at its slowest. */
#define LOADING_CPU_US 20000000
#define LOADING_SILENCES_MAX 1
/* Waits before the next start double from the first to the last of these. */
#define RESTART_US_FIRST 100000
#define RESTART_US_MAX 10000000
/* A decider that lived this long is not held against its successor. */
#define LIFE_US_GOOD 30000000
/* One that lived less did hardly more than load its module. */
#define LIFE_US_SHORT 1000000
#define OOM_SCORE_DECIDER 300

/* A restart costs less than what it cures: whose predecessor lived for a while is not waited for
 * much longer than that. */
static uint64_t restart_delay_us(uint32_t failures, uint64_t lived_us)
{
	bool is_short = lived_us < LIFE_US_SHORT || 2 * lived_us > RESTART_US_MAX;
	uint64_t max_us = is_short ? RESTART_US_MAX : 2 * lived_us;
	uint64_t delay_us = RESTART_US_FIRST;

	if (failures <= 1)
		return 0;
	for (uint32_t i = 2; i < failures && delay_us < max_us; i++)
		delay_us *= 2;
	return delay_us < max_us ? delay_us : max_us;
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
	const char *words;
	char module[40] = "";
	char end[96];

	if (mover->control.trial)
		snprintf(module, sizeof(module), "control module %s on trial: ",
			 mover->control.running.slot);
	if (!meaning && code >= 0 && code < (int)ARRAY_SIZE(meanings))
		meaning = meanings[code];
	proc_status_text(status, end, sizeof(end));
	/* Its last words are about its end only if it ended itself. */
	words = code >= 0 && !decider->kill_reason ? decider->last_error : "";
	snprintf(mover->last_death, sizeof(mover->last_death), "%s%s%s%s%s%s", module, end,
		 meaning ? ": " : "", meaning ? meaning : "", words[0] ? ": " : "", words);
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
	uint64_t lived_us = loop_now_us(mover->loop) - mover->decider.started_us;

	loop_timer_start(mover->loop, &mover->restart,
			 restart_delay_us(mover->failures, lived_us));
}

/* A death that was asked for is nobody's fault. */
static void note_replacement(struct mover *mover)
{
	mover->failures = 0;
	snprintf(mover->last_death, sizeof(mover->last_death), "it gave way to control module %s",
		 mover->control.running.slot);
	log_info("the decider gives way to one with control module %s",
		 mover->control.running.slot);
}

static void note_death(struct mover *mover, int status)
{
	if (mover->decider.replaced) {
		note_replacement(mover);
		return;
	}
	explain_death(mover, status);
	if (loop_now_us(mover->loop) - mover->decider.started_us >= LIFE_US_GOOD)
		mover->failures = 0;
	mover->failures++;
	if (control_fell(mover))
		mover->failures = 0;
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
	writer_finish(mover);
	channel_drain(decider->channel);
	if (!mover->stopping)
		note_death(mover, status);
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
	if (mover->decider.ping_open || !mover->decider.greeted)
		return;
	mover->decider.ping_open = true;
	mover->decider.silences = 0;
	mover->decider.ping_cpu_us = proc_cpu_us(mover->decider.pid);
	loop_timer_start(mover->loop, &mover->silence, PING_ANSWER_US);
	decider_send(mover, bytes, msg_ping_encode(&ping, 0, bytes, sizeof(bytes)), -1);
}

/* Whoever had the processor's time for an answer, or was silent too often without asking for it.
 * Who waits for his turn is not to blame: another one would wait as long, after it was loaded. */
static bool is_to_blame(struct mover *mover)
{
	struct decider *decider = &mover->decider;
	uint64_t used_us = proc_cpu_us(decider->pid) - decider->ping_cpu_us;
	uint64_t enough_us = decider->greeted ? PING_CPU_US : LOADING_CPU_US;
	uint32_t silences_max = decider->greeted ? SILENCES_MAX : LOADING_SILENCES_MAX;

	if (used_us >= enough_us)
		return true;
	return !proc_wants_cpu(decider->pid) && ++decider->silences >= silences_max;
}

static void silence_is_over(struct loop_timer *timer)
{
	struct mover *mover = container_of(timer, struct mover, silence);

	/* While a writer is busy, what the decider says is not read. */
	if (writer_is_busy(mover) || !is_to_blame(mover))
		loop_timer_start(mover->loop, timer, PING_ANSWER_US);
	else
		decider_kill(mover, mover->decider.greeted ? "no answer to a ping" :
							     "no word of it for 20 seconds");
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
	char *const argv[] = { ENTRY_DECIDER_NAME, NULL };
	struct child_request request = { .argv = argv, .program_fd = mover->program_fd,
					 .errors_fd = -1, .oom_score = OOM_SCORE_DECIDER,
					 .nice = DECIDER_NICE };
	int pair[2];
	pid_t pid;

	request.text = control_text(mover, &request.size);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	request.channel_fd = pair[1];
	pid = child_start(&request);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return pid;
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
					   .started_us = loop_now_us(mover->loop),
					   .nft_us = nft_busy_us(mover->nft) };
	error = spawn(mover);
	if (error) {
		mover->failures++;
		log_error("the decider cannot be started: %s", strerror(-error));
		control_fell(mover);
		plan_restart(mover);
		return;
	}
	mover->starts++;
	loop_timer_start(mover->loop, &mover->ping, PING_INTERVAL_US);
	loop_timer_start(mover->loop, &mover->silence, LOADING_CPU_US);
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

void decider_replace(struct mover *mover)
{
	struct decider *decider = &mover->decider;

	if (!decider->pid)
		return;
	decider->replaced = true;
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

void decider_greeted(struct mover *mover)
{
	mover->decider.greeted = true;
	loop_timer_stop(&mover->silence);
}

void decider_note(struct mover *mover, enum decider_step step)
{
	if (!mover->decider.step_us[step])
		mover->decider.step_us[step] = loop_now_us(mover->loop);
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
	writer_finish(mover);
	clear(mover);
	policy_reap(mover);
}
