/* The bytes of a session: socket, TLS and frames in both directions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "../check.h"
#include "session_internal.h"

#define EARLY_PLAIN_SIZE (FRAME_HEADER_SIZE + FRAME_CONTROL_MAX)
#define EARLY_OUT_SIZE (TLS_OUTPUT_ROOM + 2 * SESSION_URGENT_MAX)
/* A whole frame and the record that its end is in, with some room so that moving is rare. */
#define PLAIN_SIZE (FRAME_HEADER_SIZE + FRAME_PACKET_MAX + 3 * TLS_RECORD_PLAIN_MAX)
/* A burst may overshoot by one frame; urgent frames and TLS's own messages come on top. */
#define OUT_PLAIN_SIZE \
	(SESSION_BURST_MAX + FRAME_HEADER_SIZE + FRAME_PACKET_MAX + SESSION_URGENT_MAX)
#define OUT_SIZE                                                                              \
	(OUT_PLAIN_SIZE + (OUT_PLAIN_SIZE / TLS_RECORD_PLAIN_MAX + 2) * TLS_RECORD_OVERHEAD + \
	 TLS_OUTPUT_ROOM)
/* The socket's unsent data and our bursts are meant to last this long. */
#define BURST_TARGET_US 2000
#define BURST_MEASURE_US 100000
#define TLS_FIRST_BYTE 0x16 /* a handshake record, RFC 8446 section 5.1 */

/* Plaintext on its way into TLS: frames are gathered so that records are full. */
struct sealer {
	struct session *session;
	size_t staged;
};

int session_io_open(struct session *session)
{
	session->plain = malloc(EARLY_PLAIN_SIZE);
	session->out.data = malloc(EARLY_OUT_SIZE);
	if (session->plain == NULL || session->out.data == NULL)
		return -ENOMEM;
	session->plain_capacity = EARLY_PLAIN_SIZE;
	session->out.capacity = EARLY_OUT_SIZE;
	return tls_new(session->context, &session->tls);
}

static bool grow(uint8_t **data, size_t size)
{
	uint8_t *larger = realloc(*data, size);

	if (larger != NULL)
		*data = larger;
	return larger != NULL;
}

int session_io_grow(struct session *session)
{
	if (!grow(&session->plain, PLAIN_SIZE) || !grow(&session->out.data, OUT_SIZE))
		return -ENOMEM;
	session->plain_capacity = PLAIN_SIZE;
	session->out.capacity = OUT_SIZE;
	return queue_new(session->shared->pool, &session->queue);
}

void session_io_free(struct session *session)
{
	queue_free(session->queue);
	tls_free(session->tls);
	free(session->plain);
	free(session->out.data);
	free(session->held);
	free(session->urgent);
}

/* -- receiving -- */

static void fail_tls(struct session *session)
{
	session_fail(session, tls_failure_word(tls_failure(session->tls)),
		     tls_failure_text(session->tls));
}

static void handle_frame(struct session *session, const struct frame *frame)
{
	if (frame->type == FRAME_PACKET || frame->type == FRAME_SEGMENTS)
		session->shared->packet(session->shared->arg, session, frame);
	else
		session_handle_frame(session, frame);
}

static bool is_running(const struct session *session)
{
	return session->state != SESSION_CLOSED && !session->paused && !session->closing;
}

/* Packets before the session is started are refused on sight of their header: they would not fit
 * into the early buffer. */
static bool is_too_early(const struct session *session, const struct frame *frame, size_t size)
{
	return session->state != SESSION_STARTED && size >= FRAME_HEADER_SIZE &&
	       (frame->type == FRAME_PACKET || frame->type == FRAME_SEGMENTS);
}

/* A super-packet is cheap until somebody has to cut it up. */
static size_t cost_of(const struct frame *frame)
{
	size_t segments = frame->segment_size > 0 ? frame->size / frame->segment_size : 0;

	return frame->size + SESSION_COST_FRAME + segments * SESSION_COST_SEGMENT;
}

static void parse_frames(struct session *session)
{
	struct frame frame;

	while (is_running(session)) {
		size_t size = session->plain_end - session->plain_start;
		int taken = frame_parse(session->plain + session->plain_start, size, &frame);

		if (taken < 0) {
			session_fail(session, "protocol", "malformed frame");
		} else if (is_too_early(session, &frame, size)) {
			session_fail(session, "protocol", "packet before the session was started");
		} else if (taken == 0) {
			break;
		} else {
			session->plain_start += (size_t)taken;
			session->read_cost += cost_of(&frame);
			handle_frame(session, &frame);
		}
	}
}

