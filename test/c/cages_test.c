/* A real mover whose decider keeps cages: what they inherit, how many there are, how they end. In a
 * cage runs not the engine but a stub that obeys one letter. Needs root; skipped without. */
#define _GNU_SOURCE 1
#include <dirent.h>

#include "mover/policy.h"
#include "scene.h"
#include "sys/proc.h"

#define PRELUDE_TEXT "prelude of the test"
#define PAUSE_US 2000
#define PAUSES_MAX 2000
#define FLOOD_LINES 2000

/* ----------------------------------------------------------------------- the cage's side */

static bool is_null(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "/dev/null") == 0;
}

/* Standard files, the socket, the prelude, and the one that reads the directory. */
static int count_descriptors(void)
{
	DIR *open_files = opendir("/proc/self/fd");
	int count = -2;

	while (open_files && readdir(open_files))
		count++;
	return count;
}

/* What is wrong with what this process inherited, "" if nothing. */
static const char *find_fault(char **argv)
{
	char text[64] = "";

	if (strcmp(argv[1], "1024") != 0 || strcmp(argv[2], "128") != 0 ||
	    strcmp(argv[3], "100") != 0)
		return "arguments";
	if (getuid() != 30473 || geteuid() != 30473 || getgid() != 30473)
		return "user";
	if (pread(ENTRY_MODULE_FD, text, sizeof(text) - 1, 0) < 0 ||
	    strcmp(text, PRELUDE_TEXT) != 0)
		return "prelude";
	if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO))
		return "standard files";
	if (fcntl(VM_CHANNEL_FD, F_GETFL) & O_NONBLOCK)
		return "socket";
	return count_descriptors() == 6 ? "" : "descriptors";
}

static void flood(void)
{
	for (int i = 0; i < FLOOD_LINES; i++)
		dprintf(STDERR_FILENO, "line %d of many\n", i);
}

static _Noreturn void obey(char **argv)
{
	const char *fault = find_fault(argv);
	char letter;

	while (read(VM_CHANNEL_FD, &letter, 1) == 1) {
		if (letter == 'w') {
			dprintf(STDERR_FILENO, "policy: memory: \xff\n");
			_exit(VM_EXIT_MEMORY);
		}
		if (letter == 'f')
			flood();
		dprintf(VM_CHANNEL_FD, "%c%d %s\n", letter, (int)getpid(), fault);
	}
	_exit(VM_EXIT_MOVER_GONE);
}

/* --------------------------------------------------------------------- the decider's side */

struct opened {
	uint32_t number;
	int fd;
	pid_t pid;
};

static struct msg_policy_opened opened;
static struct msg_policy_died died;

static int open_with(uint32_t memory_kib, uint32_t stack_kib, uint32_t call_ms)
{
	SEND(policy_open, SEQ, { .memory_kib = memory_kib, .stack_kib = stack_kib,
				 .call_ms = call_ms });
	await(MSG_POLICY_OPENED);
	NEED(DECODE(policy_opened, &opened));
	return opened.error;
}

/* Sends a letter and waits for the line that answers it. */
static void command(struct opened *cage, char letter)
{
	struct pollfd readable = { .fd = cage->fd, .events = POLLIN };
	char text[64] = "";
	char *rest;

	NEED(write(cage->fd, &letter, 1) == 1);
	NEED(poll(&readable, 1, SCENE_MS_MAX) == 1);
	NEED(read(cage->fd, text, sizeof(text) - 1) > 3 && text[0] == letter);
	cage->pid = (pid_t)strtol(text + 1, &rest, 10);
	dprintf(STDERR_FILENO, "fault of the cage:%s", rest);
	NEED(strcmp(rest, " \n") == 0);
}

static struct opened open_cage(void)
{
	struct opened cage;
	char byte;

	NEED(open_with(1024, 128, 100) == 0);
	NEED(opened.cage > 0 && received_fd > VM_CHANNEL_FD);
	cage = (struct opened){ .number = opened.cage, .fd = received_fd };
	NEED(read(cage.fd, &byte, 1) < 0 && errno == EAGAIN);
	command(&cage, 'e');
	return cage;
}

static void kill_cage(uint32_t number)
{
	SEND(policy_kill, SEQ, { .cage = number });
	NEED(result_of() == 0);
}

static void await_death(uint32_t number)
{
	await(MSG_POLICY_DIED);
	NEED(DECODE(policy_died, &died));
	NEED(died.cage == number);
}

static bool is_gone(pid_t pid)
{
	for (int i = 0; i < PAUSES_MAX; i++) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		usleep(PAUSE_US);
	}
	return false;
}

