/* Packets between the device and the sessions. */
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "../check.h"
#include "../log.h"
#include "datapath_internal.h"

/* linux/virtio_net.h */
#define HEADER_NEEDS_CHECKSUM 1
#define HEADER_CHECKSUM_VALID 2

/* Checksums and segmentation are the kernel's when the device was opened with offload. */
#define OFFLOAD_CHECKSUM 1

/* -- buffers and queues -- */

/* The session whose queue holds most buffers for `size` bytes, NULL if none holds any. */
static struct session *fattest_session(const struct datapath *path, size_t size)
{
	struct session *fattest = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < path->session_count; i++) {
		struct session *session = path->sessions[i];
		unsigned count =
			session->queue != NULL ? queue_count_like(session->queue, size) : 0;

		if (count > most) {
			most = count;
			fattest = session;
		}
	}
	return fattest;
}

/* When no buffer is free, the flow that holds most of that kind loses its oldest packet. NULL if
 * everything is in use elsewhere. */
static struct queue_packet *take_buffer(struct datapath *path, size_t size)
{
	struct queue_packet *packet = queue_pool_take(path->pool, size);
	struct session *fattest;

	if (packet != NULL)
		return packet;
	fattest = fattest_session(path, size);
	if (fattest == NULL)
		return NULL;
	queue_drop_like(fattest->queue, size);
	return queue_pool_take(path->pool, size);
}

/* A blocked session flushes by itself when its socket has room again: trying before costs a call
 * for each packet. */
static void mark_dirty(struct datapath *path, struct session *session)
{
	if (session->dirty || session->blocked)
		return;
	if (path->dirty_count == 0)
		loop_timer_start(path->loop, &path->flush_timer, 0);
	session->dirty = true;
	path->dirty[path->dirty_count++] = session;
}

static void flush_dirty(struct datapath *path)
{
	loop_timer_stop(&path->flush_timer);
	while (path->dirty_count > 0) {
		struct session *session = path->dirty[--path->dirty_count];

		session->dirty = false;
		session_flush(session);
	}
}

void path_flush_fired(struct loop_timer *timer)
{
	flush_dirty(container_of(timer, struct datapath, flush_timer));
}

void path_forget(struct datapath *path, struct session *session)
{
	if (session->slot != 0 && path->slots[session->slot].session == session)
		path->slots[session->slot].session = NULL;
	for (size_t i = 0; session->dirty && i < path->dirty_count; i++) {
		if (path->dirty[i] == session) {
			path->dirty[i] = path->dirty[--path->dirty_count];
			session->dirty = false;
		}
	}
	for (size_t i = 0; i < DATAPATH_JOINS; i++) {
		struct path_join *join = &path->joins[i];

		if (join->packet != NULL && join->session == session) {
			queue_pool_give(path->pool, join->packet);
			join->packet = NULL;
		}
	}
}

/* Small packets do not keep a large buffer busy while they wait. */
static struct queue_packet *shrink(struct datapath *path, struct queue_packet *packet)
{
	struct queue_packet *small;

	if (packet->capacity == QUEUE_SMALL_SIZE || packet->size > QUEUE_SMALL_SIZE)
		return packet;
	small = take_buffer(path, packet->size);
	if (small == NULL)
		return packet;
	memcpy(small->data, packet->data, packet->size);
	small->size = packet->size;
	small->flow = packet->flow;
	small->segment_size = packet->segment_size;
	small->segments = packet->segments;
	small->frame_type = packet->frame_type;
	small->frame_flags = packet->frame_flags;
	queue_pool_give(path->pool, packet);
	return small;
}

static void enqueue(struct datapath *path, struct session *session, struct queue_packet *packet)
{
	queue_put(session->queue, shrink(path, packet), loop_now_us(path->loop));
	mark_dirty(path, session);
}

