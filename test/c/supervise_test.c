/* A real mover in a network namespace of its own, with a decider that plays a scene. The scene's
 * name is the text of the module. Needs root; skipped without. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contract.gen.h"
#include "mover/entry.h"
#include "test.h"
#include "vm/vm.h"

#define SCENE_MS_MAX 20000
#define LOG_BYTES_MAX 65536
#define SEQ 7

/* ------------------------------------------------------------------ the decider's side */

static uint8_t received[MSG_BYTES_MAX];
static size_t received_size;
static int received_fd;
static struct msg_mover_state state;

#define SEND(name, seq, ...)                                                                       \
	do {                                                                                       \
		struct msg_##name message_ = __VA_ARGS__;                                          \
		uint8_t bytes_[MSG_BYTES_MAX];                                                     \
		int length_ = msg_##name##_encode(&message_, seq, bytes_, sizeof(bytes_));         \
		if (length_ < 0 || send(VM_CHANNEL_FD, bytes_, (size_t)length_, 0) != length_)     \
			_exit(90);                                                                 \
	} while (0)

#define DECODE(name, ret)                                                                          \
	(msg_##name##_decode(received + CODEC_HEADER_BYTES, received_size - CODEC_HEADER_BYTES,    \
			     ret) == 0)

static void answer_ping(void)
{
	struct msg_ping ping;

	if (!DECODE(ping, &ping))
		_exit(91);
	SEND(pong, 0, { .token = ping.token });
}

/* Reads until a message of this kind comes; whatever else comes is passed over. */
static void await(uint16_t id)
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

static void end(int status)
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

static int result_of(void)
{
	struct msg_result result;

	await(MSG_RESULT);
	return DECODE(result, &result) ? result.error : 1;
}

static void greet(void)
{
	SEND(hello, SEQ, { .contract = MSG_CONTRACT_VERSION, .module = "stub" });
	await(MSG_MOVER_STATE);
	if (!DECODE(mover_state, &state))
		_exit(93);
}

static void scene_crash(void)
{
	if (state.restarts < 3) {
		SEND(log, 0, { .level = 3, .text = "boom" });
		_exit(VM_EXIT_EXCEPTION);
	}
	NEED(strstr(state.last_death, "boom"));
	NEED(strstr(state.last_death, "exception"));
	end(0);
}

static void scene_rubbish(void)
{
	if (state.restarts == 0) {
		send(VM_CHANNEL_FD, "rubbish!", 8, 0);
		pause();
	}
	NEED(strstr(state.last_death, "makes no sense"));
	NEED(strstr(state.last_death, "signal 9"));
	end(0);
}

static void scene_terminate(void)
{
	struct msg_signal message;

	SEND(ready, 0, { 0 });
	await(MSG_SIGNAL);
	NEED(DECODE(signal, &message) && message.number == SIGTERM);
	end(3);
}

/* The first one dies of the signal; the second one is told of it after its hello. */
static void scene_last_chance(void)
{
	SEND(ready, 0, { 0 });
	await(MSG_SIGNAL);
	if (state.restarts == 0)
		_exit(VM_EXIT_EXCEPTION);
	end(4);
}

static void scene_no_chance(void)
{
	SEND(ready, 0, { 0 });
	await(MSG_SIGNAL);
	_exit(VM_EXIT_EXCEPTION);
}

static void kernel_is_told(void)
{
	struct msg_link link = { 0 };

	SEND(watch, SEQ, { 0 });
	NEED(result_of() == 0);
	await(MSG_DUMP_BEGIN);
	await(MSG_LINK);
	NEED(DECODE(link, &link) && strcmp(link.name, "lo") == 0);
	await(MSG_RULE);
	await(MSG_DUMP_END);
}

static void kernel_obeys(void)
{
	struct msg_rule rule = { 0 };
	struct msg_nft_text list = { 0 };
	struct msg_bytes script = { (const uint8_t *)"table inet adit { }\n", 20 };

	SEND(rule_set, SEQ, { .family = 4, .priority = 10, .fwmark = 8, .fwmask = 8, .table = 47,
			      .action = FR_ACT_TO_TBL });
	NEED(result_of() == 0);
	await(MSG_RULE);
	NEED(DECODE(rule, &rule) && rule.priority == 10 && rule.protocol == 173);
	SEND(nft_apply, SEQ, { .script = { script.data, 10 } });
	NEED(result_of() == 0);
	SEND(nft_apply, SEQ, { .last = true, .script = { script.data + 10, 10 } });
	NEED(result_of() == 0);
	await(MSG_NFT_CHANGED);
	SEND(nft_list, SEQ, { 0 });
	await(MSG_NFT_TEXT);
	NEED(DECODE(nft_text, &list) && list.error == 0 && list.last && list.data.size > 0);
}

static void foreign_things_are_refused(void)
{
	SEND(link_set, SEQ, { .name = "lo", .up = true });
	NEED(result_of() == -EPERM);
	SEND(rule_set, SEQ, { .family = 4, .priority = 5, .table = 47, .action = FR_ACT_TO_TBL });
	NEED(result_of() == -EINVAL);
	SEND(file_write, SEQ, { .path = "/etc/adit-supervise-test", .mode = 0600, .last = true });
	NEED(result_of() == -EPERM);
	SEND(nft_apply, SEQ, { .last = true, .script = { (const uint8_t *)"flush ruleset", 13 } });
	NEED(result_of() == -EPERM);
	SEND(sysctl_set, SEQ, { .key = "kernel/panic", .value = "1" });
	NEED(result_of() == -EPERM);
	SEND(listen_unix, SEQ, { .path = "/etc/adit-supervise-test", .mode = 0600 });
	NEED(result_of() == -EPERM);
	SEND(connect_udp, SEQ, { .addr = { 4, { 127, 0, 0, 1 } }, .port = 80 });
	NEED(result_of() == -EINVAL);
}

