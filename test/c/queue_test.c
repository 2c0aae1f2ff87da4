#include <stdlib.h>

#include "mover/queue.h"
#include "test.h"

#define BULK 1
#define PING 2

static struct queue_pool *pool;
static struct queue *queue;

static void set_up(void)
{
	EXPECT_EQUAL(queue_pool_new(48, 2048, &pool), 0);
	EXPECT_EQUAL(queue_new(pool, &queue), 0);
}

static void tear_down(void)
{
	queue_free(queue);
	EXPECT_EQUAL(queue_pool_used(pool), 0);
	queue_pool_free(pool);
}

static int put(uint32_t flow, uint32_t size, uint64_t now_us)
{
	struct queue_packet *packet = queue_pool_take(pool, size);

	if (packet == NULL)
		return 0;
	packet->size = size;
	packet->flow = flow;
	packet->segments = 1;
	packet->segment_size = 0;
	queue_put(queue, packet, now_us);
	return 1;
}

/* The flow of the next packet, 0 if there is none. */
static uint32_t take(uint64_t now_us)
{
	struct queue_packet *packet = queue_take(queue, now_us);
	uint32_t flow = packet != NULL ? packet->flow : 0;

	if (packet != NULL)
		queue_pool_give(pool, packet);
	return flow;
}

static void a_flow_keeps_its_order(void)
{
	set_up();
	for (uint32_t i = 0; i < 500; i++)
		EXPECT(put(BULK, 100 + i, 1000));
	for (uint32_t i = 0; i < 500; i++) {
		struct queue_packet *packet = queue_take(queue, 1000);

		EXPECT(packet != NULL && packet->size == 100 + i);
		queue_pool_give(pool, packet);
	}
	EXPECT_EQUAL(take(1000), 0);
	EXPECT(queue_is_empty(queue));
	EXPECT_EQUAL(queue_dropped(queue), 0);
	tear_down();
}

static void a_sparse_flow_overtakes_a_bulk_flow(void)
{
	int before = 0;

	set_up();
	for (int i = 0; i < 30; i++)
		EXPECT(put(BULK, 60000, 1000));
	EXPECT_EQUAL(take(1000), BULK);
	EXPECT(put(PING, 84, 1000));
	while (take(1000) == BULK)
		before++;
	EXPECT(before <= 1);
	tear_down();
}

static void flows_share_by_bytes(void)
{
	uint32_t bytes[3] = {0};

	set_up();
	for (int i = 0; i < 20; i++)
		EXPECT(put(1, 60000, 1000));
	for (int i = 0; i < 600; i++)
		EXPECT(put(2, 1500, 1000));
	while (bytes[1] + bytes[2] < 1000000) {
		uint32_t flow = take(1000);

		bytes[flow] += flow == 1 ? 60000 : 1500;
	}
	EXPECT(bytes[1] > 400000 && bytes[1] < 600000);
	tear_down();
}

static void a_full_queue_drops_from_the_fattest_flow(void)
{
	int pings = 0;

	set_up();
	EXPECT(put(PING, 84, 1000));
	for (int i = 0; i < 40; i++)
		EXPECT(put(BULK, 60000, 1000));
	EXPECT(queue_bytes(queue) <= QUEUE_BYTES_MAX);
	EXPECT_EQUAL(queue_dropped(queue), 40 - QUEUE_BYTES_MAX / 60000);
	for (uint32_t flow; (flow = take(1000)) != 0;)
		pings += flow == PING;
	EXPECT_EQUAL(pings, 1);
	tear_down();
}

/* A tenth more comes in than goes out, for half a minute: what waits must stay short. */
static void a_standing_queue_is_dropped(void)
{
	uint64_t now_us = 1000;

	set_up();
	for (int i = 0; i < 30000; i++, now_us += 1000) {
		EXPECT(put(BULK, 1000, now_us));
		if (i % 10 != 0)
			(void)take(now_us);
	}
	EXPECT(queue_dropped(queue) > 2000);
	EXPECT(queue_bytes(queue) < 200 * 1000);
	tear_down();
}

