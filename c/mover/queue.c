#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../check.h"

#define LARGE_STRIDE (QUEUE_HEADROOM + QUEUE_LARGE_SIZE)
#define SMALL_STRIDE (QUEUE_HEADROOM + QUEUE_SMALL_SIZE)
_Static_assert(LARGE_STRIDE % 16 == 0 && SMALL_STRIDE % 16 == 0, "packets are aligned");

struct queue_pool {
	struct queue_packet *free_large, *free_small;
	unsigned used;
	size_t memory_size;
	uint8_t *memory;
	struct queue_packet packets[];
};

struct flow {
	struct queue_packet *head, *tail;
	struct flow *next; /* in the list of new or of old flows */
	bool listed;
	bool dropping;
	uint32_t drop_count, drop_count_before;
	int64_t deficit;
	size_t bytes;
	unsigned counts[2];	 /* packets in small and in large buffers */
	uint64_t above_since_us; /* 0: sojourn times are below the target */
	uint64_t drop_next_us;
};

struct flow_list {
	struct flow *head, *tail;
};

struct queue {
	struct queue_pool *pool;
	size_t bytes;
	unsigned counts[2];
	uint64_t dropped;
	struct flow_list new_flows, old_flows;
	struct flow flows[QUEUE_FLOWS];
};

/* -- buffers -- */

static void pool_add(struct queue_packet *packet, struct queue_packet **list, uint8_t *memory,
		     uint32_t capacity)
{
	packet->data = memory + QUEUE_HEADROOM;
	packet->capacity = capacity;
	packet->next = *list;
	*list = packet;
}

int queue_pool_new(unsigned large, unsigned small, struct queue_pool **ret_pool)
{
	size_t count = (size_t)large + small;
	struct queue_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->packets[0]));
	uint8_t *at;

	if (pool == NULL)
		return -ENOMEM;
	pool->memory_size = (size_t)large * LARGE_STRIDE + (size_t)small * SMALL_STRIDE;
	pool->memory = mmap(NULL, pool->memory_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pool->memory == MAP_FAILED) {
		free(pool);
		return -ENOMEM;
	}
	at = pool->memory;
	for (size_t i = 0; i < large; i++, at += LARGE_STRIDE)
		pool_add(&pool->packets[i], &pool->free_large, at, QUEUE_LARGE_SIZE);
	for (size_t i = large; i < count; i++, at += SMALL_STRIDE)
		pool_add(&pool->packets[i], &pool->free_small, at, QUEUE_SMALL_SIZE);
	*ret_pool = pool;
	return 0;
}

void queue_pool_free(struct queue_pool *pool)
{
	if (pool == NULL)
		return;
	munmap(pool->memory, pool->memory_size);
	free(pool);
}

static struct queue_packet **pool_list(struct queue_pool *pool, size_t size)
{
	return size <= QUEUE_SMALL_SIZE ? &pool->free_small : &pool->free_large;
}

struct queue_packet *queue_pool_take(struct queue_pool *pool, size_t size)
{
	struct queue_packet **list = pool_list(pool, size);
	struct queue_packet *packet = *list;

	CHECK(size <= QUEUE_LARGE_SIZE);
	if (packet == NULL)
		return NULL;
	*list = packet->next;
	packet->next = NULL;
	pool->used++;
	return packet;
}

void queue_pool_give(struct queue_pool *pool, struct queue_packet *packet)
{
	struct queue_packet **list = pool_list(pool, packet->capacity);

	packet->next = *list;
	*list = packet;
	CHECK(pool->used > 0);
	pool->used--;
}

unsigned queue_pool_used(const struct queue_pool *pool)
{
	return pool->used;
}

/* -- flows -- */

static void list_append(struct flow_list *list, struct flow *flow)
{
	flow->next = NULL;
	flow->listed = true;
	if (list->tail != NULL)
		list->tail->next = flow;
	else
		list->head = flow;
	list->tail = flow;
}

