/* The life of a session. */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "../check.h"
#include "../sys/sock.h"
#include "session_internal.h"

static void set_state(struct session *session, enum session_state state)
{
	session->state = state;
	session->shared->changed(session->shared->arg, session);
}

/* Text of a peer or of the system goes to logs and to the decider: plain ASCII only. */
static void set_reason(struct session *session, const char *word, const char *detail)
{
	snprintf(session->reason, sizeof(session->reason), "%s: %.200s", word, detail);
	for (char *at = session->reason; *at != '\0'; at++) {
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	}
}

/* -- beginning -- */

/* The next dial has the other size, so that a wrong guess does not stay. */
static void suspect_path(struct session *session)
{
	struct session_shared *shared = session->shared;

	if (!session->inbound)
		narrow_note(&shared->narrow, &session->peer, !session->narrow,
			    loop_now_us(shared->loop));
}

static void deadline_fired(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, deadline);

	if (!session->closing && session->state != SESSION_CONNECTING)
		suspect_path(session);
	if (session->closing)
		session_fail(session, "local", NULL);
	else if (session->state == SESSION_CONNECTING)
		session_fail(session, "timeout", "peer did not answer the TCP handshake");
	else if (session->state == SESSION_HANDSHAKE)
		session_fail(session, "timeout", "peer did not finish the TLS handshake");
	else
		session_fail(session, "timeout", "peer did not finish the greeting");
}

/* A slow or busy path answers late and is none the worse: something is read, and ours is taken. */
static bool is_unanswered(const struct session *session, unsigned periods)
{
	uint64_t now_us = loop_now_us(session->shared->loop);
	uint64_t limit_us = (uint64_t)periods * session->keepalive_ms * 1000;

	if (session->inbound || session->unanswered < periods ||
	    now_us - session->answered_us < limit_us)
		return false;
	return now_us - session->last_rx_us >= limit_us || sock_tcp_repeats(session->watch.fd);
}

/* A path that carries what is small may swallow the rest: then the peer's own keepalives come, or
 * its acknowledgements, and no answer ever. That is noticed before the peer gives up. */
static bool is_swallowed(const struct session *session)
{
	return is_unanswered(session, SESSION_SILENCES_MAX / 2) &&
	       sock_tcp_hears(session->watch.fd, 2 * session->keepalive_ms);
}

static void keepalive_fired(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, keepalive);
	uint64_t idle_us = loop_now_us(session->shared->loop) - session->last_rx_us;
	uint64_t period_us = (uint64_t)session->keepalive_ms * 1000;

	/* Ticks are counted as well as time, so that a machine that slept does not blame the peer.
	 */
	if (session->silences >= SESSION_SILENCES_MAX &&
	    idle_us >= SESSION_SILENCES_MAX * period_us) {
		session_fail(session, "silent", "no byte from the peer for four keepalives");
		return;
	}
	if (is_swallowed(session)) {
		suspect_path(session);
		session_fail(session, "silent", "small packets come, large ones get lost");
		return;
	}
	if (is_unanswered(session, SESSION_SILENCES_MAX)) {
		session_fail(session, "silent", "no answer to four keepalives");
		return;
	}
	session->silences++;
	session->unanswered++;
	loop_timer_start(session->shared->loop, &session->keepalive, period_us);
	/* The side that dialled asks always and so knows the round trip; the other only in need. */
	if (!session->inbound || idle_us >= period_us) {
		session->probe_due = true;
		session_flush(session);
	}
}

static void finish_connect(struct session *session);

static void socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct session *session = container_of(watch, struct session, watch);

	if (session->state == SESSION_CONNECTING) {
		finish_connect(session);
		return;
	}
	if ((events & EPOLLIN) != 0)
		session_io_read(session);
	else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		session_fail(session, "reset", "connection lost");
	if (session->state != SESSION_CLOSED && (events & EPOLLOUT) != 0)
		session_flush(session);
}

static struct session *make(struct session_shared *shared, uint32_t number, uint32_t keepalive_ms)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->shared = shared;
	session->number = number;
	session->keepalive_ms =
		keepalive_ms < SESSION_KEEPALIVE_MS_MIN ? SESSION_KEEPALIVE_MS_MIN : keepalive_ms;
	session->watch.fd = -1;
	session->watch.ready = socket_ready;
	session->deadline.fired = deadline_fired;
	session->deadline.name = "session deadline";
	session->keepalive.fired = keepalive_fired;
	session->keepalive.name = "keepalive";
	session->last_rx_us = loop_now_us(shared->loop);
	session->read_size = SESSION_READ_SIZE;
	session->controls = SESSION_CONTROLS_MAX;
	session->controls_us = session->last_rx_us;
	return session;
}

