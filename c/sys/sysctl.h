/* Kernel parameters below /proc/sys/net. Keys are paths with slashes, "net/ipv4/ip_forward". */
#ifndef ADIT_SYS_SYSCTL_H
#define ADIT_SYS_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>

#include "ifname.h"

#define SYSCTL_VALUE_MAX 128

/* True for keys below net/ipv4, net/ipv6 and net/netfilter. Pure. */
bool sysctl_may_get(const char *key);
/* True for the few keys and values that forwarding and leak protection need. `ret_name` gets the
 * interface that the configuration has to name for that, "" if none. Pure. */
bool sysctl_may_set(const char *key, const char *value, char ret_name[static IFNAME_BYTES_MAX + 1]);

/* 0 or -errno; -EPERM if it may not be read, by the list or by its mode. `ret_value` has
 * SYSCTL_VALUE_MAX + 1 bytes. */
int sysctl_get(const char *key, char *ret_value);
/* 0 or -errno. Not checked here: sysctl_may_set. */
int sysctl_set(const char *key, const char *value);

#endif
