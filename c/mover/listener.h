/* A listening socket for tunnel clients. Strangers may only fill the table of half-open sessions,
 * where the oldest gives way. */
#ifndef ADIT_MOVER_LISTENER_H
#define ADIT_MOVER_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "../inet.h"
#include "../loop.h"
#include "../tls/tls.h"
#include "session.h"

#define LISTENER_BACKLOG 128
/* Connections taken in one turn of the loop. */
#define LISTENER_ACCEPTS_MAX 16
/* How long no connection is taken after descriptors or memory ran out. */
#define LISTENER_PAUSE_US 100000
/* One source may hold this part of the half-open sessions. */
#define LISTENER_SOURCE_SHARE 4

struct listener {
	struct loop_watch watch;
	struct loop_timer pause;
	struct inet_ip address;
	uint16_t port;
	struct tls_context *context;
	uint32_t greeting_ms, keepalive_ms;
	uint16_t half_open_max, sessions_max;
	void *arg;
	/* Takes over the socket, closing it if it is not wanted. */
	void (*accepted)(void *arg, struct listener *listener, int fd);
};

/* Binds and listens; an unspecified IPv6 address takes IPv4 as well. address, port, arg and
 * accepted are set by the caller. 0 or -errno. */
int listener_open(struct listener *listener, struct loop *loop);
/* Closes the socket and lets go of the TLS context. */
void listener_close(struct listener *listener);

/* Which half-open session of this listener has to give way before one from `source` is taken: NULL
 * if there is room, or if none is half-open. A source that holds its share loses its own oldest. */
struct session *listener_choose_victim(const struct listener *listener,
				       struct session *const *sessions, size_t count,
				       const struct inet_ip *source);
/* Sessions of this listener, in any state but closed. */
size_t listener_count(const struct listener *listener, struct session *const *sessions,
		      size_t count);

#endif