/* For a peer that takes plain packets only. */
static void enqueue_parts(struct datapath *path, struct session *session,
			  struct queue_packet *packet, const struct segment_packet *parsed)
{
	for (unsigned i = 0; i < packet->segments; i++) {
		struct queue_packet *part =
			take_buffer(path, (size_t)parsed->header_size + packet->segment_size);

		if (part == NULL)
			break;
		part->size = (uint32_t)segment_part(packet->data, packet->size, parsed,
						    packet->segment_size, i, part->data);
		part->flow = packet->flow;
		part->segment_size = 0;
		part->segments = 1;
		part->frame_type = FRAME_PACKET;
		part->frame_flags = 0;
		enqueue(path, session, part);
	}
	queue_pool_give(path->pool, packet);
}

/* The packet, ready to be queued, becomes what this peer takes. */
static void enqueue_for_peer(struct datapath *path, struct session *session,
			     struct queue_packet *packet, const struct segment_packet *parsed)
{
	if (!session->segments && packet->frame_type == FRAME_SEGMENTS) {
		enqueue_parts(path, session, packet, parsed);
		return;
	}
	if (!session->segments && (packet->frame_flags & FRAME_FLAG_CHECKSUM_OPEN) != 0) {
		segment_fill_checksum(packet->data, packet->size, parsed);
		packet->frame_flags = 0;
	}
	enqueue(path, session, packet);
}

static bool fits_mtu(const struct session *session, const struct segment_packet *parsed,
		     size_t size, uint16_t segment_size)
{
	if (segment_size != 0 && segment_size < size - parsed->header_size)
		size = (size_t)parsed->header_size + segment_size;
	return size <= session->mtu;
}

/* -- joining -- */

static void finish_join(struct datapath *path, struct path_join *slot)
{
	struct queue_packet *packet = slot->packet;

	slot->packet = NULL;
	if (slot->acknowledgement) {
		enqueue_for_peer(path, slot->session, packet, &slot->join.packet);
		return;
	}
	segment_join_finish(&slot->join);
	packet->size = (uint32_t)slot->join.size;
	packet->segments = (uint16_t)slot->join.count;
	if (slot->join.count > 1) {
		packet->frame_type = FRAME_SEGMENTS;
		packet->frame_flags = FRAME_FLAG_CHECKSUM_OPEN;
		packet->segment_size = slot->join.segment_size;
	}
	enqueue_for_peer(path, slot->session, packet, &slot->join.packet);
}

static void finish_joins(struct datapath *path)
{
	for (size_t i = 0; i < DATAPATH_JOINS; i++) {
		if (path->joins[i].packet != NULL)
			finish_join(path, &path->joins[i]);
	}
}

static struct path_join *find_join(struct datapath *path, uint32_t flow)
{
	for (size_t i = 0; i < DATAPATH_JOINS; i++) {
		if (path->joins[i].packet != NULL && path->joins[i].packet->flow == flow)
			return &path->joins[i];
	}
	return NULL;
}

static struct path_join *free_join(struct datapath *path, uint32_t flow)
{
	struct path_join *slot = &path->joins[flow % DATAPATH_JOINS];

	if (slot->packet != NULL)
		finish_join(path, slot);
	return slot;
}

/* A damaged packet must not get a new, right checksum: only checksums that are known to be right or
 * are still to be filled may be replaced by the batch's. */
static bool is_vouched_for(const struct queue_packet *packet, const struct segment_offload *header)
{
	return (packet->frame_flags & FRAME_FLAG_CHECKSUM_OPEN) != 0 ||
	       (header->flags & HEADER_CHECKSUM_VALID) != 0;
}

/* Tries to make the packet one with what waits for its flow. The first of a batch is looked at when
 * the second one comes: most packets stay alone. */
static bool merge(struct datapath *path, struct path_join *slot, struct session *session,
		  struct queue_packet *packet, const struct segment_packet *parsed, bool sound)
{
	struct queue_packet *first = slot->packet;

	if (slot->session != session ||
	    !(sound || segment_checksum_is_right(packet->data, packet->size, parsed)))
		return false;
	if (slot->acknowledgement) {
		if (!segment_supersedes(packet->data, packet->size, first->data, first->size,
					parsed))
			return false;
		queue_pool_give(path->pool, first);
		slot->packet = packet;
		return true;
	}
	if (!slot->sound &&
	    !segment_checksum_is_right(first->data, first->size, &slot->join.packet))
		return false;
	slot->sound = true;
	if (!segment_join_add(&slot->join, packet->data, packet->size, parsed))
		return false;
	queue_pool_give(path->pool, packet);
	return true;
}

