#define _GNU_SOURCE 1
#include "caps.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT ((1u << CAP_NET_ADMIN) | (1u << CAP_NET_BIND_SERVICE))

/* Version 3 of the interface carries 64 bits in two structs. */
static int set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = low, .permitted = low }, { 0 } };

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* The kernel says EINVAL for the first number that is no capability. */
static int limit_bounding_set(uint32_t kept)
{
	for (unsigned int cap = 0; cap < 64; cap++) {
		if (cap < 32 && (kept & (1u << cap)))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		return errno == EINVAL ? 0 : -errno;
	}
	return 0;
}

int caps_drop_mover(void)
{
	int error = limit_bounding_set(KEPT);

	if (error)
		return error;
	if (setgroups(0, NULL) < 0 || setresgid(CAPS_GID, 0, 0) < 0 ||
	    setresuid(CAPS_UID, 0, 0) < 0)
		return -errno;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return set_capabilities(KEPT);
}

int caps_drop_decider(void)
{
	if (setresgid(CAPS_GID, CAPS_GID, CAPS_GID) < 0 ||
	    setresuid(CAPS_UID, CAPS_UID, CAPS_UID) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return set_capabilities(0);
}
