/* A real mover with a state directory: what may be written there, and which control module runs.
 * Needs root; skipped without. */
#define _GNU_SOURCE 1
#include "mover/writer.h"
#include "scene.h"
#include "sys/file.h"
#include "tls/tls.h"
#include "usign.h"

#define TRIAL_MS 1000
/* The first line of a module that is signed, and the name of its scene. */
#define SIGNED "// adit-control signed"
#define OF_POLICY "// adit-policy signed"

/* --------------------------------------------------------------------- the decider's side */

static void send_write(const char *name, uint32_t offset, bool last, const void *data,
		       size_t size)
{
	struct msg_file_write message = { .mode = 0600, .offset = offset, .last = last,
					  .data = { data, (uint32_t)size } };
	uint8_t bytes[MSG_BYTES_MAX];
	int length;

	snprintf(message.path, sizeof(message.path), "%.120s/%.120s", state.state_dir, name);
	length = msg_file_write_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(length > 0 && send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
}

static int write_part(const char *name, uint32_t offset, bool last, const void *data, size_t size)
{
	send_write(name, offset, last, data, size);
	return result_of();
}

static int write_text(const char *name, const char *text)
{
	return write_part(name, 0, true, text, strlen(text));
}

static uint32_t size_of(const char *name)
{
	struct msg_file_read message = { 0 };
	struct msg_file_data data;
	uint8_t bytes[1024];
	int length;

	snprintf(message.path, sizeof(message.path), "%.120s/%.120s", state.state_dir, name);
	length = msg_file_read_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	await(MSG_FILE_DATA);
	NEED(DECODE(file_data, &data) && data.error == 0);
	return data.total;
}

static void scene_names(void)
{
	static const char *const bad[] = { "A", ".a", "-a", "_a", "a/b", "../x", "a b", "",
					   "0123456789012345678901234567890123456789"
					   "0123456789012345678901234" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		NEED(write_text(bad[i], "x") == -EPERM);
	NEED(write_text("0a.b_c-d", "x") == 0);
	NEED(write_text("0123456789012345678901234567890123456789012345678901234567890123", "x") ==
	     0);
	end(0);
}

/* Another process writes, and still everything happens in the order in which it was asked for: also
 * what a decider asked for just before it died. */
static void scene_order(void)
{
	if (state.restarts > 0) {
		NEED(size_of("other") == 4);
		end(0);
	}
	for (size_t size = 1; size <= 3; size++)
		send_write("other", 0, true, "abcd", size);
	for (size_t size = 1; size <= 3; size++)
		NEED(result_of() == 0);
	send_write("other", 0, true, "abcd", 2);
	NEED(size_of("other") == 2);
	for (size_t size = 1; size <= 4; size++)
		send_write("other", 0, true, "abcd", size);
	_exit(VM_EXIT_EXCEPTION);
}

/* The first decider dies between two parts: the file is what it was, and the next decider cannot go
 * on where it was left. */
static void scene_parts(void)
{
	static uint8_t data[MSG_FILE_WRITE_DATA_MAX];

	if (state.restarts == 0) {
		NEED(write_text("parts", "old") == 0);
		NEED(write_part("parts", 0, false, data, sizeof(data)) == 0);
		_exit(VM_EXIT_EXCEPTION);
	}
	NEED(write_part("parts", sizeof(data), true, data, 1) == -EINVAL);
	NEED(size_of("parts") == 3);
	NEED(write_part("parts", 0, false, data, sizeof(data)) == 0);
	NEED(write_part("other", sizeof(data), false, data, 1) == -EINVAL);
	NEED(write_part("parts", 1, false, data, 1) == -EINVAL);
	NEED(write_text("other", "whole") == 0);
	NEED(size_of("parts") == 3);
	NEED(write_part("parts", sizeof(data), true, data, 10) == 0);
	NEED(size_of("parts") == sizeof(data) + 10 && size_of("other") == 5);
	for (uint32_t at = 0; at + sizeof(data) <= FILE_WRITE_BYTES_MAX; at += sizeof(data))
		NEED(write_part("parts", at, false, data, sizeof(data)) == 0);
	NEED(write_part("parts", 10 * sizeof(data), true, data, sizeof(data)) == -EFBIG);
	NEED(size_of("parts") == sizeof(data) + 10);
	end(0);
}

/* A decider that writes without end, and the next one, who fares no better. */
static void scene_wears_out(void)
{
	static uint8_t data[MSG_FILE_WRITE_DATA_MAX];
	size_t written = 0, cost = sizeof(data) + WRITER_BLOCK_BYTES;
	int error = 0;

	while (!error && written < 2 * WRITER_BYTES_MAX / cost) {
		error = write_part("other", 0, true, data, sizeof(data));
		written += !error;
	}
	NEED(error == -EDQUOT);
	if (state.restarts > 0) {
		/* A second or two are worth some blocks at most. */
		NEED(written <= 1);
		end(0);
	}
	/* What earlier scenes wrote counts as well. */
	NEED(written <= WRITER_BYTES_MAX / cost + 1 && written >= WRITER_BYTES_MAX / cost / 2);
	_exit(VM_EXIT_EXCEPTION);
}

/* Ending the mover is no way around it. */
static void scene_is_worn(void)
{
	static uint8_t data[MSG_FILE_WRITE_DATA_MAX];

	NEED(state.restarts == 0);
	NEED(write_part("other", 0, true, data, sizeof(data)) == -EDQUOT);
	end(0);
}

static int try(const char *slot, uint32_t trial_ms)
{
	struct msg_control_try message = { .trial_ms = trial_ms };
	uint8_t bytes[64];
	int length;

	snprintf(message.slot, sizeof(message.slot), "%s", slot);
	length = msg_control_try_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(length > 0 && send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	return result_of();
}

static bool runs(const char *module, bool trial)
{
	return strcmp(state.module, module) == 0 && state.trial == trial;
}

/* Puts "a" on trial with this scene; does not return. */
static void try_scene(const char *scene)
{
	NEED(runs("rom", false));
	NEED(write_text("control-a.mjs", scene) == 0);
	NEED(try("a", TRIAL_MS) == 0);
	pause();
}

static void scene_refuses(void)
{
	NEED(try("c", TRIAL_MS) == -EINVAL);
	NEED(try("", TRIAL_MS) == -EINVAL);
	NEED(try("a", 999) == -EINVAL);
	NEED(try("a", 600001) == -EINVAL);
	NEED(try("b", TRIAL_MS) == -ENOENT);
	SEND(control_keep, SEQ, { 0 });
	NEED(result_of() == 0);
	NEED(runs("rom", false) && state.life > 0 && state.life < 1ull << 53);
	end(0);
}

/* What the test put there: a link in a, a file of somebody else in b. */
static void scene_distrusts(void)
{
	NEED(try("a", TRIAL_MS) == -ELOOP);
	NEED(try("b", TRIAL_MS) == -EPERM);
	end(0);
}

/* What a decider that was taken over would leave behind. */
static void scene_tries_unsigned(void)
{
	NEED(write_text("control-a.mjs", "confirmed") == 0);
	NEED(try("a", TRIAL_MS) == -EKEYREJECTED);
	NEED(write_text("control-a.mjs", SIGNED) == 0);
	NEED(try("a", TRIAL_MS) == -EKEYREJECTED);
	NEED(try("b", TRIAL_MS) == -EKEYREJECTED);
	end(0);
}

static void scene_tries_signed(void)
{
	NEED(try("a", TRIAL_MS) == 0);
	pause();
}

static void scene_signed(void)
{
	NEED(runs("a", state.trial));
	end(state.trial ? 5 : 8);
}

static void scene_tries_kept(void)
{
	try_scene("kept");
}

/* Once it is kept a death is only a death, also after the time of the trial. */
static void scene_kept(void)
{
	if (state.trial) {
		NEED(runs("a", true));
		NEED(strcmp(state.last_death, "it gave way to control module a") == 0);
		SEND(control_keep, SEQ, { 0 });
		NEED(result_of() == 0);
		_exit(VM_EXIT_EXCEPTION);
	}
	NEED(runs("a", false) && strstr(state.last_death, "exception"));
	usleep((TRIAL_MS + 300) * 1000);
	/* What runs is what was tried, whatever becomes of the file. */
	if (state.restarts == 2) {
		NEED(write_text("control-a.mjs", "no scene") == 0);
		_exit(VM_EXIT_EXCEPTION);
	}
	end(0);
}

static void scene_tries_crash(void)
{
	if (state.restarts == 0)
		try_scene("crash");
	NEED(runs("rom", false) && state.restarts == 2);
	NEED(strstr(state.last_death, "control module a on trial: exit status 70"));
	end(0);
}

static void scene_crash(void)
{
	_exit(VM_EXIT_EXCEPTION);
}

static void scene_tries_late(void)
{
	if (state.restarts == 0)
		try_scene("late");
	NEED(runs("rom", false) && strstr(state.last_death, "was not kept in time"));
	end(0);
}

static void scene_late(void)
{
	await(MSG_POLICY_DIED); /* which never comes: pings are answered all the while */
}

/* A trial during a trial: what comes back is what was kept last. */
static void scene_tries_again(void)
{
	if (state.restarts == 0) {
		NEED(write_text("control-b.mjs", "crash") == 0);
		try_scene("again");
	}
	NEED(runs("rom", false) && state.restarts == 3);
	NEED(strstr(state.last_death, "control module b on trial"));
	end(0);
}

static void scene_again(void)
{
	NEED(runs("a", true));
	NEED(try("b", TRIAL_MS) == 0);
	pause();
}

static void scene_confirmed(void)
{
	NEED(runs("a", false) && state.restarts == 0);
	end(8);
}

/* The module that is installed: it must not run where "confirmed" does, and is what is left when
 * that dies again and again. */
static void scene_installed(void)
{
	NEED(runs("rom", false));
	end(state.restarts == 0 ? 7 : 9);
}

static const struct scene scenes[] = {
	{ "names", scene_names },
	{ "parts", scene_parts },
	{ "order", scene_order },
	{ "wears out", scene_wears_out },
	{ "is worn", scene_is_worn },
	{ "refuses", scene_refuses },
	{ "distrusts", scene_distrusts },
	{ "tries unsigned", scene_tries_unsigned },
	{ "tries signed", scene_tries_signed },
	{ SIGNED, scene_signed },
	{ OF_POLICY, scene_signed },
	{ "tries kept", scene_tries_kept },
	{ "kept", scene_kept },
	{ "tries crash", scene_tries_crash },
	{ "crash", scene_crash },
	{ "tries late", scene_tries_late },
	{ "late", scene_late },
	{ "tries again", scene_tries_again },
	{ "again", scene_again },
	{ "confirmed", scene_confirmed },
	{ "installed", scene_installed },
};

/* ------------------------------------------------------------------------ the test's side */

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/state/%s", dir, name);
	return path;
}

static void the_directory_is_made_when_it_is_needed(void)
{
	struct stat info;

	expect_scene("refuses", 0, 0);
	EXPECT(stat(path_of(""), &info) < 0 && errno == ENOENT);
	expect_scene("names", 0, 0);
	EXPECT_EQUAL(stat(path_of(""), &info), 0);
	EXPECT_EQUAL(info.st_mode & 07777, 0750);
	EXPECT_EQUAL(info.st_uid, 0);
}

static void digest_of(const char *text, char *ret_text)
{
	uint8_t digest[TLS_DIGEST_SIZE];

	tls_sha256(text, strlen(text), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
}

/* Starts with a module in slot a and what was confirmed of it. */
static void expect_start(const char *module, const char *slot, const char *confirmed, int want)
{
	char digest[2 * TLS_DIGEST_SIZE + 1];
	char line[128];

	digest_of(confirmed, digest);
	snprintf(line, sizeof(line), "confirmed %s %s\n", slot, digest);
	write_file(path_of("control-a.mjs"), module);
	write_file(path_of("control"), line);
	expect_scene("installed", 0, want);
}

static void what_was_confirmed_starts(void)
{
	expect_start("confirmed", "a", "confirmed", 8);
	expect_start("confirmed", "rom", "confirmed", 7);
	EXPECT(strstr(daemon_main.text, "/control: ") == NULL);
	expect_start("confirmed", "a", "another", 7);
	EXPECT(strstr(daemon_main.text, "is another one by now") != NULL);
	EXPECT_EQUAL(unlink(path_of("control-b.mjs")), 0);
	expect_start("confirmed", "b", "confirmed", 7);
	EXPECT(strstr(daemon_main.text, "cannot be read") != NULL);
	expect_start("confirmed", "c", "confirmed", 7);
	EXPECT(strstr(daemon_main.text, "makes no sense") != NULL);
	expect_start("crash", "a", "crash", 9);
	EXPECT(strstr(daemon_main.text, "control module a failed; rom comes back") != NULL);
}

static void expect_doubt(const char *line, const char *word)
{
	write_file(path_of("control"), line);
	expect_scene("installed", 0, 7);
	EXPECT(word ? strstr(daemon_main.text, word) != NULL :
		      strstr(daemon_main.text, "/control: ") == NULL);
}

static void a_doubtful_line_starts_what_is_installed(void)
{
	char longer[300] = "confirmed ";

	memset(longer + strlen(longer), 'a', sizeof(longer) - strlen(longer) - 1);
	expect_doubt("", NULL);
	expect_doubt("confirmed rom\n", NULL);
	expect_doubt("confirmed a\n", "by now");
	expect_doubt("confirmed", "makes no sense");
	expect_doubt("\n", "makes no sense");
	expect_doubt(longer, "File too large");
	EXPECT_EQUAL(chmod(path_of("control"), 0666), 0);
	expect_doubt("confirmed rom\n", "not permitted");
}

static void modules_of_others_are_refused(void)
{
	unlink(path_of("control-a.mjs"));
	EXPECT_EQUAL(symlink(module_path, path_of("control-a.mjs")), 0);
	write_file(path_of("control-b.mjs"), "crash");
	EXPECT_EQUAL(chmod(path_of("control-b.mjs"), 0644), 0);
	EXPECT_EQUAL(chown(path_of("control-b.mjs"), 30473, 0), 0);
	expect_scene("distrusts", 0, 0);
	EXPECT_EQUAL(unlink(path_of("control-a.mjs")), 0);
	EXPECT_EQUAL(unlink(path_of("control-b.mjs")), 0);
}

static void write_signature(const char *name, const struct usign *key, const char *text)
{
	char file[USIGN_TEXT_MAX];

	usign_sign(key, text, strlen(text), file);
	write_file(path_of(name), file);
}

static void with_keys_only_what_is_signed_runs(void)
{
	struct usign own, other;
	char config[256];

	usign_make(&own, 0xff);
	usign_make(&other, 0xfe);
	snprintf(config, sizeof(config), "{\"policy\":{\"public_keys\":[\"%s\"]}}", own.text);
	write_file(config_path, config);
	unlink(path_of("control"));
	write_signature("control-b.mjs.sig", &own, OF_POLICY);
	write_file(path_of("control-b.mjs"), OF_POLICY);
	expect_scene("tries unsigned", 0, 0);
	expect_start("confirmed", "a", "confirmed", 7);
	EXPECT(strstr(daemon_main.text, "no key of the configuration has signed") != NULL);
	expect_start(SIGNED, "a", SIGNED, 7);
	write_signature("control-a.mjs.sig", &other, SIGNED);
	expect_start(SIGNED, "a", SIGNED, 7);
	write_signature("control-a.mjs.sig", &own, "// adit-control another");
	expect_start(SIGNED, "a", SIGNED, 7);
	write_signature("control-a.mjs.sig", &own, SIGNED);
	unlink(path_of("control"));
	/* The mover ends during the trial, whose deadline must not outlive the loop. */
	expect_scene("tries signed", 0, 5);
	expect_start(SIGNED, "a", SIGNED, 8);
	EXPECT_EQUAL(chmod(path_of("control-a.mjs.sig"), 0666), 0);
	expect_start(SIGNED, "a", SIGNED, 7);
	write_file(config_path, "{}\n");
	expect_start(SIGNED, "a", SIGNED, 8);
	write_file(path_of("control"), "confirmed rom\n");
	usign_free(&own);
	usign_free(&other);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"state/control", "state/control-a.mjs", "state/control-a.mjs.sig",
		"state/control-b.mjs", "state/control-b.mjs.sig",
		"state/0a.b_c-d", "state/parts", "state/other",
		"state/0123456789012345678901234567890123456789012345678901234567890123", "state",
		"run/aditd.lock", "run", "config.json", "module", ""
	};

	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play_scene(scenes, sizeof(scenes) / sizeof(scenes[0]));
	if (!prepare_daemon())
		return 0;
	the_directory_is_made_when_it_is_needed();
	expect_scene("parts", 0, 0);
	expect_scene("order", 0, 0);
	expect_scene("tries kept", 0, 0);
	expect_scene("tries crash", 0, 0);
	expect_scene("tries late", 0, 0);
	expect_scene("tries again", 0, 0);
	what_was_confirmed_starts();
	a_doubtful_line_starts_what_is_installed();
	modules_of_others_are_refused();
	with_keys_only_what_is_signed_runs();
	expect_scene("wears out", 0, 0);
	expect_scene("is worn", 0, 0);
	remove_files(names, sizeof(names) / sizeof(names[0]));
	return test_summary();
}
