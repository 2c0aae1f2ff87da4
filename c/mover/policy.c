#define _GNU_SOURCE 1
#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The first to be sacrificed when memory runs out: the decider keeps a script's last answer. */
#define OOM_SCORE_CAGE 600
/* A cage that floods its standard error loses what does not fit. */
#define WORDS_PIPE_BYTES 4096
#define NUMBER_TEXT_SIZE 16

/* ------------------------------------------------------------------------------ the end */

/* The end of what was written, on one line. */
static void read_words(const struct cage *cage, char *ret_text, size_t size)
{
	char bytes[WORDS_PIPE_BYTES];
	ssize_t length = read(cage->words_fd, bytes, sizeof(bytes));
	size_t used = length > 0 ? (size_t)length : 0;
	size_t skipped;

	while (used > 0 && bytes[used - 1] == '\n')
		used--;
	skipped = used >= size ? used - size + 1 : 0;
	for (size_t i = skipped; i < used; i++)
		ret_text[i - skipped] = (unsigned char)bytes[i] < 0x20 ? ' ' : bytes[i];
	ret_text[used - skipped] = '\0';
}

static void report(const struct cage *cage, int status)
{
	struct msg_policy_died died = {
		.cage = cage->number,
		.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};
	uint8_t bytes[MSG_POLICY_DIED_TEXT_MAX + 64];
	char end[96];

	read_words(cage, died.text, sizeof(died.text));
	proc_status_text(status, end, sizeof(end));
	/* The end of its socket is how a decider that is done with it may say so. */
	if (!cage->killed && died.status != VM_EXIT_MOVER_GONE)
		log_warning("cage %u ended by itself: %s%s%s", cage->number, end,
			    died.text[0] ? ": " : "", died.text);
	if (!cage->forgotten && cage->mover->decider.greeted)
		decider_send(cage->mover, bytes,
			     msg_policy_died_encode(&died, 0, bytes, sizeof(bytes)), -1);
}

static void clear(struct cage *cage)
{
	loop_unwatch(&cage->exited);
	if (cage->exited.fd >= 0)
		close(cage->exited.fd);
	if (cage->words_fd >= 0)
		close(cage->words_fd);
	*cage = (struct cage){ 0 };
}

static void cage_exited(struct loop_watch *watch, uint32_t events)
{
	struct cage *cage = container_of(watch, struct cage, exited);
	int status = proc_reap(cage->pid);

	(void)events;
	if (status < 0)
		return;
	report(cage, status);
	clear(cage);
}

static void kill_cage(struct cage *cage)
{
	cage->killed = true;
	kill(cage->pid, SIGKILL);
}

/* ---------------------------------------------------------------------------- the start */

/* -EMFILE or -EAGAIN as policy_open says. */
static int find_place(struct mover *mover, struct cage **ret_cage)
{
	unsigned int alive = 0;

	*ret_cage = NULL;
	for (size_t i = 0; i < POLICY_PLACES_MAX; i++) {
		struct cage *cage = &mover->cages[i];

		if (cage->number == 0)
			*ret_cage = cage;
		else if (!cage->killed)
			alive++;
	}
	if (alive >= POLICY_CAGES_MAX)
		return -EMFILE;
	return *ret_cage ? 0 : -EAGAIN;
}

/* The installed prelude, read again so that an update of the system is seen. A script that ran goes
 * on to run without the disk. */
static int refresh_prelude(struct mover *mover)
{
	uint8_t *text = NULL;
	size_t size = 0;
	int error = file_read_all(mover->options.prelude_path, &text, &size);

	if (error)
		return mover->prelude ? 0 : error;
	free(mover->prelude);
	mover->prelude = (char *)text;
	mover->prelude_size = size;
	return 0;
}

static pid_t start_child(const struct mover *mover, const struct msg_policy_open *message,
			 int channel_fd, int errors_fd)
{
	char memory[NUMBER_TEXT_SIZE], stack[NUMBER_TEXT_SIZE], call[NUMBER_TEXT_SIZE];
	char *const argv[] = { ENTRY_CAGE_NAME, memory, stack, call, NULL };
	struct child_request request = {
		.argv = argv,
		.program_fd = mover->program_fd,
		.channel_fd = channel_fd,
		.errors_fd = errors_fd,
		.text = mover->prelude,
		.size = mover->prelude_size,
		.oom_score = OOM_SCORE_CAGE,
	};

	snprintf(memory, sizeof(memory), "%u", message->memory_kib);
	snprintf(stack, sizeof(stack), "%u", message->stack_kib);
	snprintf(call, sizeof(call), "%u", message->call_ms);
	return child_start(&request);
}

/* Fills a free place. On failure nothing of the child is left. */
static int spawn(struct cage *cage, const struct msg_policy_open *message, int channel_fd)
{
	struct mover *mover = cage->mover;
	int words[2];
	int error;

	if (pipe2(words, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* A refusal leaves a larger pipe, of which the beginning is read. */
	fcntl(words[0], F_SETPIPE_SZ, WORDS_PIPE_BYTES);
	cage->words_fd = words[0];
	cage->pid = start_child(mover, message, channel_fd, words[1]);
	close(words[1]);
	if (cage->pid < 0)
		return cage->pid;
	cage->exited.fd = proc_pidfd(cage->pid);
	error = cage->exited.fd < 0 ? cage->exited.fd :
				      loop_watch(mover->loop, &cage->exited, EPOLLIN);
	if (error) {
		kill(cage->pid, SIGKILL);
		waitpid(cage->pid, NULL, 0);
	}
	return error;
}

static int open_socket(int *ret_pair)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_pair) < 0)
		return -errno;
	/* Only the decider's end: a cage has nothing to do but wait. */
	fcntl(ret_pair[0], F_SETFL, O_NONBLOCK);
	return 0;
}

int policy_open(struct mover *mover, const struct msg_policy_open *message, uint32_t *ret_cage)
{
	struct cage *cage;
	int pair[2];
	int error = find_place(mover, &cage);

	if (!error)
		error = refresh_prelude(mover);
	if (!error)
		error = open_socket(pair);
	if (error)
		return error;
	*cage = (struct cage){ .mover = mover,
			       .words_fd = -1,
			       .exited = { .fd = -1, .ready = cage_exited } };
	error = spawn(cage, message, pair[1]);
	close(pair[1]);
	if (error) {
		close(pair[0]);
		clear(cage);
		return error;
	}
	if (++mover->cage_number == 0)
		mover->cage_number = 1;
	cage->number = mover->cage_number;
	*ret_cage = cage->number;
	return pair[0];
}

void policy_kill(struct mover *mover, uint32_t number)
{
	for (size_t i = 0; i < POLICY_PLACES_MAX; i++)
		if (number && mover->cages[i].number == number && !mover->cages[i].forgotten)
			kill_cage(&mover->cages[i]);
}

void policy_forget(struct mover *mover)
{
	for (size_t i = 0; i < POLICY_PLACES_MAX; i++) {
		struct cage *cage = &mover->cages[i];

		if (!cage->number)
			continue;
		cage->forgotten = true;
		kill_cage(cage);
	}
}

void policy_reap(struct mover *mover)
{
	for (size_t i = 0; i < POLICY_PLACES_MAX; i++) {
		struct cage *cage = &mover->cages[i];

		if (!cage->number)
			continue;
		kill_cage(cage);
		waitpid(cage->pid, NULL, 0);
		clear(cage);
	}
}