static bool start_join(struct datapath *path, struct session *session, struct queue_packet *packet,
		       const struct segment_packet *parsed, bool sound)
{
	struct path_join *slot;
	struct segment_join join = {.packet = *parsed};
	bool acknowledgement = packet->size == parsed->header_size;

	if (!acknowledgement &&
	    !segment_join_start(&join, packet->data, packet->size, packet->capacity, parsed))
		return false;
	slot = free_join(path, packet->flow);
	*slot = (struct path_join){packet, session, acknowledgement, sound, join};
	return true;
}

/* Order within a flow is kept: whatever does not continue a batch ends it. */
static void join_or_enqueue(struct datapath *path, struct session *session,
			    struct queue_packet *packet, const struct segment_packet *parsed,
			    const struct segment_offload *header)
{
	struct path_join *slot = find_join(path, packet->flow);
	bool sound = is_vouched_for(packet, header);
	bool joinable = packet->frame_type == FRAME_PACKET && session->segments &&
			parsed->protocol == IPPROTO_TCP && parsed->transport &&
			packet->capacity == QUEUE_LARGE_SIZE;

	if (slot != NULL && joinable && merge(path, slot, session, packet, parsed, sound))
		return;
	if (slot != NULL)
		finish_join(path, slot);
	if (!joinable || !start_join(path, session, packet, parsed, sound))
		enqueue_for_peer(path, session, packet, parsed);
}

/* -- from the device -- */

static struct session *route_packet(struct datapath *path, const uint8_t *data,
				    const struct segment_packet *parsed)
{
	const uint8_t *address = path->by_destination ? segment_destination(data, parsed)
						      : segment_source(data, parsed);
	uint32_t slot =
		path->forward != NULL ? forward_find(path->forward, parsed->family, address) : 0;
	struct session *session = path->slots[slot].session;

	if (slot == 0) {
		path->drop_no_route++;
		return NULL;
	}
	if (session != NULL && session_is_open(session))
		return session;
	path->drop_no_session++;
	path_want_slot(path, slot);
	return NULL;
}

/* Reads the kernel's header, which is ours to trust, but only as far as it fits the packet. */
static bool describe(struct queue_packet *packet, const struct segment_packet *parsed,
		     const struct segment_offload *header)
{
	bool open = (header->flags & HEADER_NEEDS_CHECKSUM) != 0;

	packet->frame_type = FRAME_PACKET;
	packet->frame_flags = 0;
	packet->segment_size = 0;
	packet->segments = 1;
	if (header->gso_type != 0) {
		if (!segment_may_batch(parsed, packet->size, header->segment_size))
			return false;
		packet->segments =
			(uint16_t)segment_count(parsed, packet->size, header->segment_size);
	}
	if (packet->segments > 1) {
		packet->frame_type = FRAME_SEGMENTS;
		packet->segment_size = header->segment_size;
	}
	if (!open)
		return packet->segments == 1;
	if (parsed->transport && header->checksum_start == parsed->network_size) {
		packet->frame_flags = FRAME_FLAG_CHECKSUM_OPEN;
		return true;
	}
	return packet->segments == 1 &&
	       segment_fill_checksum_at(packet->data, packet->size, header->checksum_start,
					header->checksum_offset);
}

static void handle_outgoing(struct datapath *path, struct queue_packet *packet,
			    const struct segment_offload *header)
{
	struct segment_packet parsed;
	struct session *session;

	if (segment_parse(packet->data, packet->size, &parsed) != 0 ||
	    !describe(packet, &parsed, header)) {
		path->drop_invalid++;
		queue_pool_give(path->pool, packet);
		return;
	}
	path->tun_rx_packets += packet->segments;
	session = route_packet(path, packet->data, &parsed);
	if (session != NULL && !fits_mtu(session, &parsed, packet->size, packet->segment_size)) {
		path->drop_invalid++;
		session = NULL;
	}
	if (session == NULL) {
		queue_pool_give(path->pool, packet);
		return;
	}
	packet->flow = segment_flow(packet->data, &parsed, path->flow_seed);
	join_or_enqueue(path, session, packet, &parsed, header);
}

