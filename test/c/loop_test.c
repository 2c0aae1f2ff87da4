#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "check.h"
#include "loop.h"
#include "test.h"

#define TIMERS 1000

static int fired_count;
static uint64_t fired_due_us;
static int order_errors;

static void note_order(struct loop_timer *timer)
{
	if (timer->due_us < fired_due_us)
		order_errors++;
	fired_due_us = timer->due_us;
	if (++fired_count == TIMERS / 2)
		loop_stop(timer->loop);
}

static void timers_fire_in_order_of_their_time(void)
{
	static struct loop_timer timers[TIMERS];
	struct loop *loop = NULL;

	EXPECT_EQUAL(loop_new(&loop), 0);
	srand(1);
	for (int i = 0; i < TIMERS; i++) {
		timers[i] = (struct loop_timer){ .fired = note_order, .name = "test" };
		loop_timer_start(loop, &timers[i], (uint64_t)(rand() % 20000));
	}
	for (int i = 0; i < TIMERS; i++)
		loop_timer_start(loop, &timers[i], (uint64_t)(rand() % 20000));
	for (int i = 0; i < TIMERS; i += 2)
		loop_timer_stop(&timers[i]);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(fired_count, TIMERS / 2);
	EXPECT_EQUAL(order_errors, 0);
	for (int i = 0; i < TIMERS; i++)
		order_errors += timers[i].heap_index != 0;
	EXPECT_EQUAL(order_errors, 0);
	loop_free(loop);
}

static int turns;

static void rearm_at_once(struct loop_timer *timer)
{
	loop_timer_start(timer->loop, timer, 0);
}

static void count_turn(void *arg)
{
	if (++turns == 5)
		loop_stop(arg);
}

static void a_timer_without_delay_waits_for_the_next_turn(void)
{
	struct loop_timer timer = { .fired = rearm_at_once, .name = "test" };
	struct loop *loop = NULL;

	EXPECT_EQUAL(loop_new(&loop), 0);
	loop_set_before_sleep(loop, count_turn, loop);
	loop_timer_start(loop, &timer, 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(turns, 5);
	loop_free(loop);
}

struct pair {
	struct loop_watch watch;
	struct pair *other;
	int calls;
};

static void remove_both(struct loop_watch *watch, uint32_t events)
{
	struct pair *pair = container_of(watch, struct pair, watch);

	EXPECT(events & EPOLLIN);
	pair->calls++;
	loop_unwatch(&pair->other->watch);
	loop_unwatch(watch);
	loop_unwatch(watch);
}

static void stop_loop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void events_of_a_removed_watch_are_dropped(void)
{
	struct pair a = { .watch.ready = remove_both };
	struct pair b = { .watch.ready = remove_both, .other = &a };
	struct loop_timer end = { .fired = stop_loop, .name = "end" };
	struct loop *loop = NULL;
	int fds[2];

	a.other = &b;
	EXPECT_EQUAL(pipe(fds), 0);
	a.watch.fd = fds[0];
	b.watch.fd = dup(fds[0]);
	EXPECT_EQUAL(loop_new(&loop), 0);
	EXPECT_EQUAL(loop_watch(loop, &a.watch, EPOLLIN), 0);
	EXPECT_EQUAL(loop_watch(loop, &b.watch, EPOLLIN), 0);
	EXPECT_EQUAL(loop_watch(loop, &b.watch, EPOLLIN | EPOLLOUT), 0);
	EXPECT_EQUAL(write(fds[1], "x", 1), 1);
	loop_timer_start(loop, &end, 10000);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(a.calls + b.calls, 1);
	a.watch.fd = -1;
	EXPECT(loop_watch(loop, &a.watch, EPOLLIN) < 0);
	close(b.watch.fd);
	close(fds[0]);
	close(fds[1]);
	loop_free(loop);
}

int main(void)
{
	timers_fire_in_order_of_their_time();
	a_timer_without_delay_waits_for_the_next_turn();
	events_of_a_removed_watch_are_dropped();
	return test_summary();
}