static struct flow *list_shift(struct flow_list *list)
{
	struct flow *flow = list->head;

	list->head = flow->next;
	if (list->head == NULL)
		list->tail = NULL;
	flow->next = NULL;
	flow->listed = false;
	return flow;
}

static bool is_large(size_t size)
{
	return size > QUEUE_SMALL_SIZE;
}

static void flow_append(struct queue *queue, struct flow *flow, struct queue_packet *packet)
{
	bool large = is_large(packet->capacity);

	packet->next = NULL;
	if (flow->tail != NULL)
		flow->tail->next = packet;
	else
		flow->head = packet;
	flow->tail = packet;
	flow->bytes += packet->size;
	queue->bytes += packet->size;
	flow->counts[large]++;
	queue->counts[large]++;
}

/* Takes out the packet that follows `before`, the first one if that is NULL. */
static struct queue_packet *flow_remove(struct queue *queue, struct flow *flow,
					struct queue_packet *before)
{
	struct queue_packet *packet = before != NULL ? before->next : flow->head;
	bool large = is_large(packet->capacity);

	if (before != NULL)
		before->next = packet->next;
	else
		flow->head = packet->next;
	if (flow->tail == packet)
		flow->tail = before;
	packet->next = NULL;
	flow->bytes -= packet->size;
	queue->bytes -= packet->size;
	flow->counts[large]--;
	queue->counts[large]--;
	return packet;
}

static struct queue_packet *flow_shift(struct queue *queue, struct flow *flow)
{
	return flow->head != NULL ? flow_remove(queue, flow, NULL) : NULL;
}

static void drop(struct queue *queue, struct queue_packet *packet)
{
	queue->dropped += packet->segments;
	queue_pool_give(queue->pool, packet);
}

/* -- CoDel: names and steps follow RFC 8289 section 5 -- */

/* Whether the packets have been waiting too long for too long. The last packet of a flow is never
 * dropped: it cannot be a standing queue. */
static bool should_drop(struct flow *flow, const struct queue_packet *packet, uint64_t now_us)
{
	if (now_us - packet->queued_us < QUEUE_TARGET_US || flow->bytes == 0) {
		flow->above_since_us = 0;
		return false;
	}
	if (flow->above_since_us == 0) {
		flow->above_since_us = now_us;
		return false;
	}
	return now_us - flow->above_since_us >= QUEUE_INTERVAL_US;
}

/* Bit by bit, as a router without a floating point unit likes it. */
static uint32_t square_root(uint32_t value)
{
	uint32_t root = 0;

	for (uint32_t bit = 1u << 15; bit != 0; bit >>= 1) {
		if ((uint64_t)(root | bit) * (root | bit) <= value)
			root |= bit;
	}
	return root;
}

static uint64_t control_law(uint64_t from_us, uint32_t count)
{
	/* Sixteen fractional bits of count keep the first intervals apart. */
	uint32_t scaled = square_root(count < 0xffff ? count << 16 : 0xffffffff);

	return from_us + ((uint64_t)QUEUE_INTERVAL_US << 8) / scaled;
}

static struct queue_packet *drop_while_due(struct queue *queue, struct flow *flow,
					   struct queue_packet *packet, uint64_t now_us)
{
	while (flow->dropping && now_us >= flow->drop_next_us) {
		drop(queue, packet);
		flow->drop_count++;
		packet = flow_shift(queue, flow);
		if (packet == NULL || !should_drop(flow, packet, now_us))
			flow->dropping = false;
		else
			flow->drop_next_us = control_law(flow->drop_next_us, flow->drop_count);
	}
	return packet;
}

static struct queue_packet *start_dropping(struct queue *queue, struct flow *flow,
					   struct queue_packet *packet, uint64_t now_us)
{
	uint32_t delta = flow->drop_count - flow->drop_count_before;
	bool recent = now_us - flow->drop_next_us < 16 * QUEUE_INTERVAL_US;

