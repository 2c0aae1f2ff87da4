/* The event loop of the mover: epoll, timers on CLOCK_MONOTONIC, no threads. */
#ifndef ADIT_LOOP_H
#define ADIT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A watched descriptor, embedded in its owner; zero it before the first loop_watch. The callback
 * may remove any watch, its own included: events already collected for a removed watch are not
 * delivered. */
struct loop_watch {
	int fd;
	uint32_t events;
	void (*ready)(struct loop_watch *watch, uint32_t events);
	struct loop *loop;
};

/* A timer, embedded in its owner; zero it before use. One shot. */
struct loop_timer {
	uint64_t due_us;
	int heap_index; /* 0 while not armed; else position + 1 */
	void (*fired)(struct loop_timer *timer);
	const char *name; /* static text: why somebody waits */
	struct loop *loop;
};

/* 0 or -errno. The loop is owned by the caller, freed with loop_free. */
int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop);

/* Another clock than CLOCK_MONOTONIC, in microseconds; no timer runs yet. */
void loop_set_clock(struct loop *loop, uint64_t (*clock_us)(void));

/* Microseconds of the clock, read once per turn of the loop. */
uint64_t loop_now_us(const struct loop *loop);

/* Starts or changes watching `watch->fd` for EPOLL* `events` (level triggered). 0 or -errno. */
int loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Stops watching; harmless if not watched. Does not close the descriptor. */
void loop_unwatch(struct loop_watch *watch);

/* Arms (or rearms) for `delay_us` from now. At most LOOP_TIMERS_MAX are armed at once. */
#define LOOP_TIMERS_MAX 4096
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_us);
void loop_timer_stop(struct loop_timer *timer);

/* Called once after the callbacks of each turn, before sleeping: the place for batched work. */
void loop_set_before_sleep(struct loop *loop, void (*fn)(void *arg), void *arg);

/* Runs until loop_stop. 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
