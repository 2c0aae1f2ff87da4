/* One tunnel connection: TCP, TLS, frames, keepalives and the queue before its socket.
 *
 * A session costs little until it is started: an inbound one is a socket and this struct until the
 * peer's first bytes look like TLS, and control frames are all it may send before session_start. In
 * the greeting state reading pauses after each control frame until the owner says something, so
 * what stands behind it waits in the socket.
 *
 * A session that has closed keeps its memory until session_free, because the close may happen deep
 * within its own callbacks. */
#ifndef ADIT_MOVER_SESSION_H
#define ADIT_MOVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../inet.h"
#include "../loop.h"
#include "../tls/tls.h"
#include "frame.h"
#include "narrow.h"
#include "queue.h"

/* One read of a started session's socket. */
#define SESSION_READ_SIZE (256u << 10)
/* One read before that. */
#define SESSION_READ_SIZE_EARLY 4096
/* Sessions share the thread by turns: one read each. While another one has had its turn within
 * SESSION_SHARED_US, how much a read takes follows what its frames cost in bytes' worth of work, so
 * that turns of a peer of many tiny packets are as short as others'. */
#define SESSION_SHARED_US 1000000
#define SESSION_COST_FRAME 4096
#define SESSION_COST_SEGMENT 256
#define SESSION_READ_SIZE_MIN 4096
#define SESSION_READ_SIZE_STEP 4096
/* What a peer may send before its session is started. */
#define SESSION_EARLY_BYTES_MAX (64u << 10)
/* Ciphertext that is made at once follows the socket's speed between these. */
#define SESSION_BURST_MIN (16u << 10)
#define SESSION_BURST_MAX (256u << 10)
/* Control frames that wait for the socket. */
#define SESSION_URGENT_MAX (16u << 10)
/* Control frames that a started peer may send at once, and how long until it may send one more. */
#define SESSION_CONTROLS_MAX 16
#define SESSION_CONTROL_REFILL_US 250000
#define SESSION_CLOSE_US 200000
/* Keepalives without a byte from the peer before it counts as dead. */
#define SESSION_SILENCES_MAX 4
#define SESSION_KEEPALIVE_MS_MIN 100
#define SESSION_NAME_MAX 64
#define SESSION_REASON_MAX 256

/* The values are those of the session_state message. */
enum session_state {
	SESSION_CONNECTING = 1,
	SESSION_HANDSHAKE = 2,
	SESSION_GREETING = 3,
	SESSION_STARTED = 4,
	SESSION_CLOSED = 5,
};

struct session;

/* What sessions share, and whom they tell. */
struct session_shared {
	struct loop *loop;
	struct queue_pool *pool;
	void *arg;
	/* The state is another one; after SESSION_CLOSED only session_free may follow. */
	void (*changed)(void *arg, struct session *session);
	void (*control)(void *arg, struct session *session, const uint8_t *data, size_t size);
	/* A packet or segments frame of a started session; the payload may be written to. */
	void (*packet)(void *arg, struct session *session, const struct frame *frame);
	struct narrow narrow;
	uint32_t reader;    /* the session that read last, by number */
	uint64_t shared_us; /* when that last was another one than before */
	uint8_t *cipher;  /* SESSION_READ_SIZE bytes, for the time of one read */
	uint8_t *staging; /* TLS_RECORD_PLAIN_MAX bytes, for the time of one flush */
};

struct session_counters {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, drop_source, drop_invalid;
};

struct session {
	/* Read by the owner. */
	uint32_t number;
	uint32_t slot; /* 0 until one is given */
	bool inbound;
	bool segments; /* the peer takes segment frames */
	bool closing;  /* asked to close; takes no more packets */
	enum session_state state;
	uint16_t mtu;
	uint16_t port;
	struct inet_ip peer;
	char name[SESSION_NAME_MAX + 1];
	char reason[SESSION_REASON_MAX + 1]; /* once closed: "word: detail" */
	struct session_counters counters;
	struct queue *queue; /* NULL until started */
	uint32_t rtt_us;
	uint64_t last_rx_us;
	/* Kept for the owner. */
	void *listener;
	bool announced;
	bool dirty;
	struct session *next_dead;
	uint8_t *memo;
	size_t memo_size;

	/* The session's own. */
	struct session_shared *shared;
	struct loop_watch watch;
	struct loop_timer deadline; /* connecting and greeting; then closing */
	struct loop_timer keepalive;
	uint32_t keepalive_ms;
	unsigned silences;
	unsigned unanswered; /* keepalives in a row */
	uint64_t answered_us;
	bool narrow; /* dialled with small segments */
	struct tls_context *context;
	struct tls *tls;
	struct tls_buffer out;
	size_t out_sent;
	uint8_t *plain;
	size_t plain_start, plain_end, plain_capacity;
	uint8_t *held; /* ciphertext that was read before a pause */
	size_t held_size;
	uint8_t *urgent;
	size_t urgent_size;
	size_t early_bytes;
	bool paused;
	bool draining; /* everything is sent; waiting for the peer's end */
	bool blocked;  /* the socket took less than was offered */
	bool answer_due, probe_due;
	bool close_due;
	uint8_t answer[FRAME_STAMP_SIZE];
	uint64_t probe_us; /* when the unanswered keepalive was made, 0 if there is none */
	size_t read_size; /* of the next read, once started */
	size_t read_cost; /* of the frames of this one */
	unsigned controls;
	uint64_t controls_us;
	size_t burst;
	uint64_t burst_since_us;
	uint64_t burst_bytes;
};

struct session_dial {
	const char *name;
	uint32_t slot;
	struct inet_ip peer;
	uint16_t port;
	uint32_t mark;		 /* SO_MARK, 0 for none */
	const char *device;	 /* SO_BINDTODEVICE, "" for none */
	const uint8_t *greeting; /* payload of the first control frame */
	size_t greeting_size;
	uint32_t deadline_ms; /* until session_start */
	uint32_t keepalive_ms;
};

/* Starts to connect. The context is taken over, also on failure. 0 or -errno: the session exists
 * unless memory or privileges are missing; whatever the network says comes as a state. */
int session_dial(struct session_shared *shared, uint32_t number, struct tls_context *context,
		 const struct session_dial *dial, struct session **ret_session);
/* Takes over an accepted, non-blocking socket and shares the context. 0 or -errno, then the
 * descriptor is still the caller's. */
int session_accept(struct session_shared *shared, uint32_t number, struct tls_context *context,
		   int fd, uint32_t deadline_ms, uint32_t keepalive_ms,
		   struct session **ret_session);
/* Frees in any state, without a word to the peer. */
void session_free(struct session *session);

/* Lets packets flow, after a control frame of `control_size` bytes if that is not 0. -EINVAL unless
 * the session is in the greeting state and heard its peer, -ENOBUFS, -ENOMEM. */
int session_start(struct session *session, uint16_t mtu, bool segments, const uint8_t *control,
		  size_t control_size);
/* Queues a control frame (2 to FRAME_CONTROL_MAX bytes). -ENOTCONN before the greeting or after the
 * end, -ENOBUFS if too many wait, -EINVAL. */
int session_send(struct session *session, const uint8_t *data, size_t size);
/* Closes in order: what is queued and a close frame are sent first, at most SESSION_CLOSE_US. */
void session_shut(struct session *session, const char *word, const char *detail);
/* Closes at once. */
void session_fail(struct session *session, const char *word, const char *detail);
/* Sends what is queued as far as the socket takes it. */
void session_flush(struct session *session);
/* True if packets may be queued. */
bool session_is_open(const struct session *session);

#endif