/* Makes room for the next record behind a frame that is not complete. */
static void compact_plain(struct session *session)
{
	size_t size = session->plain_end - session->plain_start;

	if (size != 0 && session->plain_capacity - session->plain_end >= TLS_RECORD_PLAIN_MAX)
		return;
	if (size != 0)
		memmove(session->plain, session->plain + session->plain_start, size);
	session->plain_start = 0;
	session->plain_end = size;
}

static void end_of_stream(struct session *session)
{
	session_fail(session, "reset", "peer closed the connection");
}

static void pull_frames(struct session *session)
{
	parse_frames(session);
	while (is_running(session)) {
		int size;

		compact_plain(session);
		size = tls_pull(session->tls, session->plain + session->plain_end,
				session->plain_capacity - session->plain_end, &session->out);
		if (size == 0)
			return;
		if (size == -EPIPE) {
			end_of_stream(session);
		} else if (size < 0) {
			fail_tls(session);
		} else {
			session->plain_end += (size_t)size;
			parse_frames(session);
		}
	}
}

static void fail_handshake(struct session *session)
{
	/* An alert helps the peer's owner, but nobody gets more bytes than they sent. */
	if (!session->inbound || session->early_bytes >= session->out.size)
		(void)send(session->watch.fd, session->out.data, session->out.size, MSG_NOSIGNAL);
	fail_tls(session);
}

static void shake_hands(struct session *session)
{
	int done = tls_handshake(session->tls, &session->out);

	if (done < 0)
		fail_handshake(session);
	else if (done == 1)
		session_greeted(session);
}

/* Ciphertext that a pause left over waits here: it is at most one early read. */
static void hold_unread(struct session *session, const uint8_t *data, size_t size)
{
	size_t unread = tls_unread(session->tls);

	if (unread == 0 || session->state == SESSION_CLOSED)
		return;
	CHECK(session->held == NULL);
	session->held = malloc(unread);
	CHECK(session->held != NULL);
	memcpy(session->held, data + size - unread, unread);
	session->held_size = unread;
	/* What it was copied from is every session's, and overwritten by the next read. */
	tls_feed(session->tls, NULL, 0);
}

static void take_ciphertext(struct session *session, const uint8_t *data, size_t size)
{
	tls_feed(session->tls, data, size);
	if (session->state == SESSION_HANDSHAKE)
		shake_hands(session);
	if (session->state == SESSION_GREETING || session->state == SESSION_STARTED)
		pull_frames(session);
	hold_unread(session, data, size);
	if (session->state != SESSION_CLOSED)
		session_flush(session);
}

/* Before the session is started each byte is counted, and memory for TLS is only spent on what
 * begins like TLS. */
static bool admit_early(struct session *session, const uint8_t *data, size_t size)
{
	session->early_bytes += size;
	if (session->early_bytes > SESSION_EARLY_BYTES_MAX) {
		session_fail(session, "flood", "too many bytes before the session was started");
		return false;
	}
	if (session->tls != NULL)
		return true;
	if (data[0] != TLS_FIRST_BYTE) {
		session_fail(session, "protocol", "peer does not speak TLS");
		return false;
	}
	if (session_io_open(session) != 0) {
		session_fail(session, "local", "no memory");
		return false;
	}
	return true;
}

static void fail_socket(struct session *session, int error)
{
	session_fail(session, "reset", strerror(error));
}

static void drain(struct session *session)
{
	ssize_t size = recv(session->watch.fd, session->shared->cipher, SESSION_READ_SIZE, 0);

	if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR))
		session_fail(session, "local", NULL);
}

/* Shrinks at once and grows slowly: whoever saves up cheap turns for a dear one gains nothing. */
static void tune_read(struct session *session)
{
	size_t size = session->read_size + SESSION_READ_SIZE_STEP;

	if (session->read_cost > SESSION_READ_SIZE)
		size = (size_t)((uint64_t)session->read_size * SESSION_READ_SIZE /
				session->read_cost);
	if (size < SESSION_READ_SIZE_MIN)
		size = SESSION_READ_SIZE_MIN;
	session->read_size = size < SESSION_READ_SIZE ? size : SESSION_READ_SIZE;
	session->read_cost = 0;
}

