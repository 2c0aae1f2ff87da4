#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/sysctl.h"
#include "test.h"

#define TORN_BYTES 131072
#define TORN_ROUNDS 100
#define TORN_WAIT_US 3000
#define TORN_STEP_US 37

/* What was synchronised since the text was last emptied, each name with a space behind it. */
static char synced[1024];

int fsync(int fd)
{
	char link[64], path[256] = "";
	size_t used = strlen(synced);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 0)
		snprintf(synced + used, sizeof(synced) - used, "%s ", path);
	return (int)syscall(SYS_fsync, fd);
}

static void only_clean_paths_pass(void)
{
	EXPECT(file_path_is_clean("/etc/adit/adit.json"));
	EXPECT(file_path_is_clean("/etc/..adit/a.b"));
	EXPECT(!file_path_is_clean("etc/adit"));
	EXPECT(!file_path_is_clean("/"));
	EXPECT(!file_path_is_clean(""));
	EXPECT(!file_path_is_clean("/etc/"));
	EXPECT(!file_path_is_clean("/etc//adit"));
	EXPECT(!file_path_is_clean("/etc/./adit"));
	EXPECT(!file_path_is_clean("/etc/adit/.."));
	EXPECT(!file_path_is_clean("/etc/../shadow"));
	EXPECT(!file_path_is_clean("/etc/a\nb"));
	EXPECT(file_is_below("/run/adit/x", "/run/adit"));
	EXPECT(file_is_below("/run/adit/x", "/run/adit/"));
	EXPECT(!file_is_below("/run/adit", "/run/adit"));
	EXPECT(!file_is_below("/run/adit2/x", "/run/adit"));
	EXPECT(!file_is_below("/run/adit/../x", "/run/adit"));
}

static void values_of_uci_may_be_read(void)
{
	static const char text[] = "config adit 'main'\n"
				   "\toption token_file '/srv/token'\n"
				   "\toption key /srv/key\n"
				   "\tlist more \"/srv/a\" # see /srv/comment too\n"
				   "# see /srv/note\n"
				   "\toption mixed '/srv/mixed\"\n"
				   "\toption last /srv/last";
	static const char json[] = "{ \"note\": \"a /srv/note b\" }";
	struct file_rules rules = { .config_path = "/etc/config/adit", .run_dir = "/run/adit",
				    .config_text = (const uint8_t *)text,
				    .config_size = strlen(text) };

	EXPECT(file_may_read(&rules, "/srv/token"));
	EXPECT(file_may_read(&rules, "/srv/key"));
	EXPECT(file_may_read(&rules, "/srv/a"));
	EXPECT(file_may_read(&rules, "/srv/last"));
	EXPECT(!file_may_read(&rules, "/srv/las"));
	EXPECT(!file_may_read(&rules, "/srv"));
	EXPECT(!file_may_read(&rules, "/key"));
	EXPECT(!file_may_read(&rules, "/srv/note"));
	EXPECT(!file_may_read(&rules, "/srv/mixed"));
	rules.config_text = (const uint8_t *)json;
	rules.config_size = strlen(json);
	EXPECT(!file_may_read(&rules, "/srv/note"));
	rules.config_text = (const uint8_t *)"/";
	rules.config_size = 1;
	EXPECT(!file_may_read(&rules, "/srv"));
	rules.config_size = 0;
	EXPECT(!file_may_read(&rules, "/srv"));
}

