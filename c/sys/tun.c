#include "tun.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "../check.h"

/* Linux 6.2; missing from older headers. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static int set_name(int fd, const char *name, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, name, strlen(name));
	ifr->ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
	return ioctl(fd, TUNSETIFF, ifr) == 0 ? 0 : -errno;
}

static uint32_t set_offload(int fd)
{
	static const uint32_t steps[] = {
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6,
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
		TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
		TUN_F_CSUM,
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)steps[i]) == 0)
			return steps[i];
	}
	(void)ioctl(fd, TUNSETOFFLOAD, 0ul);
	return 0;
}

static int set_up(int fd, const char *name, bool offload, struct tun *ret_tun)
{
	struct ifreq ifr;
	int header_size = TUN_HEADER_SIZE;
	int error = set_name(fd, name, &ifr);

	if (error != 0)
		return error;
	if (ioctl(fd, TUNSETVNETHDRSZ, &header_size) != 0)
		return -errno;
	ret_tun->fd = fd;
	ret_tun->offload = 0;
	if (offload)
		ret_tun->offload = set_offload(fd);
	else
		(void)ioctl(fd, TUNSETOFFLOAD, 0ul);
	ret_tun->index = if_nametoindex(ifr.ifr_name);
	memcpy(ret_tun->name, ifr.ifr_name, IFNAMSIZ);
	return 0;
}

int tun_open(const char *name, bool offload, struct tun *ret_tun, char *ret_text, size_t text_size)
{
	size_t name_size = strlen(name);
	int fd, error;

	if (name_size == 0 || name_size >= IFNAMSIZ) {
		snprintf(ret_text, text_size, "tun name \"%s\" must have 1 to %d bytes", name,
			 IFNAMSIZ - 1);
		return -EINVAL;
	}
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		snprintf(ret_text, text_size, "cannot open /dev/net/tun: %s", strerror(-error));
		return error;
	}
	error = set_up(fd, name, offload, ret_tun);
	if (error != 0) {
		snprintf(ret_text, text_size, "cannot create TUN \"%s\": %s", name,
			 error == -EBUSY ? "an interface of that name exists and is not ours" :
					   strerror(-error));
		close(fd);
	}
	return error;
}

bool tun_is_here(const struct tun *tun)
{
	struct ifreq ifr = { 0 };

	return tun->fd >= 0 && ioctl(tun->fd, TUNGETIFF, &ifr) == 0 &&
	       strcmp(ifr.ifr_name, tun->name) == 0 && if_nametoindex(tun->name) == tun->index;
}

void tun_close(struct tun *tun)
{
	if (tun->fd >= 0)
		close(tun->fd);
	tun->fd = -1;
	tun->name[0] = '\0';
	tun->index = 0;
}

ssize_t tun_read(const struct tun *tun, void *buffer, size_t capacity)
{
	ssize_t size = read(tun->fd, buffer, capacity);

	return size < 0 ? -errno : size;
}

int tun_write(const struct tun *tun, const void *header, const void *packet, size_t size)
{
	struct iovec parts[2] = {
		{.iov_base = (void *)header, .iov_len = TUN_HEADER_SIZE},
		{.iov_base = (void *)packet, .iov_len = size},
	};
	ssize_t written = writev(tun->fd, parts, 2);

	return written < 0 ? -errno : 0;
}
