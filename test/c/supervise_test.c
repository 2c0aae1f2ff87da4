/* A real mover with a decider that plays a scene. Needs root; skipped without. */
#define _GNU_SOURCE 1
#include <linux/fib_rules.h>

#include "scene.h"

#define KEY_END "-----END EC PRIVATE KEY-----\n"
#define KEY_TEXT "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1\n" KEY_END
#define CERTIFICATE_TEXT "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static struct daemon daemon_second;

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
	static const char text[] = "table inet adit {}\ndelete table inet adit\n"
				   "table inet adit {\n}\n";
	struct msg_bytes script = { (const uint8_t *)text, sizeof(text) - 1 };

	SEND(rule_set, SEQ, { .family = 4, .priority = 10, .fwmark = 8, .fwmask = 8, .table = 47,
			      .action = FR_ACT_TO_TBL });
	NEED(result_of() == 0);
	await(MSG_RULE);
	NEED(DECODE(rule, &rule) && rule.priority == 10 && rule.protocol == 173);
	SEND(nft_apply, SEQ, { .script = { script.data, 10 } });
	NEED(result_of() == 0);
	SEND(nft_apply, SEQ, { .last = true, .script = { script.data + 10, script.size - 10 } });
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

static struct msg_file_data read_at(const char *path, uint32_t offset)
{
	struct msg_file_read message = { .offset = offset };
	struct msg_file_data data = { 0 };
	uint8_t bytes[1024];
	int length;

	snprintf(message.path, sizeof(message.path), "%s", path);
	length = msg_file_read_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	await(MSG_FILE_DATA);
	NEED(DECODE(file_data, &data));
	return data;
}

static void files_and_sockets_work(void)
{
	struct msg_listen_unix socket_message = { .mode = 0600 };
	struct msg_file_data data = read_at(state.config_path, 0);
	uint8_t bytes[1024];
	int length;

	NEED(data.error == 0 && data.data.size == data.total);
	snprintf(socket_message.path, sizeof(socket_message.path), "%.80s/api", state.run_dir);
	length = msg_listen_unix_encode(&socket_message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	NEED(result_of() == 0);
	NEED(received_fd > VM_CHANNEL_FD);
	NEED(read(STDIN_FILENO, bytes, 1) == 0);
	NEED(getuid() == 30473 && geteuid() == 30473);
}

/* The configuration names both, and only the mover needs the key. */
static void scene_keys(void)
{
	const char *slash = strrchr(state.config_path, '/');
	char key[64], certificate[64];

	snprintf(key, sizeof(key), "%.*s/key.pem", (int)(slash - state.config_path),
		 state.config_path);
	snprintf(certificate, sizeof(certificate), "%.*s/cert.pem",
		 (int)(slash - state.config_path), state.config_path);
	NEED(read_at(state.config_path, 0).error == 0);
	NEED(read_at(certificate, 0).error == 0);
	NEED((read_at(key, 0).mode & 0600) == 0600);
	/* From every byte on up to the line that ends the key. */
	for (uint32_t at = 0; at < sizeof(KEY_TEXT) - sizeof(KEY_END); at++)
		NEED(read_at(key, at).error == -EPERM);
	end(6);
}

static void scene_commands(void)
{
	kernel_is_told();
	kernel_obeys();
	foreign_things_are_refused();
	files_and_sockets_work();
	end(5);
}

static const struct scene scenes[] = {
	{ "crash", scene_crash },
	{ "rubbish", scene_rubbish },
	{ "terminate", scene_terminate },
	{ "last chance", scene_last_chance },
	{ "no chance", scene_no_chance },
	{ "commands", scene_commands },
	{ "keys", scene_keys },
};

static void keys_stay_with_the_mover(void)
{
	char config[256], key[64], certificate[64];

	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", dir);
	snprintf(config, sizeof(config), "{\"cert\":\"%s\",\"key\":\"%s\"}\n", certificate, key);
	write_file(key, KEY_TEXT);
	write_file(certificate, CERTIFICATE_TEXT);
	write_file(config_path, config);
	expect_scene("keys", 0, 6);
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

int main(int argc, char **argv)
{
	static const char *const names[] = { "run/aditd.lock", "run/api", "run", "config.json",
					     "key.pem", "cert.pem", "module", "" };

	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play_scene(scenes, sizeof(scenes) / sizeof(scenes[0]));
	if (!prepare_daemon())
		return 0;
	expect_scene("crash", 0, 0);
	EXPECT(strstr(daemon_main.text, "boom") != NULL);
	expect_scene("rubbish", 0, 0);
	expect_scene("terminate", SIGTERM, 3);
	expect_scene("last chance", SIGTERM, 4);
	expect_scene("no chance", SIGTERM, 1);
	expect_scene("commands", 0, 5);
	keys_stay_with_the_mover();
	a_second_daemon_is_refused();
	a_careless_start_is_made_good();
	remove_files(names, sizeof(names) / sizeof(names[0]));
	return test_summary();
}
