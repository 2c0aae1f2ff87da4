/* Packet buffers, and the queue of packets that wait for one session's socket.
 *
 * The queue is where waiting happens, because here it is known which flow a packet belongs to:
 * flows that send little go first, flows that send much share by bytes (deficit round robin), and
 * each flow's standing queue is kept short by the sojourn time of its packets (CoDel, RFC 8289; the
 * combination is RFC 8290's). Nothing is allocated after start. */
#ifndef ADIT_MOVER_QUEUE_H
#define ADIT_MOVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

/* Room before each packet: the device's offload header while reading, the frame header while
 * sending. A multiple of 16, so that packets are aligned. */
#define QUEUE_HEADROOM 16
/* Packets up to this size are held in small buffers. */
#define QUEUE_SMALL_SIZE 2032
#define QUEUE_LARGE_SIZE (FRAME_PACKET_MAX + 9)
#define QUEUE_FLOWS 64
#define QUEUE_FLOW_QUANTUM 8192
/* Bytes that one session's queue may hold. */
#define QUEUE_BYTES_MAX (2u << 20)
#define QUEUE_TARGET_US 5000
#define QUEUE_INTERVAL_US 100000

struct queue_packet {
	struct queue_packet *next;
	uint8_t *data; /* QUEUE_HEADROOM bytes lie before it */
	uint32_t size;
	uint32_t capacity;
	uint64_t queued_us;
	uint32_t flow; /* hash */
	uint16_t segment_size;
	uint16_t segments; /* how many packets this stands for */
	uint8_t frame_type;
	uint8_t frame_flags;
};

struct queue_pool;

/* Buffers for `large` super-packets and `small` packets. Memory is only touched when it is used.
 * 0 or -ENOMEM. Owned by the caller. */
int queue_pool_new(unsigned large, unsigned small, struct queue_pool **ret_pool);
void queue_pool_free(struct queue_pool *pool);
/* A buffer for `size` bytes (at most QUEUE_LARGE_SIZE), the one used last first; NULL if all of
 * that kind are in use. */
struct queue_packet *queue_pool_take(struct queue_pool *pool, size_t size);
void queue_pool_give(struct queue_pool *pool, struct queue_packet *packet);
/* Buffers that are in use: 0 when nobody holds any. */
unsigned queue_pool_used(const struct queue_pool *pool);

struct queue;

/* 0 or -ENOMEM. Owned by the caller; freeing gives all packets back to `pool`. */
int queue_new(struct queue_pool *pool, struct queue **ret_queue);
void queue_free(struct queue *queue);
/* Takes ownership of `packet`. A queue that is full drops from the flow that holds most. */
void queue_put(struct queue *queue, struct queue_packet *packet, uint64_t now_us);
/* The packet whose turn it is, now the caller's; NULL if there is none. */
struct queue_packet *queue_take(struct queue *queue, uint64_t now_us);
/* Drops the oldest packet in a buffer for `size` bytes, of the flow that holds most such buffers.
 * False if there is none. */
bool queue_drop_like(struct queue *queue, size_t size);
/* How many buffers for `size` bytes the queue holds. */
unsigned queue_count_like(const struct queue *queue, size_t size);
bool queue_is_empty(const struct queue *queue);
/* Bytes waiting. */
size_t queue_bytes(const struct queue *queue);
/* Packets dropped so far, segments counted singly. */
uint64_t queue_dropped(const struct queue *queue);

#endif
