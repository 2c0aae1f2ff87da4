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
#include "ifname.h"

#define ROOT "/proc/sys/"

/* Interface wide keys that a router or gateway changes, below net/ipvN/conf/NAME/. */
static const char *const conf4[] = { "rp_filter",    "arp_ignore",   "arp_announce",
				     "arp_filter",   "src_valid_mark", "forwarding",
				     "route_localnet", "send_redirects", "accept_redirects" };
static const char *const conf6[] = { "disable_ipv6", "accept_ra",     "accept_ra_defrtr",
				     "forwarding",   "accept_redirects", "autoconf",
				     "addr_gen_mode" };

static bool list_has(const char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

/* Splits "NAME/leaf" and checks both. */
static bool conf_key_is_listed(const char *rest, const char *const *list, size_t count)
{
	char name[IFNAME_BYTES_MAX + 1];
	const char *slash = strchr(rest, '/');

	if (!slash || (size_t)(slash - rest) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(slash - rest), rest);
	return ifname_is_valid(name) && list_has(list, count, slash + 1);
}

bool sysctl_may_get(const char *key)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), ROOT "%s", key);
	return file_is_below(path, ROOT "net/ipv4") || file_is_below(path, ROOT "net/ipv6") ||
	       file_is_below(path, ROOT "net/netfilter");
}

static bool value_is_number(const char *value)
{
	size_t sign = value[0] == '-';
	size_t digits = strspn(value + sign, "0123456789");

	return digits > 0 && digits < 10 && value[sign + digits] == '\0';
}

bool sysctl_may_set(const char *key, const char *value)
{
	static const char prefix4[] = "net/ipv4/conf/";
	static const char prefix6[] = "net/ipv6/conf/";

	if (!value_is_number(value))
		return false;
	if (strcmp(key, "net/ipv4/ip_forward") == 0 ||
	    strcmp(key, "net/ipv4/icmp_errors_use_inbound_ifaddr") == 0)
		return true;
	if (strncmp(key, prefix4, strlen(prefix4)) == 0)
		return conf_key_is_listed(key + strlen(prefix4), conf4, ARRAY_SIZE(conf4));
	if (strncmp(key, prefix6, strlen(prefix6)) == 0)
		return conf_key_is_listed(key + strlen(prefix6), conf6, ARRAY_SIZE(conf6));
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

	if (!sysctl_may_set(key, value))
		return -EPERM;
	fd = open_key(key, O_WRONLY);
	if (fd < 0)
		return fd;
	written = write(fd, value, strlen(value));
	if (written < 0)
		written = -errno;
	close(fd);
	return written < 0 ? (int)written : 0;
}