static void the_configuration_says_what_may_be_read(void)
{
	static const char text[] = "{\"token_file\": \"/srv/token\", \"x\": \"/srv/../etc\","
				   " \"ubus\": {\"socket\": \"/var/run/ubus/ubus.sock\"}}";
	struct file_rules rules = { .config_path = "/etc/adit/adit.json", .run_dir = "/run/adit" };

	EXPECT(file_may_read(&rules, "/etc/adit/adit.json"));
	EXPECT(!file_may_read(&rules, "/etc/adit/token"));
	EXPECT(file_may_read(&rules, "/run/adit/state"));
	EXPECT(!file_may_read(&rules, "/etc/shadow"));
	EXPECT(!file_may_read(&rules, "/srv/token"));
	rules.config_text = (const uint8_t *)text;
	rules.config_size = strlen(text);
	EXPECT(file_may_read(&rules, "/srv/token"));
	EXPECT(!file_may_write(&rules, "/srv/token"));
	EXPECT(!file_may_read(&rules, "/srv/toke"));
	EXPECT(!file_may_read(&rules, "/srv"));
	EXPECT(!file_may_read(&rules, "/srv/../etc"));
	EXPECT(file_may_write(&rules, "/run/adit/runtime.json"));
	EXPECT(!file_may_write(&rules, "/etc/adit/runtime.json"));
	EXPECT(!file_may_write(&rules, "/etc/adit/adit.json"));
	EXPECT(!file_may_write(&rules, "/etc/passwd"));
	EXPECT(!file_may_write(&rules, "/run/adit/aditd.lock"));
	EXPECT(file_may_write(&rules, "/run/adit/aditd.lock.json"));
	EXPECT(file_may_listen(&rules, "/srv/token"));
	EXPECT(!file_may_listen(&rules, "/srv/toke"));
	EXPECT(!file_may_listen(&rules, "/etc/adit/adit.json"));
	EXPECT(file_may_listen(&rules, "/run/adit/adit.sock"));
	EXPECT(!file_may_listen(&rules, "/run/adit/aditd.lock"));
	EXPECT(file_may_connect(&rules, "/var/run/ubus/ubus.sock"));
	EXPECT(!file_may_connect(&rules, "/var/run/ubus/ubus"));
	EXPECT(file_may_connect(&rules, "/run/adit/ubus"));
	EXPECT(!file_may_listen(&rules, "/var/run/ubus/ubus.sock"));
	rules.state_dir = "/etc/adit/state";
	EXPECT(file_may_read(&rules, "/etc/adit/state/a"));
	EXPECT(!file_may_listen(&rules, "/etc/adit/state/a"));
	rules.config_path = "/run/adit/adit.json";
	EXPECT(file_may_read(&rules, "/run/adit/adit.json"));
	EXPECT(!file_may_write(&rules, "/run/adit/adit.json"));
	rules.config_path = "/adit.json";
	EXPECT(!file_may_write(&rules, "/etc/passwd"));
}

/* A file that nobody finds after a power cut was not kept, so the names are synchronised too. */
static void what_is_made_is_synchronised(const char *dir)
{
	char path[128], file[160], want[600];

	snprintf(path, sizeof(path), "%s/made", dir);
	snprintf(file, sizeof(file), "%s/file", path);
	snprintf(want, sizeof(want), "%s %s.adit-new %s %s ", dir, file, path, path);
	synced[0] = '\0';
	EXPECT_EQUAL(file_make_directory(path, 0750), 0);
	EXPECT_EQUAL(file_make_directory(path, 0750), 0);
	EXPECT_EQUAL(file_write(file, 0600, (const uint8_t *)"x", 1), 0);
	EXPECT_EQUAL(file_remove(file), 0);
	EXPECT_TEXT(synced, want);
	EXPECT_EQUAL(file_make_directory(file, 0750), 0);
	EXPECT_EQUAL(rmdir(file), 0);
	EXPECT_EQUAL(rmdir(path), 0);
	snprintf(file, sizeof(file), "%s/none/made", dir);
	EXPECT_EQUAL(file_make_directory(file, 0750), -ENOENT);
}

static void files_are_replaced_as_a_whole(const char *dir)
{
	char path[128], link[160], fifo[160];
	uint8_t bytes[16];
	struct file_facts facts = { .mode = 1 };
	struct stat stat_now;

	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	EXPECT_EQUAL(file_read(path, 0, bytes, sizeof(bytes), &facts), -ENOENT);
	EXPECT_EQUAL(facts.mode, 0);
	EXPECT_EQUAL(file_write(path, 0640, (const uint8_t *)"first", 5), 0);
	EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"0123456789", 10), 0);
	EXPECT_EQUAL(stat(path, &stat_now), 0);
	EXPECT_EQUAL(stat_now.st_mode & 0777, 0600);
	EXPECT_EQUAL(file_read(path, 4, bytes, 4, &facts), 4);
	EXPECT_EQUAL(facts.total, 10);
	EXPECT_EQUAL(facts.mode, 0600);
	EXPECT_EQUAL(facts.owner, geteuid());
	EXPECT(memcmp(bytes, "4567", 4) == 0);
	EXPECT_EQUAL(file_read(path, 10, bytes, 4, &facts), 0);
	EXPECT_EQUAL(symlink(path, link), 0);
	EXPECT_EQUAL(file_read(link, 0, bytes, 4, &facts), -ELOOP);
	EXPECT_EQUAL(mkfifo(fifo, 0600), 0);
	EXPECT_EQUAL(file_read(fifo, 0, bytes, 4, &facts), -EINVAL);
	EXPECT_EQUAL(file_read(dir, 0, bytes, 4, &facts), -EINVAL);
	EXPECT_EQUAL(truncate(path, FILE_BYTES_MAX + 1), 0);
	EXPECT_EQUAL(file_read(path, 0, bytes, 4, &facts), -EFBIG);
	EXPECT_EQUAL(file_remove(path), 0);
	EXPECT_EQUAL(file_remove(path), 0);
	unlink(link);
	unlink(fifo);
	snprintf(path, sizeof(path), "%s/none/file", dir);
	EXPECT_EQUAL(file_write(path, 0640, (const uint8_t *)"x", 1), -ENOENT);
}