static void a_short_queue_is_left_alone(void)
{
	uint64_t now_us = 1000;

	set_up();
	for (int i = 0; i < 3000; i++, now_us += 1000) {
		EXPECT(put(BULK, 1000, now_us));
		EXPECT(put(BULK, 1000, now_us));
		EXPECT_EQUAL(take(now_us + 500), BULK);
		EXPECT_EQUAL(take(now_us + 500), BULK);
	}
	EXPECT_EQUAL(queue_dropped(queue), 0);
	tear_down();
}

static void buffers_are_bounded_and_come_back(void)
{
	struct queue_packet *packets[48];

	set_up();
	for (int i = 0; i < 48; i++) {
		packets[i] = queue_pool_take(pool, QUEUE_LARGE_SIZE);
		EXPECT(packets[i] != NULL);
	}
	EXPECT(queue_pool_take(pool, QUEUE_LARGE_SIZE) == NULL);
	EXPECT_EQUAL(queue_pool_used(pool), 48);
	queue_pool_give(pool, packets[7]);
	EXPECT(queue_pool_take(pool, QUEUE_LARGE_SIZE) == packets[7]);
	for (int i = 0; i < 48; i++)
		queue_pool_give(pool, packets[i]);
	tear_down();
}

static void buffers_are_won_back_from_who_holds_most(void)
{
	uint32_t flow;
	int pings = 0, bulk = 0;

	set_up();
	for (int i = 0; i < 3; i++)
		EXPECT(put(PING, 84, 1000));
	for (int i = 0; i < 4; i++)
		EXPECT(put(BULK, 84, 1000));
	for (int i = 0; i < 2; i++)
		EXPECT(put(BULK, 60000, 1000));
	EXPECT_EQUAL(queue_count_like(queue, 1), 7);
	EXPECT_EQUAL(queue_count_like(queue, 60000), 2);
	EXPECT(queue_drop_like(queue, 60000));
	EXPECT(queue_drop_like(queue, 60000));
	EXPECT(!queue_drop_like(queue, 60000));
	EXPECT(queue_drop_like(queue, 1));
	EXPECT(queue_drop_like(queue, 1));
	while ((flow = take(1000)) != 0) {
		pings += flow == PING;
		bulk += flow == BULK;
	}
	EXPECT_EQUAL(pings + bulk, 5);
	EXPECT(pings >= 2 && bulk >= 2);
	EXPECT_EQUAL(queue_dropped(queue), 4);
	tear_down();
}

/* Nothing is lost or made twice, whatever happens. */
static void random_use_balances(void)
{
	unsigned seed = 1;
	uint64_t now_us = 1000, in = 0, out = 0;

	set_up();
	for (int i = 0; i < 50000; i++) {
		uint32_t flow = 1 + (uint32_t)rand_r(&seed) % 200;

		now_us += (uint64_t)(rand_r(&seed) % 300);
		if (rand_r(&seed) % 5 < 3)
			in += (uint64_t)put(flow, 40 + (uint32_t)rand_r(&seed) % 3000, now_us);
		else if (rand_r(&seed) % 10 == 0)
			(void)queue_drop_like(queue, (size_t)rand_r(&seed) % 3000);
		else
			out += take(now_us) != 0;
	}
	while (take(now_us) != 0)
		out++;
	EXPECT_EQUAL(in, out + queue_dropped(queue));
	EXPECT_EQUAL(queue_pool_used(pool), 0);
	tear_down();
}

int main(void)
{
	a_flow_keeps_its_order();
	a_sparse_flow_overtakes_a_bulk_flow();
	flows_share_by_bytes();
	a_full_queue_drops_from_the_fattest_flow();
	a_standing_queue_is_dropped();
	a_short_queue_is_left_alone();
	buffers_are_bounded_and_come_back();
	buffers_are_won_back_from_who_holds_most();
	random_use_balances();
	return test_summary();
}