/* Who is alone has the thread for itself. */
static bool is_thread_shared(const struct session *session)
{
	struct session_shared *shared = session->shared;
	uint64_t now_us = loop_now_us(shared->loop);

	if (shared->reader != session->number) {
		shared->reader = session->number;
		shared->shared_us = now_us;
	}
	return now_us - shared->shared_us < SESSION_SHARED_US;
}

void session_io_read(struct session *session)
{
	bool early = session->state != SESSION_STARTED;
	size_t shared = is_thread_shared(session) ? session->read_size : SESSION_READ_SIZE;
	size_t wanted = early ? SESSION_READ_SIZE_EARLY : shared;
	uint8_t *data = session->shared->cipher;
	ssize_t size;

	if (session->draining) {
		drain(session);
		return;
	}
	size = recv(session->watch.fd, data, wanted, 0);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size < 0) {
		fail_socket(session, errno);
	} else if (size == 0) {
		end_of_stream(session);
	} else if (!early || admit_early(session, data, (size_t)size)) {
		session->last_rx_us = loop_now_us(session->shared->loop);
		session->silences = 0;
		take_ciphertext(session, data, (size_t)size);
		tune_read(session);
	}
}

void session_io_resume(struct session *session)
{
	uint8_t *held = session->held;
	size_t size = session->held_size;

	session->paused = false;
	session->held = NULL;
	session->held_size = 0;
	take_ciphertext(session, held, size);
	free(held);
	session_io_watch(session);
}

/* -- sending -- */

/* Follows the socket's speed: what the kernel holds unsent and what we encrypt ahead is out of
 * reach for dropping and overtaking, so both are kept to about two milliseconds' worth. */
static void tune_burst(struct session *session, size_t sent)
{
	uint64_t now_us = loop_now_us(session->shared->loop);
	uint64_t elapsed_us = now_us - session->burst_since_us;
	uint64_t wanted;

	session->burst_bytes += sent;
	if (session->burst != 0 && elapsed_us < BURST_MEASURE_US)
		return;
	wanted = elapsed_us == 0 ? 0 : session->burst_bytes * BURST_TARGET_US / elapsed_us;
	session->burst_since_us = now_us;
	session->burst_bytes = 0;
	if (session->burst == 0)
		wanted = 4 * SESSION_BURST_MIN;
	if (wanted < SESSION_BURST_MIN)
		wanted = SESSION_BURST_MIN;
	if (wanted > SESSION_BURST_MAX)
		wanted = SESSION_BURST_MAX;
	if (wanted >= session->burst + session->burst / 4 || wanted <= session->burst / 2) {
		int unsent = (int)wanted;

		session->burst = wanted;
		(void)setsockopt(session->watch.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent,
				 sizeof(unsent));
	}
}

bool session_io_send(struct session *session)
{
	while (session->out_sent < session->out.size) {
		ssize_t sent = send(session->watch.fd, session->out.data + session->out_sent,
				    session->out.size - session->out_sent, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN) {
			fail_socket(session, errno);
			return false;
		}
		if (sent < 0)
			return false;
		session->out_sent += (size_t)sent;
		tune_burst(session, (size_t)sent);
	}
	session->out_sent = 0;
	session->out.size = 0;
	return true;
}

static bool seal_now(struct session *session, const uint8_t *data, size_t size)
{
	if (tls_push(session->tls, data, size, &session->out) == 0)
		return true;
	fail_tls(session);
	return false;
}

/* Records are filled to the last byte: what does not fill one is staged, and only whole records are
 * encrypted straight from where they lie. */
static bool seal(struct sealer *sealer, const uint8_t *data, size_t size)
{
	struct session *session = sealer->session;

	while (size > 0) {
		size_t take = TLS_RECORD_PLAIN_MAX - sealer->staged;

		if (sealer->staged == 0 && size >= TLS_RECORD_PLAIN_MAX) {
			take = size - size % TLS_RECORD_PLAIN_MAX;
			if (!seal_now(session, data, take))
				return false;
		} else {
			take = size < take ? size : take;
			memcpy(session->shared->staging + sealer->staged, data, take);
			sealer->staged += take;
		}
		if (sealer->staged == TLS_RECORD_PLAIN_MAX) {
			if (!seal_now(session, session->shared->staging, sealer->staged))
				return false;
			sealer->staged = 0;
		}
		data += take;
		size -= take;
	}
	return true;
}