static void files_and_sockets_work(void)
{
	struct msg_listen_unix socket_message = { .mode = 0600 };
	struct msg_file_data data = { 0 };
	struct msg_file_read read_message = { 0 };
	uint8_t bytes[1024];
	int length;

	snprintf(read_message.path, sizeof(read_message.path), "%s", state.config_path);
	length = msg_file_read_encode(&read_message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	await(MSG_FILE_DATA);
	NEED(DECODE(file_data, &data) && data.error == 0 && data.data.size == data.total);
	snprintf(socket_message.path, sizeof(socket_message.path), "%.80s/api", state.run_dir);
	length = msg_listen_unix_encode(&socket_message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	NEED(result_of() == 0);
	NEED(received_fd > VM_CHANNEL_FD);
	NEED(read(STDIN_FILENO, bytes, 1) == 0);
	NEED(getuid() == 30473 && geteuid() == 30473);
}

static void scene_commands(void)
{
	kernel_is_told();
	kernel_obeys();
	foreign_things_are_refused();
	files_and_sockets_work();
	end(5);
}

static const struct scene {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{ "crash", scene_crash },
	{ "rubbish", scene_rubbish },
	{ "terminate", scene_terminate },
	{ "last chance", scene_last_chance },
	{ "no chance", scene_no_chance },
	{ "commands", scene_commands },
};

static _Noreturn void play_scene(void)
{
	char name[64] = "";

	if (pread(ENTRY_MODULE_FD, name, sizeof(name) - 1, 0) <= 0)
		_exit(94);
	greet();
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (strcmp(scenes[i].name, name) == 0)
			scenes[i].play();
	_exit(95);
}

/* --------------------------------------------------------------------- the test's side */

static char dir[] = "/tmp/adit-supervise-test-XXXXXX";
static char config_path[64], module_path[64], run_path[64];

struct daemon {
	pid_t pid;
	int log;
	char text[LOG_BYTES_MAX];
	size_t length;
};

static struct daemon daemon_main, daemon_second;
/* Whoever starts the next daemon ignores its children and has closed its standard files. */
static bool careless;

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	EXPECT(file && fputs(text, file) >= 0);
	if (file)
		fclose(file);
}

static void start(struct daemon *daemon, const char *scene)
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
static bool await_log(struct daemon *daemon, const char *word)
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

static int finish(struct daemon *daemon)
{
	bool ended = await_log(daemon, NULL);
	int status = 0;

	if (!ended)
		kill(daemon->pid, SIGKILL);
	EXPECT_EQUAL(waitpid(daemon->pid, &status, 0), daemon->pid);
	close(daemon->log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_scene(const char *scene, int signal_number, int want)
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

static void a_second_daemon_is_refused(void)
{
	char holder[32];

	start(&daemon_main, "terminate");
	EXPECT(await_log(&daemon_main, "ready"));
	start(&daemon_second, "terminate");
	EXPECT_EQUAL(finish(&daemon_second), 1);
	snprintf(holder, sizeof(holder), "process %d holds", (int)daemon_main.pid);
	EXPECT(strstr(daemon_second.text, holder) != NULL);
	EXPECT_EQUAL(kill(daemon_main.pid, SIGINT), 0);
	EXPECT_EQUAL(finish(&daemon_main), 3);
}

static void expect_null(pid_t pid, int fd)
{
	char path[64];
	char target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	EXPECT(readlink(path, target, sizeof(target) - 1) > 0);
	EXPECT_TEXT(target, "/dev/null");
}

static void a_careless_start_is_made_good(void)
{
	careless = true;
	expect_scene("crash", 0, 0);
	start(&daemon_main, "terminate");
	EXPECT(await_log(&daemon_main, "ready"));
	expect_null(daemon_main.pid, STDIN_FILENO);
	expect_null(daemon_main.pid, STDOUT_FILENO);
	EXPECT_EQUAL(kill(daemon_main.pid, SIGINT), 0);
	EXPECT_EQUAL(finish(&daemon_main), 3);
	careless = false;
}

static void remove_files(void)
{
	static const char *const names[] = { "run/aditd.lock", "run/api", "run", "config.json",
					     "module", "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		EXPECT_EQUAL(remove(path), 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play_scene();
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	EXPECT(mkdtemp(dir) != NULL);
	snprintf(config_path, sizeof(config_path), "%s/config.json", dir);
	snprintf(module_path, sizeof(module_path), "%s/module", dir);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	write_file(config_path, "{}\n");
	expect_scene("crash", 0, 0);
	EXPECT(strstr(daemon_main.text, "boom") != NULL);
	expect_scene("rubbish", 0, 0);
	expect_scene("terminate", SIGTERM, 3);
	expect_scene("last chance", SIGTERM, 4);
	expect_scene("no chance", SIGTERM, 1);
	expect_scene("commands", 0, 5);
	a_second_daemon_is_refused();
	a_careless_start_is_made_good();
	remove_files();
	return test_summary();
}