	drop(queue, packet);
	packet = flow_shift(queue, flow);
	flow->dropping = true;
	flow->drop_count = recent && delta > 1 ? delta : 1;
	flow->drop_count_before = flow->drop_count;
	flow->drop_next_us = control_law(now_us, flow->drop_count);
	return packet;
}

static struct queue_packet *flow_take(struct queue *queue, struct flow *flow, uint64_t now_us)
{
	struct queue_packet *packet = flow_shift(queue, flow);
	bool too_long;

	if (packet == NULL) {
		flow->dropping = false;
		return NULL;
	}
	too_long = should_drop(flow, packet, now_us);
	if (flow->dropping && !too_long)
		flow->dropping = false;
	else if (flow->dropping)
		packet = drop_while_due(queue, flow, packet, now_us);
	else if (too_long)
		packet = start_dropping(queue, flow, packet, now_us);
	return packet;
}

/* -- the queue -- */

static void drop_from_fattest(struct queue *queue)
{
	struct flow *fattest = &queue->flows[0];

	for (size_t i = 1; i < QUEUE_FLOWS; i++) {
		if (queue->flows[i].bytes > fattest->bytes)
			fattest = &queue->flows[i];
	}
	drop(queue, flow_shift(queue, fattest));
}

int queue_new(struct queue_pool *pool, struct queue **ret_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return -ENOMEM;
	queue->pool = pool;
	*ret_queue = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	while (queue->bytes > 0)
		drop_from_fattest(queue);
	free(queue);
}

void queue_put(struct queue *queue, struct queue_packet *packet, uint64_t now_us)
{
	struct flow *flow = &queue->flows[packet->flow % QUEUE_FLOWS];

	packet->queued_us = now_us;
	flow_append(queue, flow, packet);
	if (!flow->listed) {
		flow->deficit = QUEUE_FLOW_QUANTUM;
		list_append(&queue->new_flows, flow);
	}
	while (queue->bytes > QUEUE_BYTES_MAX)
		drop_from_fattest(queue);
}

struct queue_packet *queue_take(struct queue *queue, uint64_t now_us)
{
	for (;;) {
		bool is_new = queue->new_flows.head != NULL;
		struct flow_list *list = is_new ? &queue->new_flows : &queue->old_flows;
		struct flow *flow = list->head;
		struct queue_packet *packet;

		if (flow == NULL)
			return NULL;
		if (flow->deficit <= 0) {
			flow->deficit += QUEUE_FLOW_QUANTUM;
			list_append(&queue->old_flows, list_shift(list));
			continue;
		}
		packet = flow_take(queue, flow, now_us);
		if (packet != NULL) {
			flow->deficit -= packet->size;
			return packet;
		}
		/* A new flow that ran empty waits one round among the old ones, or it could return
		 * as new at once and starve them. */
		list_shift(list);
		if (is_new && queue->old_flows.head != NULL)
			list_append(&queue->old_flows, flow);
	}
}

bool queue_drop_like(struct queue *queue, size_t size)
{
	bool large = is_large(size);
	struct flow *flow = &queue->flows[0];
	struct queue_packet *before = NULL;

	if (queue->counts[large] == 0)
		return false;
	for (size_t i = 1; i < QUEUE_FLOWS; i++) {
		if (queue->flows[i].counts[large] > flow->counts[large])
			flow = &queue->flows[i];
	}
	if (is_large(flow->head->capacity) != large) {
		before = flow->head;
		while (is_large(before->next->capacity) != large)
			before = before->next;
	}
	drop(queue, flow_remove(queue, flow, before));
	return true;
}

unsigned queue_count_like(const struct queue *queue, size_t size)
{
	return queue->counts[is_large(size)];
}

bool queue_is_empty(const struct queue *queue)
{
	return queue->bytes == 0;
}

size_t queue_bytes(const struct queue *queue)
{
	return queue->bytes;
}

uint64_t queue_dropped(const struct queue *queue)
{
	return queue->dropped;
}
