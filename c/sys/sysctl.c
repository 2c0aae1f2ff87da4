#define _GNU_SOURCE 1
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"
#include "file.h"

#define ROOT "/proc/sys/"

/* What a router or gateway changes, with the largest value of each; `%` stands for an interface. */
static const struct {
	const char *before, *after; /* `after` is NULL without an interface */
	char most;
	bool named; /* only of interfaces that the configuration names */
} rows[] = {
	{ "net/ipv4/ip_forward", NULL, '1', false },
	{ "net/ipv4/icmp_errors_use_inbound_ifaddr", NULL, '1', false },
	{ "net/ipv6/conf/all/forwarding", NULL, '1', false },
	{ "net/ipv4/conf/", "/rp_filter", '2', true },
	{ "net/ipv6/conf/", "/accept_ra", '2', true },
	/* Rules of the running time name interfaces too; it can only make answers fewer. */
	{ "net/ipv4/conf/", "/arp_ignore", '8', false },
};

bool sysctl_may_get(const char *key)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), ROOT "%s", key);
	return file_is_below(path, ROOT "net/ipv4") || file_is_below(path, ROOT "net/ipv6") ||
	       file_is_below(path, ROOT "net/netfilter");
}

/* False unless `key` is the row's, with a name where an interface stands. */
static bool is_key(size_t row, const char *key, char ret_name[static IFNAME_BYTES_MAX + 1])
{
	size_t length = strlen(rows[row].before);
	size_t size;

	ret_name[0] = '\0';
	if (!rows[row].after || strncmp(key, rows[row].before, length) != 0)
		return strcmp(key, rows[row].before) == 0;
	size = strcspn(key + length, "/");
	if (size > IFNAME_BYTES_MAX || strcmp(key + length + size, rows[row].after) != 0)
		return false;
	memcpy(ret_name, key + length, size);
	ret_name[size] = '\0';
	return ifname_is_valid(ret_name) && strcmp(ret_name, "all") != 0 &&
	       strcmp(ret_name, "default") != 0;
}

bool sysctl_may_set(const char *key, const char *value, char ret_name[static IFNAME_BYTES_MAX + 1])
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!is_key(i, key, ret_name))
			continue;
		if (!rows[i].named)
			ret_name[0] = '\0';
		return value[0] >= '0' && value[0] <= rows[i].most && value[1] == '\0';
	}
	return false;
}

static int open_key(const char *key, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), ROOT "%s", key);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* What the kernel shows to its owner alone, such as secrets of address generation, is nothing for
 * the decider. */
static int read_value(int fd, char *ret_value)
{
	struct stat stat;
	ssize_t length;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!(stat.st_mode & S_IROTH))
		return -EPERM;
	length = read(fd, ret_value, SYSCTL_VALUE_MAX);
	if (length < 0)
		return -errno;
	ret_value[length] = '\0';
	ret_value[strcspn(ret_value, "\n")] = '\0';
	return 0;
}

int sysctl_get(const char *key, char *ret_value)
{
	int error;
	int fd;

	ret_value[0] = '\0';
	if (!sysctl_may_get(key))
		return -EPERM;
	fd = open_key(key, O_RDONLY);
	if (fd < 0)
		return fd;
	error = read_value(fd, ret_value);
	close(fd);
	return error;
}

int sysctl_set(const char *key, const char *value)
{
	ssize_t written;
	int fd;

	fd = open_key(key, O_WRONLY);
	if (fd < 0)
		return fd;
	written = write(fd, value, strlen(value));
	if (written < 0)
		written = -errno;
	close(fd);
	return written < 0 ? (int)written : 0;
}
