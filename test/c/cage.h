/* A policy cage as a child process, with this process as its decider. */
#ifndef ADIT_TEST_CAGE_H
#define ADIT_TEST_CAGE_H

#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "vm/vm.h"

#define CAGE_WAIT_MS 20000
#define CAGE_ERRORS_MAX 8192
/* Long, because other tests have the processors, too, and the sanitizer is slow. */
#define CAGE_CALL_MS 300

/* What the real prelude does, in small: checks an answer's shape and gives scripts two helpers. */
#define CAGE_PRELUDE                                                                               \
	"const { stringify, parse } = JSON;\n"                                                     \
	"const { freeze } = Object;\n"                                                             \
	"let policy;\n"                                                                            \
	"const rubbish = (text) => { const e = new TypeError(text);\n"                             \
	"  e.kind = 'rubbish'; throw e; };\n"                                                      \
	"export const via = (location) => freeze({ action: 'via', location });\n"                  \
	"export const block = () => freeze({ action: 'block' });\n"                                \
	"export const definePolicy = (definition) => definition;\n"                                \
	"export function adopt(definition) {\n"                                                    \
	"  if (typeof definition !== 'object' || definition === null)\n"                           \
	"    throw new TypeError('the script exports no policy');\n"                               \
	"  policy = { route: definition.route };\n"                                                \
	"  if (typeof policy.route !== 'function') throw new TypeError('no function route');\n"    \
	"  return '{\"version\":1}';\n"                                                            \
	"}\n"                                                                                      \
	"export function handle(json) {\n"                                                         \
	"  const { world } = parse(json);\n"                                                       \
	"  const route = policy.route;\n"                                                          \
	"  const answer = route(freeze({ mac: 'aa' }), freeze(world));\n"                          \
	"  const isObject = typeof answer === 'object' && answer !== null;\n"                      \
	"  if (!isObject) rubbish('route() gave no answer');\n"                                    \
	"  const { action, location } = answer;\n"                                                 \
	"  if (typeof action !== 'string') rubbish('action is no text');\n"                        \
	"  return stringify({ action: action.slice(0, 100),\n"                                     \
	"    location: location === undefined ? undefined : `${location}`.slice(0, 100) });\n"     \
	"}\n"

struct cage_child {
	pid_t pid;
	int channel;
	int errors_fd;
	char errors[CAGE_ERRORS_MAX];
	bool is_over;
	int status; /* exit status, or minus the signal */
};

struct cage_answer {
	char kind; /* VM_FRAME_RESULT, VM_FRAME_ERROR, 0: the cage is gone, 1: no answer in time */
	char text[65536];
};

static inline double cage_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static inline struct vm_policy_options cage_options(void)
{
	return (struct vm_policy_options){ .prelude_text = CAGE_PRELUDE,
					   .prelude_size = sizeof(CAGE_PRELUDE) - 1,
					   .call_ms = CAGE_CALL_MS };
}

static inline void cage_open(struct cage_child *cage, const struct vm_policy_options *options)
{
	int channel[2], errors[2];

	memset(cage, 0, sizeof(*cage));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0 ||
	    pipe2(errors, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	cage->pid = fork();
	if (cage->pid == 0) {
		dup2(errors[1], STDERR_FILENO);
		dup2(channel[1], VM_CHANNEL_FD);
		_exit(vm_policy_main(options));
	}
	close(channel[1]);
	close(errors[1]);
	cage->channel = channel[0];
	cage->errors_fd = errors[0];
}

static inline bool cage_write(struct cage_child *cage, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t r = send(cage->channel, at, size, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		at += r;
		size -= (size_t)r;
	}
	return true;
}

static inline bool cage_send(struct cage_child *cage, char kind, const void *text, size_t size)
{
	size_t length = size + 1;
	unsigned char header[5] = { length & 255, length >> 8 & 255, length >> 16 & 255,
				    length >> 24 & 255, (unsigned char)kind };

	return cage_write(cage, header, sizeof(header)) && cage_write(cage, text, size);
}

/* False if it is gone or the time is over. */
static inline bool cage_read(struct cage_child *cage, void *data, size_t size, double due_ms)
{
	char *at = data;

	while (size > 0) {
		struct pollfd ready = { .fd = cage->channel, .events = POLLIN };
		double left = due_ms - cage_now_ms();
		ssize_t r;

		if (left <= 0 || poll(&ready, 1, (int)left + 1) < 1)
			return false;
		r = recv(cage->channel, at, size, 0);
		if (r <= 0)
			return false;
		at += r;
		size -= (size_t)r;
	}
	return true;
}

static inline void cage_hear(struct cage_child *cage, int wait_ms, struct cage_answer *ret_answer)
{
	double due = cage_now_ms() + wait_ms;
	unsigned char header[5];
	size_t size;

	ret_answer->text[0] = '\0';
	ret_answer->kind = 0;
	if (!cage_read(cage, header, sizeof(header), due)) {
		ret_answer->kind = cage_now_ms() >= due ? 1 : 0;
		return;
	}
	size = header[0] | header[1] << 8 | header[2] << 16 | (size_t)header[3] << 24;
	ret_answer->kind = (char)header[4];
	if (size < 1 || size > sizeof(ret_answer->text) ||
	    !cage_read(cage, ret_answer->text, size - 1, due))
		abort();
	ret_answer->text[size - 1] = '\0';
}

static inline void cage_ask(struct cage_child *cage, char kind, const void *text, size_t size,
			    struct cage_answer *ret_answer)
{
	ret_answer->kind = 0;
	if (cage_send(cage, kind, text, size))
		cage_hear(cage, CAGE_WAIT_MS, ret_answer);
}

/* Processor time that the cage says it took. */
static inline unsigned long cage_cpu_ms(const struct cage_answer *answer)
{
	const char *found = strstr(answer->text, "\"cpu_us\":");

	return found ? strtoul(found + strlen("\"cpu_us\":"), NULL, 10) / 1000 : ULONG_MAX;
}

/* Ends it by closing its channel, or finds out how it ended. */
static inline void cage_close(struct cage_child *cage)
{
	size_t used = 0;
	int status = 0;
	ssize_t r;

	close(cage->channel);
	while ((r = read(cage->errors_fd, cage->errors + used, CAGE_ERRORS_MAX - 1 - used)) > 0)
		used += (size_t)r;
	close(cage->errors_fd);
	waitpid(cage->pid, &status, 0);
	cage->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	if (strstr(cage->errors, "Sanitizer") != NULL)
		printf("%s", cage->errors);
}

#endif
