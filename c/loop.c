#include "loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define BATCH_MAX 64

struct loop {
	int epoll_fd;
	bool stopped;
	uint64_t (*clock_us)(void);
	uint64_t now_us;
	void (*before_sleep)(void *arg);
	void *before_sleep_arg;
	int batch_count;
	struct epoll_event batch[BATCH_MAX];
	int timer_count;
	struct loop_timer *timers[LOOP_TIMERS_MAX];
};

static uint64_t monotonic_us(void)
{
	struct timespec now;

	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (uint64_t)now.tv_sec * 1000000 + (uint32_t)now.tv_nsec / 1000;
}

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int error = -errno;

		free(loop);
		return error;
	}
	loop_set_clock(loop, monotonic_us);
	*ret_loop = loop;
	return 0;
}

void loop_set_clock(struct loop *loop, uint64_t (*clock_us)(void))
{
	loop->clock_us = clock_us;
	loop->now_us = clock_us();
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll_fd);
	free(loop);
}

uint64_t loop_now_us(const struct loop *loop)
{
	return loop->now_us;
}

int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };
	int operation = watch->loop ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	CHECK(!watch->loop || watch->loop == loop);
	CHECK(watch->ready);
	if (watch->loop && watch->events == events)
		return 0;
	if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0)
		return -errno;
	watch->loop = loop;
	watch->events = events;
	return 0;
}

void loop_unwatch(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;

	if (!loop)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = 0; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
	watch->loop = NULL;
	watch->events = 0;
}

static void heap_put(struct loop *loop, int index, struct loop_timer *timer)
{
	loop->timers[index] = timer;
	timer->heap_index = index + 1;
}

static void heap_up(struct loop *loop, int index)
{
	struct loop_timer *timer = loop->timers[index];

	while (index > 0 && timer->due_us < loop->timers[(index - 1) / 2]->due_us) {
		heap_put(loop, index, loop->timers[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	heap_put(loop, index, timer);
}

static void heap_down(struct loop *loop, int index)
{
	struct loop_timer *timer = loop->timers[index];

	for (;;) {
		int child = 2 * index + 1;

		if (child >= loop->timer_count)
			break;
		if (child + 1 < loop->timer_count &&
		    loop->timers[child + 1]->due_us < loop->timers[child]->due_us)
			child++;
		if (timer->due_us <= loop->timers[child]->due_us)
			break;
		heap_put(loop, index, loop->timers[child]);
		index = child;
	}
	heap_put(loop, index, timer);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_us)
{
	CHECK(timer->fired);
	loop_timer_stop(timer);
	CHECK(loop->timer_count < LOOP_TIMERS_MAX);
	timer->loop = loop;
	timer->due_us = loop->now_us + delay_us;
	loop->timers[loop->timer_count] = timer;
	heap_up(loop, loop->timer_count++);
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	int index = timer->heap_index - 1;
	struct loop_timer *last;

	if (!timer->heap_index)
		return;
	CHECK(loop->timers[index] == timer);
	timer->heap_index = 0;
	last = loop->timers[--loop->timer_count];
	if (last == timer)
		return;
	loop->timers[index] = last;
	heap_up(loop, index);
	heap_down(loop, last->heap_index - 1);
}

void loop_set_before_sleep(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	loop->before_sleep = fn;
	loop->before_sleep_arg = arg;
}

/* Rounded up, so that a timer never makes the loop spin through its last millisecond. */
static int sleep_ms(const struct loop *loop)
{
	uint64_t now_us = loop->clock_us();
	uint64_t wait_ms;

	if (loop->timer_count == 0)
		return -1;
	if (loop->timers[0]->due_us <= now_us)
		return 0;
	wait_ms = (loop->timers[0]->due_us - now_us + 999) / 1000;
	return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

static int collect_events(struct loop *loop)
{
	int count = epoll_wait(loop->epoll_fd, loop->batch, BATCH_MAX, sleep_ms(loop));

	if (count < 0 && errno != EINTR)
		return -errno;
	loop->batch_count = count < 0 ? 0 : count;
	loop->now_us = loop->clock_us();
	return 0;
}

static void deliver_events(struct loop *loop)
{
	for (int i = 0; i < loop->batch_count && !loop->stopped; i++) {
		struct loop_watch *watch = loop->batch[i].data.ptr;

		if (watch)
			watch->ready(watch, loop->batch[i].events);
	}
	loop->batch_count = 0;
}

/* The count is taken first: a timer that rearms itself with no delay waits for the next turn. */
static void fire_timers(struct loop *loop)
{
	int due_max = loop->timer_count;

	while (due_max-- > 0 && loop->timer_count > 0 && !loop->stopped) {
		struct loop_timer *timer = loop->timers[0];

		if (timer->due_us > loop->now_us)
			return;
		loop_timer_stop(timer);
		timer->fired(timer);
	}
}

static void run_before_sleep(struct loop *loop)
{
	if (loop->before_sleep)
		loop->before_sleep(loop->before_sleep_arg);
}

int loop_run(struct loop *loop)
{
	int error = 0;

	loop->stopped = false;
	loop->now_us = loop->clock_us();
	run_before_sleep(loop);
	while (!loop->stopped && !error) {
		error = collect_events(loop);
		deliver_events(loop);
		fire_timers(loop);
		run_before_sleep(loop);
	}
	return error;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
