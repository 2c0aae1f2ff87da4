/* A decider that means harm: messages that are well-formed and say anything, and some that are not,
 * to a real mover in a network namespace of its own. The mover must outlive it. Needs root; skipped
 * without. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "codec.h"
#include "contract.gen.h"
#include "mover/entry.h"
#include "test.h"
#include "vm/vm.h"

#define LIVES 5
#define SECONDS_MAX 120

/* ------------------------------------------------------------------ the decider's side */

static unsigned int seed;
static uint8_t out[MSG_BYTES_MAX];
static size_t out_size;
static struct msg_mover_state state;
static unsigned int reading; /* the more, the more eagerly; 1: never */

static unsigned int chance(unsigned int below)
{
	return (unsigned int)rand_r(&seed) % below;
}

static void put(uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes && out_size < sizeof(out); i++)
		out[out_size++] = (uint8_t)(value >> (8 * i));
}

static void put_number(unsigned int bytes)
{
	static const uint64_t few[] = { 0, 1, 2, 4, 6, 7, 8, 10, 47, 48, 53, 173, 200, 253, 254,
					255, 443, 1000, 1280, 1500, 65535, 0xffffffff };

	if (chance(4) == 0)
		put((uint64_t)rand_r(&seed) << 32 ^ (uint64_t)rand_r(&seed), bytes);
	else
		put(few[chance(ARRAY_SIZE(few))], bytes);
}

static void put_text(uint16_t max)
{
	static const char *const few[] = { "", "lo", "adit0", "wrt0", "a", "b", "rom", "..",
					   "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding",
					   "net/ipv4/conf/adit0/rp_filter", "1", "0", "%d",
					   "127.0.0.1", "/etc/passwd" };
	static const char *const leaves[] = { "x", "aditd.lock", "x.adit-new", "../x", "a/b",
					      "adit.sock", "" };
	static const char *const names[] = { "", "", "lo", "adit0", "wrt0", "%d", ".." };
	char text[400];
	const char *dir = chance(2) ? state.run_dir : state.state_dir;
	size_t size;

	if (max <= 16)
		snprintf(text, sizeof(text), "%s", names[chance(ARRAY_SIZE(names))]);
	else if (chance(4) == 0)
		snprintf(text, sizeof(text), "%s", state.config_path);
	else if (chance(2))
		snprintf(text, sizeof(text), "%s/%s", dir, leaves[chance(ARRAY_SIZE(leaves))]);
	else
		snprintf(text, sizeof(text), "%s", few[chance(ARRAY_SIZE(few))]);
	size = strnlen(text, max);
	put(size, 2);
	for (size_t i = 0; i < size; i++)
		put((uint8_t)text[i], 1);
}

static void put_bytes(uint16_t max)
{
	static const char *const few[] = { "table inet adit {}\ndelete table inet adit\n"
					   "table inet adit {\n}\n",
					   "delete table inet adit\n", "flush ruleset\n",
					   "{\"v\":1}" };
	const char *text = few[chance(ARRAY_SIZE(few))];
	size_t size = chance(4) == 0 ? chance(max + 1u) : max == 32 ? 32 : strlen(text);

	size = size < max ? size : max;
	put(size, 2);
	for (size_t i = 0; i < size; i++)
		put(i < strlen(text) ? (uint8_t)text[i] : (uint8_t)chance(256), 1);
}

static void put_ip(bool prefix)
{
	static const uint8_t loopback4[4] = { 127, 0, 0, 1 };
	static const uint8_t families[] = { 0, 4, 6 };
	uint8_t family = families[chance(ARRAY_SIZE(families))];
	unsigned int size = family == 4 ? 4 : family == 6 ? 16 : 0;
	bool loopback = family == 4 && chance(2);

	put(family, 1);
	for (unsigned int i = 0; i < size; i++)
		put(loopback ? loopback4[i] : chance(3) * chance(256), 1);
	if (prefix)
		put(chance(3) ? size * 8 : chance(size * 8 + 1), 1);
}

static void put_fields(const struct codec_shape *shape);

static void put_list(const struct codec_field *field)
{
	unsigned int count = chance(8) == 0 ? chance(300) : chance(4);

	count = count < field->max ? count : field->max;
	put(count, 2);
	for (unsigned int i = 0; i < count; i++)
		put_fields(&codec_structs[field->sub]);
}

static void put_field(const struct codec_field *field)
{
	switch (field->kind) {
	case CODEC_BOOL:
		put(chance(2), 1);
		break;
	case CODEC_U8:
		put_number(1);
		break;
	case CODEC_U16:
		put_number(2);
		break;
	case CODEC_U32:
	case CODEC_I32:
		put_number(4);
		break;
	case CODEC_U64:
		put_number(8);
		break;
	case CODEC_STR:
		put_text(field->max);
		break;
	case CODEC_BYTES:
		put_bytes(field->max);
		break;
	case CODEC_IP:
	case CODEC_PREFIX:
		put_ip(field->kind == CODEC_PREFIX);
		break;
	case CODEC_MAC:
		put(0x020000000001, 6);
		break;
	default:
		put_list(field);
	}
}

static void put_fields(const struct codec_shape *shape)
{
	for (int i = 0; i < shape->count; i++)
		put_field(&shape->fields[i]);
}