static void lose_tun(struct datapath *path, int error)
{
	log_error("TUN \"%s\" is gone: %s", path->tun.name, strerror(-error));
	loop_unwatch(&path->tun_watch);
	tun_close(&path->tun);
}

/* Bytes read, 0 when there is nothing more for this turn. */
static size_t read_one(struct datapath *path)
{
	struct queue_packet *packet = take_buffer(path, QUEUE_LARGE_SIZE);
	struct segment_offload header;
	ssize_t size;

	if (packet == NULL)
		return 0;
	size = tun_read(&path->tun, packet->data - TUN_HEADER_SIZE,
			TUN_HEADER_SIZE + packet->capacity);
	if (size <= TUN_HEADER_SIZE) {
		queue_pool_give(path->pool, packet);
		if (size < 0 && size != -EAGAIN && size != -EINTR)
			lose_tun(path, (int)size);
		return 0;
	}
	memcpy(&header, packet->data - TUN_HEADER_SIZE, sizeof(header));
	packet->size = (uint32_t)(size - TUN_HEADER_SIZE);
	handle_outgoing(path, packet, &header);
	return (size_t)size;
}

void path_tun_ready(struct loop_watch *watch, uint32_t events)
{
	struct datapath *path = container_of(watch, struct datapath, tun_watch);
	size_t total = 0;

	(void)events;
	for (int i = 0; i < DATAPATH_TUN_READS_MAX && total < DATAPATH_TUN_BYTES_MAX; i++) {
		size_t size = read_one(path);

		if (size == 0)
			break;
		total += size;
	}
	finish_joins(path);
	flush_dirty(path);
}

/* -- to the device -- */

static int write_plain(struct datapath *path, const uint8_t *data, size_t size)
{
	static const struct segment_offload nothing;

	return tun_write(&path->tun, &nothing, data, size);
}

static void write_parts(struct datapath *path, const uint8_t *data, size_t size,
			const struct segment_packet *parsed, uint16_t segment_size)
{
	unsigned count = segment_count(parsed, size, segment_size);

	for (unsigned i = 0; i < count; i++) {
		size_t part = segment_part(data, size, parsed, segment_size, i, path->scratch);

		if (write_plain(path, path->scratch, part) == 0)
			path->tun_tx_packets++;
	}
}

static void write_segments(struct datapath *path, uint8_t *data, size_t size,
			   const struct segment_packet *parsed, uint16_t segment_size)
{
	bool udp = parsed->protocol == IPPROTO_UDP;
	unsigned *refused = udp ? &path->refused_udp : &path->refused_tcp;
	struct segment_offload header;
	int error = -EINVAL;

	if ((path->tun.offload & OFFLOAD_CHECKSUM) != 0 && *refused < DATAPATH_REFUSALS_MAX) {
		segment_offload(data, size, parsed, segment_size, &header);
		error = tun_write(&path->tun, &header, data, size);
		if (error == 0) {
			*refused = 0;
			path->tun_tx_packets += segment_count(parsed, size, segment_size);
		} else if (error == -EINVAL && ++*refused == DATAPATH_REFUSALS_MAX) {
			log_warning("TUN \"%s\" takes no %s segments, splitting them",
				    path->tun.name, udp ? "UDP" : "TCP");
		}
	}
	if (error == -EINVAL)
		write_parts(path, data, size, parsed, segment_size);
}

static void write_packet(struct datapath *path, uint8_t *data, const struct frame *frame,
			 const struct segment_packet *parsed)
{
	struct segment_offload header;
	int error;

	if (path->tun.fd < 0)
		return;
	if (frame->type == FRAME_SEGMENTS) {
		write_segments(path, data, frame->size, parsed, frame->segment_size);
		return;
	}
	if ((frame->flags & FRAME_FLAG_CHECKSUM_OPEN) == 0) {
		error = write_plain(path, data, frame->size);
	} else if ((path->tun.offload & OFFLOAD_CHECKSUM) == 0) {
		segment_fill_checksum(data, frame->size, parsed);
		error = write_plain(path, data, frame->size);
	} else {
		segment_offload(data, frame->size, parsed, 0, &header);
		error = tun_write(&path->tun, &header, data, frame->size);
	}
	if (error == 0)
		path->tun_tx_packets++;
}

