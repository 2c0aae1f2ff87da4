#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* accept4 */
#endif
#include "listener.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include "../check.h"
#include "../contract.gen.h"

/* A connection that cannot be taken stays in the backlog and keeps the socket readable: without a
 * pause the loop would do nothing but try. */
static void pause_accepting(struct listener *listener)
{
	struct loop *loop = listener->watch.loop;

	loop_unwatch(&listener->watch);
	loop_timer_start(loop, &listener->pause, LISTENER_PAUSE_US);
}

static void pause_is_over(struct loop_timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, pause);

	if (loop_watch(timer->loop, &listener->watch, EPOLLIN) < 0)
		loop_timer_start(timer->loop, timer, LISTENER_PAUSE_US);
}

static void listener_ready(struct loop_watch *watch, uint32_t events)
{
	struct listener *listener = container_of(watch, struct listener, watch);

	(void)events;
	for (int i = 0; i < LISTENER_ACCEPTS_MAX; i++) {
		int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				pause_accepting(listener);
			break;
		}
		listener->accepted(listener->arg, listener, fd);
	}
}

static int bind_socket(int fd, const struct inet_ip *address, uint16_t port)
{
	struct sockaddr_storage storage;
	size_t size = inet_sockaddr(address, port, &storage);
	int on = 1, off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return -errno;
	if (address->family == 6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&storage, (socklen_t)size) != 0 ||
	    listen(fd, LISTENER_BACKLOG) != 0)
		return -errno;
	return 0;
}

int listener_open(struct listener *listener, struct loop *loop)
{
	int family = listener->address.family == 6 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = bind_socket(fd, &listener->address, listener->port);
	listener->watch.fd = fd;
	listener->watch.ready = listener_ready;
	listener->pause.fired = pause_is_over;
	listener->pause.name = "pause of a listener";
	if (error == 0)
		error = loop_watch(loop, &listener->watch, EPOLLIN);
	if (error != 0)
		close(fd);
	return error;
}

void listener_close(struct listener *listener)
{
	loop_timer_stop(&listener->pause);
	loop_unwatch(&listener->watch);
	if (listener->watch.fd >= 0)
		close(listener->watch.fd);
	listener->watch.fd = -1;
	tls_context_free(listener->context);
	listener->context = NULL;
}

static bool is_half_open(const struct listener *listener, const struct session *session)
{
	return session->listener == listener && session->state < SESSION_STARTED;
}

/* An IPv6 customer has at least a /64. */
static bool is_same_source(const struct inet_ip *a, const struct inet_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == 6 ? 8 : 4) == 0;
}

static struct session *older(struct session *a, struct session *b)
{
	return a == NULL || (int32_t)(b->number - a->number) < 0 ? b : a;
}

struct session *listener_choose_victim(const struct listener *listener,
				       struct session *const *sessions, size_t count,
				       const struct inet_ip *source)
{
	struct session *oldest = NULL, *oldest_own = NULL;
	size_t half_open = 0, own = 0;
	bool full = count >= MSG_STATS_SESSIONS_MAX ||
		    listener_count(listener, sessions, count) >= listener->sessions_max;
	size_t share = listener->half_open_max / LISTENER_SOURCE_SHARE;

	for (size_t i = 0; i < count; i++) {
		struct session *session = sessions[i];

		if (!is_half_open(listener, session))
			continue;
		half_open++;
		oldest = older(oldest, session);
		if (is_same_source(&session->peer, source)) {
			own++;
			oldest_own = older(oldest_own, session);
		}
	}
	if (own > 0 && own >= (share > 0 ? share : 1))
		return oldest_own;
	return full || half_open >= listener->half_open_max ? oldest : NULL;
}

size_t listener_count(const struct listener *listener, struct session *const *sessions,
		      size_t count)
{
	size_t held = 0;

	for (size_t i = 0; i < count; i++)
		held += sessions[i]->listener == listener;
	return held;
}
