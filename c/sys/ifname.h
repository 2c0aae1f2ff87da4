/* Names of network interfaces. */
#ifndef ADIT_SYS_IFNAME_H
#define ADIT_SYS_IFNAME_H

#include <stdbool.h>

/* IFNAMSIZ without its NUL. */
#define IFNAME_BYTES_MAX 15

/* As dev_valid_name of the kernel, and printable ASCII without quotes and backslash besides, so
 * that a name is safe in a path, a script and a log. Pure. */
bool ifname_is_valid(const char *name);

#endif