static void limits_are_kept(void)
{
	NEED(open_with(255, 128, 100) == -EINVAL);
	NEED(strcmp(opened.text, "memory_kib: 255: expected 256 to 8192") == 0);
	NEED(open_with(8193, 128, 100) == -EINVAL);
	NEED(open_with(1024, 15, 100) == -EINVAL);
	NEED(open_with(1024, 1025, 100) == -EINVAL);
	NEED(open_with(1024, 128, 9) == -EINVAL);
	NEED(open_with(1024, 128, 1001) == -EINVAL);
	NEED(received_fd == -1 && opened.cage == 0);
}

static void scene_lives(void)
{
	struct opened cages[POLICY_CAGES_MAX];
	struct opened next;

	limits_are_kept();
	for (int i = 0; i < POLICY_CAGES_MAX; i++)
		cages[i] = open_cage();
	NEED(open_with(1024, 128, 100) == -EMFILE);
	NEED(strcmp(opened.text, "cages: 3: expected one less") == 0);
	kill_cage(0);
	kill_cage(cages[2].number + 1);
	/* A killed one makes room at once, before the kernel is done with it. */
	SEND(policy_kill, 0, { .cage = cages[1].number });
	next = open_cage();
	NEED(next.number != cages[1].number && is_gone(cages[1].pid));
	command(&cages[0], 'e');
	command(&next, 'e');
	end(0);
}

static void scene_dies(void)
{
	struct opened cage = open_cage();

	kill_cage(cage.number);
	await_death(cage.number);
	NEED(died.status == -1 && died.signal == SIGKILL && died.text[0] == '\0');
	kill_cage(cage.number);
	cage = open_cage();
	NEED(write(cage.fd, "w", 1) == 1);
	await_death(cage.number);
	NEED(died.status == VM_EXIT_MEMORY && died.signal == 0);
	NEED(strcmp(died.text, "policy: memory: ?") == 0);
	cage = open_cage();
	command(&cage, 'f');
	kill_cage(cage.number);
	await_death(cage.number);
	NEED(strlen(died.text) == MSG_POLICY_DIED_TEXT_MAX && strstr(died.text, " of many line "));
	cage = open_cage();
	close(cage.fd);
	await_death(cage.number);
	NEED(died.status == VM_EXIT_MOVER_GONE);
	end(0);
}

/* The second decider finds the cages of the first one dead, hears nothing of them, and has all the
 * room. */
static void scene_orphans(void)
{
	struct opened cage = { 0 };

	if (state.restarts == 0) {
		for (int i = 0; i < POLICY_CAGES_MAX; i++)
			cage = open_cage();
		_exit(VM_EXIT_EXCEPTION);
	}
	for (int i = 0; i < POLICY_CAGES_MAX; i++)
		cage = open_cage();
	NEED(cage.number == 2 * POLICY_CAGES_MAX);
	kill_cage(cage.number);
	await_death(cage.number);
	end(0);
}

static void scene_without(void)
{
	NEED(open_with(1024, 128, 100) == -ENOENT);
	NEED(strstr(opened.text, "/policy.mjs: No such file"));
	end(0);
}

/* Ends with a cage alive, whose process is named in the log. */
static void scene_leaves(void)
{
	struct msg_log line = { .level = 6 };
	struct opened cage = open_cage();
	uint8_t bytes[128];
	int length;

	snprintf(line.text, sizeof(line.text), "cage process %d.", (int)cage.pid);
	length = msg_log_encode(&line, 0, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	end(0);
}

static const struct scene scenes[] = {
	{ "lives", scene_lives },
	{ "dies", scene_dies },
	{ "orphans", scene_orphans },
	{ "without", scene_without },
	{ "leaves", scene_leaves },
};

/* ------------------------------------------------------------------------ the test's side */

static void the_end_of_the_mover_ends_cages(void)
{
	const char *word;

	expect_scene("leaves", 0, 0);
	word = strstr(daemon_main.text, "cage process ");
	EXPECT(word != NULL);
	if (word)
		EXPECT(is_gone((pid_t)strtol(word + strlen("cage process "), NULL, 10)));
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "run/aditd.lock", "run", "config.json", "module",
					     "policy.mjs", "" };
	char path[80];

	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play_scene(scenes, sizeof(scenes) / sizeof(scenes[0]));
	if (argc == 4 && strcmp(argv[0], ENTRY_CAGE_NAME) == 0)
		obey(argv);
	/* What this test's own parent left open is not the mover's doing. */
	proc_close_from(STDERR_FILENO + 1);
	if (!prepare_daemon())
		return 0;
	expect_scene("without", 0, 0);
	snprintf(path, sizeof(path), "%s/policy.mjs", dir);
	write_file(path, PRELUDE_TEXT);
	expect_scene("lives", 0, 0);
	expect_scene("dies", 0, 0);
	expect_scene("orphans", 0, 0);
	EXPECT(strstr(daemon_main.text, "ended by itself") == NULL);
	the_end_of_the_mover_ends_cages();
	remove_files(names, sizeof(names) / sizeof(names[0]));
	return test_summary();
}