static void set_socket_options(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int open_socket(const struct session_dial *dial, bool is_narrow, int *ret_fd)
{
	static const int segment = NARROW_SEGMENT;
	int family = dial->peer.family == 6 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sock_way way = { dial->mark, dial->device };
	int error;

	if (fd < 0)
		return -errno;
	error = sock_lead(fd, &way);
	if (error != 0) {
		close(fd);
		return error;
	}
	set_socket_options(fd);
	if (is_narrow)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	*ret_fd = fd;
	return 0;
}

static void fail_connect(struct session *session, int error)
{
	const char *word = "local";

	if (error == ECONNREFUSED)
		word = "refused";
	else if (error == ENETUNREACH || error == EHOSTUNREACH || error == ENODEV ||
		 error == EACCES || error == ENETDOWN || error == EADDRNOTAVAIL)
		word = "unreachable";
	else if (error == ETIMEDOUT)
		word = "timeout";
	else if (error == ECONNRESET || error == ECONNABORTED)
		word = "reset";
	session_fail(session, word, strerror(error));
}

static void finish_connect(struct session *session)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(session->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		fail_connect(session, error);
		return;
	}
	if (session_io_open(session) != 0) {
		session_fail(session, "local", "no memory");
		return;
	}
	set_state(session, SESSION_HANDSHAKE);
	(void)tls_handshake(session->tls, &session->out);
	session_flush(session);
}

static void connect_now(struct session *session, const struct session_dial *dial)
{
	struct sockaddr_storage address;
	size_t size = inet_sockaddr(&dial->peer, dial->port, &address);

	if (connect(session->watch.fd, (struct sockaddr *)&address, (socklen_t)size) != 0 &&
	    errno != EINPROGRESS)
		fail_connect(session, errno);
	else
		session_io_watch(session);
}

static int add_control(struct session *session, const uint8_t *data, size_t size)
{
	uint8_t *at;

	if (size < 2 || size > FRAME_CONTROL_MAX)
		return -EINVAL;
	if (session->urgent_size + FRAME_HEADER_SIZE + size > SESSION_URGENT_MAX)
		return -ENOBUFS;
	if (session->urgent == NULL)
		session->urgent = malloc(SESSION_URGENT_MAX);
	if (session->urgent == NULL)
		return -ENOMEM;
	at = session->urgent + session->urgent_size;
	frame_write_header(at, FRAME_CONTROL, 0, 0, size);
	memcpy(at + FRAME_HEADER_SIZE, data, size);
	session->urgent_size += FRAME_HEADER_SIZE + size;
	return 0;
}

static int keep_greeting(struct session *session, const struct session_dial *dial)
{
	if ((dial->peer.family != 4 && dial->peer.family != 6) || dial->port == 0)
		return -EINVAL;
	return add_control(session, dial->greeting, dial->greeting_size);
}

int session_dial(struct session_shared *shared, uint32_t number, struct tls_context *context,
		 const struct session_dial *dial, struct session **ret_session)
{
	struct session *session = make(shared, number, dial->keepalive_ms);
	int error;

	if (session == NULL) {
		tls_context_free(context);
		return -ENOMEM;
	}
	session->context = context;
	session->peer = dial->peer;
	session->port = dial->port;
	session->slot = dial->slot;
	session->state = SESSION_CONNECTING;
	snprintf(session->name, sizeof(session->name), "%s", dial->name);
	session->narrow = narrow_has(&shared->narrow, &dial->peer, loop_now_us(shared->loop));
	error = keep_greeting(session, dial);
	if (error == 0)
		error = open_socket(dial, session->narrow, &session->watch.fd);
	if (error != 0 && error != -ENODEV) {
		session_free(session);
		return error;
	}
	*ret_session = session;
	set_state(session, SESSION_CONNECTING);
	loop_timer_start(shared->loop, &session->deadline, (uint64_t)dial->deadline_ms * 1000);
	if (error != 0)
		fail_connect(session, -error);
	else
		connect_now(session, dial);
	return 0;
}

int session_accept(struct session_shared *shared, uint32_t number, struct tls_context *context,
		   int fd, uint32_t deadline_ms, uint32_t keepalive_ms,
		   struct session **ret_session)
{
	struct session *session = make(shared, number, keepalive_ms);
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (session == NULL)
		return -ENOMEM;
	if (getpeername(fd, (struct sockaddr *)&address, &size) != 0 ||
	    !inet_from_sockaddr(&address, &session->peer, &session->port)) {
		free(session);
		return -ENOTCONN;
	}
	session->inbound = true;
	session->context = tls_context_share(context);
	session->watch.fd = fd;
	session->state = SESSION_HANDSHAKE;
	set_socket_options(fd);
	loop_timer_start(shared->loop, &session->deadline, (uint64_t)deadline_ms * 1000);
	session_io_watch(session);
	*ret_session = session;
	return 0;
}

static void release(struct session *session)
{
	loop_timer_stop(&session->deadline);
	loop_timer_stop(&session->keepalive);
	loop_unwatch(&session->watch);
	if (session->watch.fd >= 0)
		close(session->watch.fd);
	session->watch.fd = -1;
}

