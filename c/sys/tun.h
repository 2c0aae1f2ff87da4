/* A TUN device with the kernel's offload header before each packet (linux/if_tun.h). */
#ifndef ADIT_SYS_TUN_H
#define ADIT_SYS_TUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <net/if.h>

/* Bytes of struct virtio_net_hdr, which precede each packet in both directions. */
#define TUN_HEADER_SIZE 10

struct tun {
	int fd;		  /* -1 while closed */
	uint32_t index;	  /* interface index */
	uint32_t offload; /* TUN_F_ bits that the kernel granted */
	char name[IFNAMSIZ];
};

/* Creates device `name`, not persistent, non-blocking; one that exists is somebody else's, -EBUSY.
 * Segmentation offload is asked for in steps, so that an older kernel gives what it has; none of it
 * is an error. 0 or -errno, with a sentence in `ret_text`. The descriptor is the caller's, closed
 * with tun_close. */
int tun_open(const char *name, bool offload, struct tun *ret_tun, char *ret_text, size_t text_size);
/* True if the interface of that name in our network namespace is the one behind the descriptor:
 * others may delete it, rename it, move it away, and put another one in its place. */
bool tun_is_here(const struct tun *tun);
/* Harmless on a closed one; sets fd to -1. */
void tun_close(struct tun *tun);

/* Reads one packet with its header before it into `buffer`. Bytes, header included, or -errno;
 * -EAGAIN when there is none. */
ssize_t tun_read(const struct tun *tun, void *buffer, size_t capacity);
/* Writes one packet. 0 or -errno; -EINVAL when the kernel refuses what the header asks for. */
int tun_write(const struct tun *tun, const void *header, const void *packet, size_t size);

#endif
