/* What datapath.c (sessions, listeners, messages) and datapath_path.c (packets) share. */
#ifndef ADIT_MOVER_DATAPATH_INTERNAL_H
#define ADIT_MOVER_DATAPATH_INTERNAL_H

#include "../sys/tun.h"
#include "datapath.h"
#include "forward.h"
#include "listener.h"
#include "queue.h"
#include "segment.h"
#include "segment_join.h"
#include "session.h"

#define DATAPATH_SESSIONS_MAX MSG_STATS_SESSIONS_MAX
#define DATAPATH_LISTENERS_MAX 8
/* Buffers of both kinds: what may wait in all queues together. */
#define DATAPATH_LARGE_BUFFERS 40
#define DATAPATH_SMALL_BUFFERS 640
/* Flows whose segments are joined at the same time. */
#define DATAPATH_JOINS 4
/* Work of one turn for the device; the rest waits for the next. */
#define DATAPATH_TUN_READS_MAX 128
#define DATAPATH_TUN_BYTES_MAX (512u << 10)
#define DATAPATH_WANTED_US 1000000
/* Super-packets of one kind that the device refuses in a row before they are not tried again. */
#define DATAPATH_REFUSALS_MAX 16

struct path_slot {
	struct session *session; /* the started one, NULL if there is none */
	bool wanted;
	uint64_t wanted_us;
};

/* What waits until the end of a turn for its neighbours: a batch of segments that grows, or an
 * acknowledgement that a newer one may replace. */
struct path_join {
	struct queue_packet *packet; /* NULL: free */
	struct session *session;
	bool acknowledgement;
	bool sound; /* its checksum was looked at, or need not be */
	struct segment_join join;
};

struct path_event;

struct datapath {
	struct loop *loop;
	struct datapath_events events;
	uint64_t born_us;

	struct queue_pool *pool;
	struct session_shared shared;
	struct session *sessions[DATAPATH_SESSIONS_MAX];
	size_t session_count;
	uint32_t last_number;
	struct listener listeners[DATAPATH_LISTENERS_MAX];
	size_t listener_count;

	struct path_event *first_event, *last_event;
	struct session *dead;
	struct loop_timer events_timer;

	struct tun tun;
	struct loop_watch tun_watch;
	char tun_wanted[MSG_TUN_OPEN_NAME_MAX + 1]; /* the last name that was asked for */
	struct forward *forward; /* NULL until the first forward_set */
	bool by_destination;
	bool hairpin;
	struct path_slot slots[FORWARD_SLOT_MAX + 1];
	uint32_t flow_seed;

	struct path_join joins[DATAPATH_JOINS];
	uint8_t *scratch; /* QUEUE_LARGE_SIZE bytes, for one part of a super-packet */
	struct session *dirty[DATAPATH_SESSIONS_MAX];
	size_t dirty_count;
	struct loop_timer flush_timer;
	unsigned refused_tcp, refused_udp;

	uint64_t tun_rx_packets, tun_tx_packets;
	uint64_t drop_no_route, drop_no_session, drop_invalid;
};

/* Uses an open device; the descriptor is the data path's from then on. 0 or -errno. */
int datapath_attach(struct datapath *path, const struct tun *tun);

/* From datapath_path.c. */
void path_tun_ready(struct loop_watch *watch, uint32_t events);
void path_handle_packet(void *arg, struct session *session, const struct frame *frame);
void path_flush_fired(struct loop_timer *timer);
/* A session is gone: nothing of the path may point to it any more. */
void path_forget(struct datapath *path, struct session *session);

/* From datapath.c. */
void path_want_slot(struct datapath *path, uint32_t slot);

#endif