static bool seal_frame(struct sealer *sealer, enum frame_type type, const void *payload,
		       size_t size)
{
	uint8_t header[FRAME_HEADER_SIZE];

	frame_write_header(header, type, 0, 0, size);
	return seal(sealer, header, sizeof(header)) && seal(sealer, payload, size);
}

static bool seal_urgent(struct sealer *sealer)
{
	struct session *session = sealer->session;
	uint64_t now_us = loop_now_us(session->shared->loop);
	bool ok = true;

	if (session->urgent_size > 0)
		ok = seal(sealer, session->urgent, session->urgent_size);
	session->urgent_size = 0;
	if (ok && session->answer_due)
		ok = seal_frame(sealer, FRAME_ANSWER, session->answer, FRAME_STAMP_SIZE);
	session->answer_due = false;
	if (ok && session->probe_due) {
		session->probe_us = now_us;
		ok = seal_frame(sealer, FRAME_KEEPALIVE, &now_us, FRAME_STAMP_SIZE);
	}
	session->probe_due = false;
	return ok;
}

static bool seal_packet(struct sealer *sealer, struct queue_packet *packet)
{
	struct session *session = sealer->session;
	uint8_t *frame = packet->data - FRAME_HEADER_SIZE;
	bool ok;

	frame_write_header(frame, packet->frame_type, packet->frame_flags, packet->segment_size,
			   packet->size);
	session->counters.tx_bytes += packet->size;
	session->counters.tx_packets += packet->segments;
	ok = seal(sealer, frame, FRAME_HEADER_SIZE + packet->size);
	queue_pool_give(session->shared->pool, packet);
	return ok;
}

static bool seal_packets(struct sealer *sealer)
{
	struct session *session = sealer->session;
	uint64_t now_us = loop_now_us(session->shared->loop);

	while (session->out.size + sealer->staged < session->burst) {
		struct queue_packet *packet = queue_take(session->queue, now_us);

		if (packet == NULL)
			break;
		if (!seal_packet(sealer, packet))
			return false;
	}
	return true;
}

static bool seal_close(struct sealer *sealer)
{
	struct session *session = sealer->session;
	const char *text = strchr(session->reason, ' ');
	size_t size = text != NULL ? strnlen(text + 1, FRAME_REASON_MAX) : 0;

	session->close_due = false;
	return seal_frame(sealer, FRAME_CLOSE, text != NULL ? text + 1 : "", size);
}

/* Makes ciphertext of what waits, about one burst. False if the session failed. */
static bool fill_out(struct session *session)
{
	struct sealer sealer = {.session = session};
	bool last;

	if (session->state < SESSION_GREETING || session->state == SESSION_CLOSED)
		return session->state != SESSION_CLOSED;
	if (!seal_urgent(&sealer) || (session->queue != NULL && !seal_packets(&sealer)))
		return false;
	last = session->closing && (session->queue == NULL || queue_is_empty(session->queue));
	if (last && session->close_due && !seal_close(&sealer))
		return false;
	if (sealer.staged > 0 && !seal_now(session, session->shared->staging, sealer.staged))
		return false;
	return true;
}

static void finish_closing(struct session *session)
{
	session->draining = true;
	tls_finish(session->tls, &session->out);
	if (session_io_send(session) && session->state != SESSION_CLOSED)
		(void)shutdown(session->watch.fd, SHUT_WR);
}

void session_flush(struct session *session)
{
	/* Two bursts at most: other sessions and the device wait meanwhile. */
	for (int round = 0; round < 2 && session->state != SESSION_CLOSED; round++) {
		session->blocked = !session_io_send(session);
		if (session->blocked || !fill_out(session) || session->out.size == 0)
			break;
	}
	if (session->state == SESSION_CLOSED)
		return;
	if (!session->blocked && session->out.size > 0)
		session->blocked = !session_io_send(session);
	if (session->state == SESSION_CLOSED)
		return;
	if (!session->blocked && session->queue != NULL && !queue_is_empty(session->queue))
		session->blocked = true;
	if (!session->blocked && session->closing && !session->close_due && !session->draining)
		finish_closing(session);
	session_io_watch(session);
}

void session_io_watch(struct session *session)
{
	uint32_t events = session->blocked ? EPOLLOUT : 0;
	int error;

	if (session->state == SESSION_CLOSED)
		return;
	if (session->state == SESSION_CONNECTING)
		events = EPOLLOUT;
	else if (session->draining || (!session->paused && !session->closing))
		events |= EPOLLIN;
	error = loop_watch(session->shared->loop, &session->watch, events);
	CHECK(error == 0);
}