static void a_directory_takes_so_many_files(const char *dir)
{
	char path[128];

	for (int i = 0; i < FILE_COUNT_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"x", 1), 0);
	}
	EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"y", 1), 0);
	EXPECT_EQUAL(file_check_room(path, 1), 0);
	snprintf(path, sizeof(path), "%s/more", dir);
	EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"x", 1), -ENOSPC);
	for (int i = 0; i < FILE_COUNT_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		EXPECT_EQUAL(file_remove(path), 0);
	}
}

static void a_directory_takes_so_many_bytes(const char *dir)
{
	static uint8_t data[FILE_TOTAL_BYTES_MAX / 4];
	char path[128];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		EXPECT_EQUAL(file_write(path, 0600, data, sizeof(data)), 0);
	}
	EXPECT_EQUAL(file_write(path, 0600, data, sizeof(data)), 0);
	snprintf(path, sizeof(path), "%s/more", dir);
	EXPECT_EQUAL(file_write(path, 0600, data, 1), -ENOSPC);
	EXPECT_EQUAL(file_write(path, 0600, data, 0), 0);
	EXPECT_EQUAL(file_remove(path), 0);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		EXPECT_EQUAL(file_remove(path), 0);
	}
}

static void state_files_have_plain_names(void)
{
	struct file_rules rules = { .config_path = "/etc/adit/state/adit.json",
				    .run_dir = "/run/adit", .state_dir = "/etc/adit/state" };

	EXPECT(file_is_state(&rules, "/etc/adit/state/policy-a.mjs"));
	EXPECT(file_may_read(&rules, "/etc/adit/state/0"));
	EXPECT(file_may_write(&rules, "/etc/adit/state/control"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state/adit.json"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state/"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state/a/b"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state/.a"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state/Policy"));
	EXPECT(!file_may_write(&rules, "/etc/adit/state2/a"));
	EXPECT(!file_may_write(&rules, "/etc/adit/other"));
	rules.state_dir = "";
	EXPECT(!file_is_state(&rules, "/a"));
	EXPECT(!file_may_write(&rules, "/a"));
	rules.state_dir = NULL;
	EXPECT(!file_may_write(&rules, "/a"));
}

static void only_own_files_are_trusted(const char *dir)
{
	char path[128];
	uint8_t *data = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/own", dir);
	EXPECT_EQUAL(file_read_own(path, &data, &size), -ENOENT);
	EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"text", 4), 0);
	EXPECT_EQUAL(file_read_own(path, &data, &size), 0);
	EXPECT(size == 4 && data && memcmp(data, "text", 4) == 0);
	free(data);
	EXPECT_EQUAL(chmod(path, 0620), 0);
	EXPECT_EQUAL(file_read_own(path, &data, &size), -EPERM);
	EXPECT_EQUAL(chmod(path, 0602), 0);
	EXPECT_EQUAL(file_read_own(path, &data, &size), -EPERM);
	EXPECT_EQUAL(chmod(path, 0644), 0);
	if (geteuid() == 0) {
		EXPECT_EQUAL(chown(path, 1, (gid_t)-1), 0);
		EXPECT_EQUAL(file_read_own(path, &data, &size), -EPERM);
	}
	EXPECT_EQUAL(file_remove(path), 0);
}

static _Noreturn void write_for_ever(const char *path)
{
	static uint8_t data[TORN_BYTES];

	for (uint8_t fill = 1;; fill = fill == 1 ? 2 : 1) {
		memset(data, fill, sizeof(data));
		file_write(path, 0600, data, fill * (sizeof(data) / 2));
	}
}

/* True for what one of the writes wanted: all ones and half the size, or all twos. */
static bool is_whole(const uint8_t *data, size_t size)
{
	if (size == 0 || size != data[0] * (size_t)(TORN_BYTES / 2))
		return false;
	for (size_t i = 1; i < size; i++)
		if (data[i] != data[0])
			return false;
	return true;
}

/* A writer that is killed at any moment leaves one of its contents whole, and its successor is not
 * kept from writing by what it left besides. */
static void a_killed_writer_tears_nothing(const char *dir)
{
	static uint8_t first[TORN_BYTES / 2];
	char path[128], temporary[160];
	int torn = 0;

	snprintf(path, sizeof(path), "%s/torn", dir);
	snprintf(temporary, sizeof(temporary), "%s.adit-new", path);
	memset(first, 1, sizeof(first));
	EXPECT_EQUAL(file_write(path, 0600, first, sizeof(first)), 0);
	for (int i = 0; i < TORN_ROUNDS; i++) {
		uint8_t *data = NULL;
		size_t size = 0;
		pid_t writer = fork();

		if (writer == 0)
			write_for_ever(path);
		usleep(TORN_WAIT_US + (useconds_t)(i * TORN_STEP_US));
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
		if (file_read_own(path, &data, &size) < 0 || !is_whole(data, size))
			torn++;
		free(data);
	}
	EXPECT_EQUAL(torn, 0);
	EXPECT_EQUAL(file_write(path, 0600, (const uint8_t *)"x", 1), 0);
	EXPECT(access(temporary, F_OK) < 0);
	EXPECT_EQUAL(file_remove(path), 0);
}

