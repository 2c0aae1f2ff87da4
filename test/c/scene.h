/* What tests of a real mover share: a daemon in a network namespace of its own, and a decider that
 * plays a scene. The scene's name is the text of the module. */
#ifndef ADIT_TEST_SCENE_H
#define ADIT_TEST_SCENE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.gen.h"
#include "mover/entry.h"
#include "test.h"
#include "vm/vm.h"

#ifndef SCENE_MS_MAX
#define SCENE_MS_MAX 20000
#endif
#define LOG_BYTES_MAX 65536
#define SEQ 7

/* ------------------------------------------------------------------ the decider's side */

static uint8_t received[MSG_BYTES_MAX];
static size_t received_size;
static int received_fd;
static struct msg_mover_state state;

/* Waits while the mover is busy. */
static inline bool send_message(const uint8_t *bytes, size_t length)
{
	struct pollfd writable = { .fd = VM_CHANNEL_FD, .events = POLLOUT };
	ssize_t sent;

	while ((sent = send(VM_CHANNEL_FD, bytes, length, 0)) < 0 && errno == EAGAIN)
		poll(&writable, 1, SCENE_MS_MAX);
	return sent == (ssize_t)length;
}

#define SEND(name, seq, ...)                                                                       \
	do {                                                                                       \
		struct msg_##name message_ = __VA_ARGS__;                                          \
		uint8_t bytes_[MSG_BYTES_MAX];                                                     \
		int length_ = msg_##name##_encode(&message_, seq, bytes_, sizeof(bytes_));         \
		if (length_ < 0 || !send_message(bytes_, (size_t)length_))                         \
			_exit(90);                                                                 \
	} while (0)

#define DECODE(name, ret)                                                                          \
	(msg_##name##_decode(received + CODEC_HEADER_BYTES, received_size - CODEC_HEADER_BYTES,    \
			     ret) == 0)

static inline void answer_ping(void)
{
	struct msg_ping ping;

	if (!DECODE(ping, &ping))
		_exit(91);
	SEND(pong, 0, { .token = ping.token });
}

/* Reads until a message of this kind comes; whatever else comes is passed over. */
static inline void await(uint16_t id)
{
	struct msg_header header = { 0 };

	while (header.id != id) {
		union {
			struct cmsghdr header;
			uint8_t bytes[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec part = { received, sizeof(received) };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof(control.bytes) };
		struct pollfd readable = { .fd = VM_CHANNEL_FD, .events = POLLIN };
		ssize_t length;

		poll(&readable, 1, SCENE_MS_MAX);
		length = recvmsg(VM_CHANNEL_FD, &message, 0);
		if (length <= 0 || msg_header_decode(received, (size_t)length, &header) < 0)
			_exit(92);
		received_size = (size_t)length;
		received_fd = -1;
		if (message.msg_controllen)
			memcpy(&received_fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		if (header.id == MSG_PING)
			answer_ping();
	}
}

static inline void end(int status)
{
	SEND(exit, 0, { .status = (uint8_t)status });
	for (;;)
		pause();
}

/* Ends the scene badly, naming the line. */
#define NEED(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			SEND(log, 0, { .level = 3, .text = "unmet: " #cond });                     \
			end(99);                                                                   \
		}                                                                                  \
	} while (0)

static inline int result_of(void)
{
	struct msg_result result;

	await(MSG_RESULT);
	return DECODE(result, &result) ? result.error : 1;
}

static inline void greet(void)
{
	SEND(hello, SEQ, { .contract = MSG_CONTRACT_VERSION, .module = "stub" });
	await(MSG_MOVER_STATE);
	if (!DECODE(mover_state, &state))
		_exit(93);
}

struct scene {
	const char *name;
	void (*play)(void);
};

static _Noreturn inline void play_scene(const struct scene *scenes, size_t count)
{
	char name[64] = "";

	if (pread(ENTRY_MODULE_FD, name, sizeof(name) - 1, 0) <= 0)
		_exit(94);
	greet();
	for (size_t i = 0; i < count; i++)
		if (strcmp(scenes[i].name, name) == 0)
			scenes[i].play();
	_exit(95);
}

/* --------------------------------------------------------------------- the test's side */

static char dir[] = "/tmp/adit-scene-XXXXXX";
static char config_path[64], module_path[64], run_path[64];

struct daemon {
	pid_t pid;
	int log;
	char text[LOG_BYTES_MAX];
	size_t length;
};

static struct daemon daemon_main;
/* Whoever starts the next daemon ignores its children and has closed its standard files. */
static bool careless;

static inline void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	EXPECT(file && fputs(text, file) >= 0);
	if (file)
		fclose(file);
}

static inline void start(struct daemon *daemon, const char *scene)
{
	char *argv[] = { "aditd", "-c", config_path, "-m", module_path, "--run-dir", run_path,
			 NULL };
	int ends[2];

	write_file(module_path, scene);
	EXPECT_EQUAL(pipe(ends), 0);
	fflush(stdout);
	daemon->length = 0;
	daemon->text[0] = '\0';
	daemon->log = ends[0];
	daemon->pid = fork();
	if (daemon->pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		if (careless) {
			signal(SIGCHLD, SIG_IGN);
			close(STDIN_FILENO);
			close(STDOUT_FILENO);
		}
		_exit(entry_daemon(7, argv));
	}
	close(ends[1]);
}

/* Collects the log until `word` appears or the daemon and its children ended. */
static inline bool await_log(struct daemon *daemon, const char *word)
{
	struct pollfd readable = { .fd = daemon->log, .events = POLLIN };

	while (!word || !strstr(daemon->text, word)) {
		ssize_t length = -1;

		if (poll(&readable, 1, SCENE_MS_MAX) == 1)
			length = read(daemon->log, daemon->text + daemon->length,
				      sizeof(daemon->text) - 1 - daemon->length);
		if (length <= 0)
			return !word && length == 0;
		daemon->length += (size_t)length;
		daemon->text[daemon->length] = '\0';
	}
	return true;
}

static inline int finish(struct daemon *daemon)
{
	bool ended = await_log(daemon, NULL);
	int status = 0;

	/* Also one that says more than fits: nobody would wait for its end. */
	if (!ended || daemon->length == sizeof(daemon->text) - 1)
		kill(daemon->pid, SIGKILL);
	EXPECT_EQUAL(waitpid(daemon->pid, &status, 0), daemon->pid);
	close(daemon->log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void expect_scene(const char *scene, int signal_number, int want)
{
	int status;

	start(&daemon_main, scene);
	if (signal_number) {
		EXPECT(await_log(&daemon_main, "ready"));
		EXPECT_EQUAL(kill(daemon_main.pid, signal_number), 0);
	}
	status = finish(&daemon_main);
	if (status != want)
		printf("scene %s:\n%s", scene, daemon_main.text);
	EXPECT_EQUAL(status, want);
}

/* Makes the folder and the namespace. False, after a summary line, where there can be none. */
static inline bool prepare_daemon(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return false;
	}
	EXPECT(mkdtemp(dir) != NULL);
	snprintf(config_path, sizeof(config_path), "%s/config.json", dir);
	snprintf(module_path, sizeof(module_path), "%s/module", dir);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	write_file(config_path, "{}\n");
	return true;
}

static inline void remove_files(const char *const *names, size_t count)
{
	char path[128];

	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		EXPECT_EQUAL(remove(path), 0);
	}
}

#endif