void session_free(struct session *session)
{
	if (session == NULL)
		return;
	release(session);
	session_io_free(session);
	tls_context_free(session->context);
	free(session->memo);
	free(session);
}

/* -- while it lives -- */

void session_greeted(struct session *session)
{
	set_state(session, SESSION_GREETING);
}

int session_start(struct session *session, uint16_t mtu, bool segments, const uint8_t *control,
		  size_t control_size)
{
	int error = 0;

	if (session->state != SESSION_GREETING || session->closing || !session->paused)
		return -EINVAL;
	if (control_size > 0)
		error = add_control(session, control, control_size);
	if (error == 0)
		error = session_io_grow(session);
	if (error != 0)
		return error;
	session->mtu = mtu;
	session->segments = segments;
	session->controls = SESSION_CONTROLS_MAX;
	loop_timer_stop(&session->deadline);
	set_state(session, SESSION_STARTED);
	session->silences = 0;
	session->last_rx_us = session->answered_us = loop_now_us(session->shared->loop);
	keepalive_fired(&session->keepalive);
	if (session->state == SESSION_STARTED)
		session_io_resume(session);
	return 0;
}

int session_send(struct session *session, const uint8_t *data, size_t size)
{
	int error;

	if ((session->state != SESSION_GREETING && session->state != SESSION_STARTED) ||
	    session->closing)
		return -ENOTCONN;
	error = add_control(session, data, size);
	if (error != 0)
		return error;
	session_flush(session);
	if (session->state == SESSION_GREETING && session->paused)
		session_io_resume(session);
	return 0;
}

/* One more control frame each SESSION_CONTROL_REFILL_US, up to SESSION_CONTROLS_MAX saved up. */
static bool may_control(struct session *session)
{
	uint64_t now_us = loop_now_us(session->shared->loop);
	uint64_t more = (now_us - session->controls_us) / SESSION_CONTROL_REFILL_US;

	if (more > 0) {
		session->controls = more > SESSION_CONTROLS_MAX - session->controls
					    ? SESSION_CONTROLS_MAX
					    : session->controls + (unsigned)more;
		session->controls_us = now_us;
	}
	if (session->controls == 0)
		return false;
	session->controls--;
	return true;
}

static void handle_control(struct session *session, const struct frame *frame)
{
	if (!may_control(session)) {
		session_fail(session, "flood", "too many control frames");
		return;
	}
	session->paused = session->state == SESSION_GREETING;
	session->shared->control(session->shared->arg, session, frame->payload, frame->size);
}

static void handle_answer(struct session *session, const struct frame *frame)
{
	uint64_t now_us = loop_now_us(session->shared->loop);
	uint32_t sample_us;

	session->unanswered = 0;
	session->answered_us = now_us;
	if (session->probe_us == 0 ||
	    memcmp(frame->payload, &session->probe_us, FRAME_STAMP_SIZE) != 0)
		return;
	sample_us = (uint32_t)(now_us - session->probe_us);
	sample_us = sample_us > 0 ? sample_us : 1;
	session->rtt_us = session->rtt_us == 0
				  ? sample_us
				  : (uint32_t)(((uint64_t)session->rtt_us * 7 + sample_us) / 8);
	session->probe_us = 0;
}

static void handle_close(struct session *session, const struct frame *frame)
{
	char text[FRAME_REASON_MAX + 32];

	snprintf(text, sizeof(text), "peer says: %.*s", (int)frame->size,
		 (const char *)frame->payload);
	session_fail(session, "reset", text);
}

void session_handle_frame(struct session *session, const struct frame *frame)
{
	if (frame->type == FRAME_CONTROL) {
		handle_control(session, frame);
	} else if (frame->type == FRAME_CLOSE) {
		handle_close(session, frame);
	} else if (session->state != SESSION_STARTED) {
		session_fail(session, "protocol", "keepalive before the session was started");
	} else if (frame->type == FRAME_ANSWER) {
		handle_answer(session, frame);
	} else {
		memcpy(session->answer, frame->payload, FRAME_STAMP_SIZE);
		session->answer_due = true;
	}
}

bool session_is_open(const struct session *session)
{
	return session->state == SESSION_STARTED && !session->closing;
}

/* -- end -- */

void session_fail(struct session *session, const char *word, const char *detail)
{
	if (session->state == SESSION_CLOSED)
		return;
	/* A session that was asked to close has its reason already. */
	if (!session->closing)
		set_reason(session, word, detail);
	release(session);
	set_state(session, SESSION_CLOSED);
}

void session_shut(struct session *session, const char *word, const char *detail)
{
	if (session->state == SESSION_CLOSED || session->closing)
		return;
	set_reason(session, word, detail);
	if (session->state < SESSION_GREETING) {
		session_fail(session, word, detail);
		return;
	}
	session->closing = true;
	session->close_due = true;
	loop_timer_stop(&session->keepalive);
	loop_timer_start(session->shared->loop, &session->deadline, SESSION_CLOSE_US);
	session_flush(session);
}