static bool may_set(const char *key, const char *value, const char *interface)
{
	char name[IFNAME_BYTES_MAX + 1];
	bool may = sysctl_may_set(key, value, name);

	if (may)
		EXPECT_TEXT(name, interface);
	return may;
}

static void few_kernel_parameters_may_be_set(void)
{
	char value[SYSCTL_VALUE_MAX + 1];

	EXPECT(may_set("net/ipv4/ip_forward", "1", ""));
	EXPECT(may_set("net/ipv4/icmp_errors_use_inbound_ifaddr", "1", ""));
	EXPECT(!may_set("net/ipv4/icmp_errors_use_inbound_ifaddr", "x", ""));
	EXPECT(may_set("net/ipv6/conf/all/forwarding", "1", ""));
	EXPECT(may_set("net/ipv4/conf/wrt0/rp_filter", "2", "wrt0"));
	EXPECT(may_set("net/ipv6/conf/eth0.2/accept_ra", "2", "eth0.2"));
	EXPECT(may_set("net/ipv4/conf/br-lan.7/arp_ignore", "0", ""));
	EXPECT(!may_set("net/ipv4/conf/wrt0/rp_filter", "3", "wrt0"));
	EXPECT(!may_set("net/ipv4/conf/wrt0/rp_filter", "-1", "wrt0"));
	EXPECT(!may_set("net/ipv4/conf/wrt0/rp_filter", "22", "wrt0"));
	EXPECT(!may_set("net/ipv4/conf/all/rp_filter", "2", "all"));
	EXPECT(!may_set("net/ipv6/conf/default/accept_ra", "2", "default"));
	EXPECT(!may_set("net/ipv4/conf/wrt0/forwarding", "1", "wrt0"));
	EXPECT(!may_set("net/ipv6/conf/wrt0/forwarding", "1", "wrt0"));
	EXPECT(!may_set("net/ipv6/conf/wrt0/disable_ipv6", "1", "wrt0"));
	EXPECT(!may_set("net/ipv4/conf/wrt0/route_localnet", "1", "wrt0"));
	EXPECT(!may_set("net/ipv4/conf/../../../kernel/core_pattern", "1", ""));
	EXPECT(!may_set("net/ipv4/conf/a/b/rp_filter", "1", ""));
	EXPECT(!may_set("net/ipv4/conf/wrt0/", "1", ""));
	EXPECT(!may_set("net/ipv4/conf//rp_filter", "1", ""));
	EXPECT(!may_set("net/ipv4/ip_forward", "1; x", ""));
	EXPECT(!may_set("net/ipv4/ip_forward/", "1", ""));
	EXPECT(!may_set("net/ipv4/ip_forward", "", ""));
	EXPECT(!may_set("kernel/core_pattern", "1", ""));
	EXPECT(sysctl_may_get("net/netfilter/nf_conntrack_max"));
	EXPECT(!sysctl_may_get("kernel/hostname"));
	EXPECT(!sysctl_may_get("net/ipv4/../../kernel/hostname"));
	EXPECT_EQUAL(sysctl_get("net/ipv4/ip_forward", value), 0);
	EXPECT(strcmp(value, "0") == 0 || strcmp(value, "1") == 0);
	EXPECT_EQUAL(sysctl_get("net/ipv4/none", value), -ENOENT);
	EXPECT_EQUAL(sysctl_get("net/ipv4/tcp_fastopen_key", value), -EPERM);
	EXPECT_EQUAL(sysctl_get("kernel/hostname", value), -EPERM);
}

int main(void)
{
	char dir[] = "/tmp/adit-file-test-XXXXXX";

	EXPECT(mkdtemp(dir) != NULL);
	only_clean_paths_pass();
	the_configuration_says_what_may_be_read();
	values_of_uci_may_be_read();
	what_is_made_is_synchronised(dir);
	files_are_replaced_as_a_whole(dir);
	a_directory_takes_so_many_files(dir);
	a_directory_takes_so_many_bytes(dir);
	state_files_have_plain_names();
	only_own_files_are_trusted(dir);
	a_killed_writer_tears_nothing(dir);
	few_kernel_parameters_may_be_set();
	EXPECT_EQUAL(rmdir(dir), 0);
	return test_summary();
}