static void answer_ping(const uint8_t *bytes, size_t size)
{
	struct msg_header header;
	struct msg_ping ping;
	struct msg_pong pong = { 0 };
	uint8_t answer[64];
	int length;

	if (msg_header_decode(bytes, size, &header) < 0 || header.id != MSG_PING ||
	    msg_ping_decode(bytes + CODEC_HEADER_BYTES, size - CODEC_HEADER_BYTES, &ping) < 0)
		return;
	pong.token = ping.token;
	length = msg_pong_encode(&pong, 0, answer, sizeof(answer));
	(void)send(VM_CHANNEL_FD, answer, (size_t)length, MSG_NOSIGNAL);
}

/* Descriptors that come along are dropped, for want of a control buffer. */
static void send_out(void)
{
	struct pollfd ready = { .fd = VM_CHANNEL_FD, .events = POLLIN | POLLOUT };
	static uint8_t in[MSG_BYTES_MAX];

	do {
		if (poll(&ready, 1, 30000) < 1)
			_exit(80);
		if ((ready.revents & POLLIN) && chance(reading)) {
			ssize_t length = recv(VM_CHANNEL_FD, in, sizeof(in), MSG_DONTWAIT);

			if (length == 0)
				_exit(81);
			if (length > 0)
				answer_ping(in, (size_t)length);
		}
	} while (!(ready.revents & POLLOUT));
	if (send(VM_CHANNEL_FD, out, out_size, MSG_NOSIGNAL) < 0)
		_exit(82);
}

/* What ends the mover or this life on purpose is left out, and of log lines there are few. */
static bool is_wanted(uint16_t id)
{
	if (id == MSG_LOG)
		return chance(50) == 0;
	return msg_from_decider(id) && id != MSG_EXIT && id != MSG_HELLO &&
	       id != MSG_CONTROL_TRY;
}

static void send_anything(void)
{
	const struct codec_shape *shape;

	do {
		shape = &msg_shapes[chance(MSG_COUNT)];
	} while (!is_wanted(shape->id));
	out_size = 0;
	put(shape->id, 4);
	put((uint64_t)rand_r(&seed), 4);
	put_fields(shape);
	send_out();
}

static void greet(void)
{
	struct msg_hello hello = { .contract = MSG_CONTRACT_VERSION, .module = "chaos" };
	struct msg_header header;
	ssize_t length;

	out_size = (size_t)msg_hello_encode(&hello, 1, out, sizeof(out));
	if (fcntl(VM_CHANNEL_FD, F_SETFL, 0) < 0 || send(VM_CHANNEL_FD, out, out_size, 0) < 0)
		_exit(83);
	length = recv(VM_CHANNEL_FD, out, sizeof(out), 0);
	if (length <= 0 || msg_header_decode(out, (size_t)length, &header) < 0 ||
	    msg_mover_state_decode(out + CODEC_HEADER_BYTES, (size_t)length - CODEC_HEADER_BYTES,
				   &state) < 0)
		_exit(84);
}

static _Noreturn void play(void)
{
	struct msg_exit message = { .status = 7 };
	char text[64] = "";
	long lives, messages;
	char *rest;

	if (pread(ENTRY_MODULE_FD, text, sizeof(text) - 1, 0) <= 0)
		_exit(85);
	lives = strtol(text, &rest, 10);
	messages = strtol(rest, NULL, 10);
	greet();
	seed = state.restarts + 1;
	if ((long)state.restarts >= lives) {
		out_size = (size_t)msg_exit_encode(&message, 0, out, sizeof(out));
		send(VM_CHANNEL_FD, out, out_size, 0);
		for (;;)
			pause();
	}
	reading = 1 + state.restarts;
	for (long i = 0; i < messages; i++)
		send_anything();
	out_size = 1 + chance(64);
	send_out();
	pause();
	_exit(0);
}

/* --------------------------------------------------------------------- the test's side */

static char dir[] = "/tmp/adit-chaos-test-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	EXPECT(file && fputs(text, file) >= 0);
	if (file)
		fclose(file);
}

static int run_daemon(int log_fd)
{
	char config[64], module[64], run_dir[64];
	char *argv[] = { "aditd", "-c", config, "-m", module, "--run-dir", run_dir, NULL };
	int status = 0;
	pid_t pid;

	snprintf(config, sizeof(config), "%s/config.json", dir);
	snprintf(module, sizeof(module), "%s/module", dir);
	snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(log_fd, STDERR_FILENO);
		alarm(SECONDS_MAX);
		_exit(entry_daemon(7, argv));
	}
	EXPECT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	(void)info, (void)kind, (void)place;
	return remove(path);
}

static void print_end(int log_fd)
{
	char text[4096];
	off_t end = lseek(log_fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(text) ? end - (off_t)sizeof(text) : 0;
	ssize_t length = pread(log_fd, text, sizeof(text), from);

	printf("%.*s\n", (int)(length > 0 ? length : 0), text);
}

int main(int argc, char **argv)
{
	FILE *log;
	char plan[64];
	int status;

	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play();
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	EXPECT(mkdtemp(dir) != NULL);
	snprintf(plan, sizeof(plan), "%d %s", LIVES, argc > 1 ? argv[1] : "1500");
	write_file("module", plan);
	write_file("config.json", "{}\n");
	log = tmpfile();
	status = run_daemon(fileno(log));
	if (status != 7)
		print_end(fileno(log));
	EXPECT_EQUAL(status, 7);
	fclose(log);
	EXPECT_EQUAL(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	return test_summary();
}