/* -- from a session -- */

static bool is_valid(const struct session *session, const struct frame *frame,
		     struct segment_packet *ret_parsed)
{
	if (segment_parse(frame->payload, frame->size, ret_parsed) != 0)
		return false;
	if (!fits_mtu(session, ret_parsed, frame->size, frame->segment_size))
		return false;
	if (frame->type == FRAME_SEGMENTS)
		return segment_may_batch(ret_parsed, frame->size, frame->segment_size);
	return (frame->flags & FRAME_FLAG_CHECKSUM_OPEN) == 0 || ret_parsed->transport;
}

static void forward_to_session(struct datapath *path, struct session *session,
			       const struct frame *frame, const struct segment_packet *parsed)
{
	struct queue_packet *packet;

	if (!fits_mtu(session, parsed, frame->size, frame->segment_size)) {
		session->counters.drop_invalid++;
		return;
	}
	packet = take_buffer(path, frame->size);
	if (packet == NULL)
		return;
	memcpy(packet->data, frame->payload, frame->size);
	packet->size = frame->size;
	packet->frame_type = frame->type;
	packet->frame_flags = frame->flags;
	packet->segment_size = frame->segment_size;
	packet->segments = (uint16_t)segment_count(parsed, frame->size, frame->segment_size);
	/* A batch of one is a packet: its segment size says nothing about it. */
	if (packet->segments == 1) {
		packet->frame_type = FRAME_PACKET;
		packet->segment_size = 0;
	}
	packet->flow = segment_flow(packet->data, parsed, path->flow_seed);
	enqueue_for_peer(path, session, packet, parsed);
}

/* On a gateway a packet whose destination is a client's stays inside only if that is wanted; it
 * never takes the way over the device, where the rules for clients do not apply.
 * True if the packet was dealt with. */
static bool handle_inside(struct datapath *path, struct session *session, const struct frame *frame,
			  const struct segment_packet *parsed)
{
	struct session *other;
	uint32_t slot = forward_find(path->forward, parsed->family,
				     segment_destination(frame->payload, parsed));

	if (slot == 0)
		return false;
	if (!path->hairpin || slot == session->slot) {
		session->counters.drop_source++;
		return true;
	}
	other = path->slots[slot].session;
	if (other != NULL && session_is_open(other)) {
		forward_to_session(path, other, frame, parsed);
	} else {
		path->drop_no_session++;
		path_want_slot(path, slot);
	}
	return true;
}

static bool is_permitted(const struct datapath *path, const struct session *session,
			 const uint8_t *data, const struct segment_packet *parsed)
{
	const uint8_t *source = segment_source(data, parsed);
	const uint8_t *destination = segment_destination(data, parsed);
	const uint8_t *own = path->by_destination ? source : destination;

	return path->forward != NULL && session->slot != 0 &&
	       forward_find(path->forward, parsed->family, own) == session->slot &&
	       !segment_is_martian(parsed->family, source) &&
	       !segment_is_martian(parsed->family, destination);
}

void path_handle_packet(void *arg, struct session *session, const struct frame *frame)
{
	struct datapath *path = arg;
	uint8_t *data = (uint8_t *)frame->payload;
	struct segment_packet parsed;
	unsigned count;

	if (!is_valid(session, frame, &parsed)) {
		session->counters.drop_invalid++;
		return;
	}
	count = segment_count(&parsed, frame->size, frame->segment_size);
	if (!is_permitted(path, session, data, &parsed)) {
		session->counters.drop_source += count;
		return;
	}
	session->counters.rx_packets += count;
	session->counters.rx_bytes += frame->size;
	if (!path->by_destination || !handle_inside(path, session, frame, &parsed))
		write_packet(path, data, frame, &parsed);
}
