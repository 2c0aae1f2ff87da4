#define _GNU_SOURCE 1
#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../check.h"
#include "../sys/proc.h"
#include "child.h"
#include "commands.h"

/* WRITER_BYTES_MAX in a day. */
#define HEAL_US UINT64_C(5150)
/* Three numbers. */
#define NOTE_BYTES_MAX 64

struct job {
	const char *path;
	unsigned int mode;
	const uint8_t *data; /* NULL to remove the file */
	size_t size;
};

static int run_job(const struct job *job)
{
	if (!job->data)
		return file_remove(job->path);
	return file_write(job->path, job->mode, job->data, job->size);
}

static int run_in_child(const void *arg)
{
	return -run_job(arg);
}

/* Numbers of errors fit in a status. */
static int error_of(int status)
{
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static void end(struct mover *mover, int status)
{
	struct writer *writer = &mover->writer;

	loop_unwatch(&writer->exited);
	close(writer->exited.fd);
	writer->pid = 0;
	command_reply(mover, writer->seq, error_of(status), NULL, -1);
	if (mover->decider.channel)
		channel_hold(mover->decider.channel, false);
}

static void child_exited(struct loop_watch *watch, uint32_t events)
{
	struct writer *writer = container_of(watch, struct writer, exited);
	int status = proc_reap(writer->pid);

	(void)events;
	if (status >= 0)
		end(container_of(writer, struct mover, writer), status);
}

/* 0, or -errno if there is no child that works. */
static int start_child(struct mover *mover, const struct job *job)
{
	struct writer *writer = &mover->writer;
	int error;

	/* Nobody waits for the answer of a dead decider, but its successor for the file. */
	if (!mover->decider.pid)
		return -ESRCH;
	error = child_run(run_in_child, job);
	if (error < 0)
		return error;
	writer->pid = error;
	writer->exited =
		(struct loop_watch){ .fd = proc_pidfd(writer->pid), .ready = child_exited };
	error = writer->exited.fd < 0 ? writer->exited.fd :
					loop_watch(mover->loop, &writer->exited, EPOLLIN);
	if (!error)
		return 0;
	kill(writer->pid, SIGKILL);
	waitpid(writer->pid, NULL, 0);
	if (writer->exited.fd >= 0)
		close(writer->exited.fd);
	writer->pid = 0;
	return error;
}

/* Nothing that a decider has to write comes near the bound; one that was taken over could otherwise
 * write until the flash is worn out. */
static bool may_write(struct mover *mover, size_t size)
{
	struct writer *writer = &mover->writer;
	uint64_t now_us = loop_now_us(mover->loop);
	uint64_t healed = (now_us - writer->healed_us) / HEAL_US;

	if (healed > 0)
		writer->healed_us = now_us;
	writer->worn -= healed < writer->worn ? healed : writer->worn;
	if (writer->worn + size + WRITER_BLOCK_BYTES > WRITER_BYTES_MAX)
		return false;
	writer->worn += size + WRITER_BLOCK_BYTES;
	return true;
}

/* After a boot the former times are in the future, which heals everything. */
void writer_recall(struct mover *mover, int lock_fd)
{
	char text[NOTE_BYTES_MAX + 1] = "";
	ssize_t length = pread(lock_fd, text, NOTE_BYTES_MAX, 0);
	char *line = length > 0 ? strchr(text, '\n') : NULL;

	if (!line)
		return;
	mover->writer.worn = strtoull(line + 1, &line, 10);
	mover->writer.healed_us = strtoull(line, NULL, 10);
}

void writer_note(const struct mover *mover, int lock_fd)
{
	if (ftruncate(lock_fd, 0) == 0 && lseek(lock_fd, 0, SEEK_SET) == 0)
		dprintf(lock_fd, "%d\n%llu %llu\n", (int)getpid(),
			(unsigned long long)mover->writer.worn,
			(unsigned long long)mover->writer.healed_us);
}

static void start(struct mover *mover, uint32_t seq, const struct job *job)
{
	CHECK(!writer_is_busy(mover));
	mover->writer.seq = seq;
	if (!may_write(mover, job->size))
		command_reply(mover, seq, -EDQUOT, NULL, -1);
	else if (start_child(mover, job) == 0)
		channel_hold(mover->decider.channel, true);
	else
		command_reply(mover, seq, run_job(job), NULL, -1);
}

void writer_write(struct mover *mover, uint32_t seq, const char *path, unsigned int mode,
		  const uint8_t *data, size_t size)
{
	static const uint8_t nothing;
	struct job job = { path, mode, size > 0 ? data : &nothing, size };

	start(mover, seq, &job);
}

void writer_remove(struct mover *mover, uint32_t seq, const char *path)
{
	struct job job = { .path = path };

	start(mover, seq, &job);
}

bool writer_is_busy(const struct mover *mover)
{
	return mover->writer.pid != 0;
}

void writer_finish(struct mover *mover)
{
	int status = SIGKILL; /* how waitpid writes "killed by signal 9" */

	if (!writer_is_busy(mover))
		return;
	while (waitpid(mover->writer.pid, &status, 0) < 0 && errno == EINTR)
		;
	end(mover, status);
}
