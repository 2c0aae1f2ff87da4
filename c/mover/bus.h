/* One object on the bus of ubusd: the connection, kept up with a back-off, and the calls that wait
 * for replies. What methods do is not known here. */
#ifndef ADIT_MOVER_BUS_H
#define ADIT_MOVER_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct bus;

/* Calls that wait for replies; more are refused. */
#define BUS_CALLS_MAX 16
/* JSON text of arguments, and of replies. */
#define BUS_JSON_BYTES_MAX (1 << 20)
/* How long a caller waits for a reply of the decider. */
#define BUS_CALL_US 15000000
/* How long ubusd may take until it has the object. */
#define BUS_HANDSHAKE_US 5000000
/* A bus that has the object is asked so long after its last answer, and given up if it then says
 * nothing for so long: nothing else would tell one that hangs from one that has nothing to say. */
#define BUS_QUIET_US 60000000
#define BUS_PATIENCE_US 30000000
/* Waits before the next attempt double from the first to the last of these. */
#define BUS_RETRY_US_FIRST 100000
#define BUS_RETRY_US_MAX 30000000
/* Bytes that may wait for ubusd. Beyond the first bound notifications are dropped, beyond the other
 * one the connection is. */
#define BUS_NOTIFY_BACKLOG_MAX (256 << 10)
#define BUS_QUEUE_BYTES_MAX (2 << 20)
#define BUS_TEXT_MAX 256

struct bus_events {
	void *arg;
	/* The object came on the bus, or why it is not there; never the same twice in a row. */
	void (*state)(void *arg, bool connected, const char *text);
	/* A call to be answered with bus_reply; borrowed for the call. False if nobody can now. */
	bool (*call)(void *arg, uint32_t call, const char *method, const uint8_t *json,
		     size_t size);
	uint64_t call_us; /* how long a caller waits */
	uint64_t quiet_us, patience_us; /* with ubusd */
};

/* 0 or -ENOMEM. */
int bus_new(struct loop *loop, const struct bus_events *events, struct bus **ret_bus);
void bus_free(struct bus *bus);

/* Offers `object` with its `methods` (JSON) at the socket `path`, or withdraws it if the path is
 * empty. What is offered already stays as it is. 0, or -EINVAL with a sentence of BUS_TEXT_MAX
 * bytes if the methods are no object of objects. */
int bus_open(struct bus *bus, const char *path, const char *object, const uint8_t *methods,
	     size_t size, char *ret_text);
/* Tells the state again to who has just come. */
void bus_tell_state(struct bus *bus);

/* Answers a call; one that is gone is passed over. Without JSON (size 0) only the status is sent.
 * What cannot be sent is answered with another status, and a reason. */
void bus_reply(struct bus *bus, uint32_t call, uint8_t status, const uint8_t *json, size_t size);
/* Tells all subscribers; dropped if there are none, and when too much waits. 0, or -EINVAL or
 * -EMSGSIZE if the JSON text is no object or too long. */
int bus_notify(struct bus *bus, const char *kind, const uint8_t *json, size_t size);
/* Answers all calls that wait: who was to reply is gone. */
void bus_forget(struct bus *bus);

#endif
