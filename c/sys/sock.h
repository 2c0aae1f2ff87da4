/* Sockets that the mover makes for the decider, which may make none. Each returns a descriptor,
 * owned by the caller, or -errno with a sentence in SOCK_TEXT_MAX bytes. */
#ifndef ADIT_SYS_SOCK_H
#define ADIT_SYS_SOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "../inet.h"

#define SOCK_TEXT_MAX 256

/* By which mark and interface a socket's packets leave; 0 and NULL or empty for none. */
struct sock_way {
	uint32_t mark;
	const char *device;
};

/* A socket file that nobody listens on is replaced; a living one is -EADDRINUSE. */
int sock_listen_unix(const char *path, unsigned int mode, char *ret_text);
int sock_listen_tcp(const struct inet_ip *ip, uint16_t port, char *ret_text);
int sock_connect_udp(const struct inet_ip *ip, uint16_t port, const struct sock_way *way,
		     char *ret_text);

/* Leads a socket that is not connected yet; 0 or -errno. */
int sock_lead(int fd, const struct sock_way *way);

/* Who holds a claimed name; `known` is false if that cannot be told. */
struct sock_holder {
	bool known;
	pid_t pid; /* 0 if it is out of our sight */
	uid_t uid;
};

/* A name without a file, one for each network namespace (unix(7), abstract), held while the
 * descriptor is open. A descriptor, -EADDRINUSE with its holder, or another negative errno. */
int sock_claim(const char *name, struct sock_holder *ret_holder);

/* Segments that a TCP socket sent, those sent again included, and those alone, modulo 2^32: struct
 * tcp_info of linux/tcp.h. 0 or -errno, -ENODATA from a kernel that does not count (before 4.2);
 * then both are 0. */
int sock_tcp_segments(int fd, uint32_t *ret_out, uint32_t *ret_again);
/* One time-out more than a lost packet and its lost repetition. */
#define SOCK_REPEATS_MIN 3
/* True if what was sent first of what is not acknowledged was sent again so often, in vain. */
bool sock_tcp_repeats(int fd);
/* True if data of the peer, or an acknowledgement of something new, came within that time. */
bool sock_tcp_hears(int fd, uint32_t within_ms);

#endif
