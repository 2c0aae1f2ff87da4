/* The data path as the command dispatcher sees it: one TUN, the forward table, tunnel sessions and
 * listeners. Everything runs on the loop's thread. Messages are those of runtime/contract.json. */
#ifndef ADIT_MOVER_DATAPATH_H
#define ADIT_MOVER_DATAPATH_H

#include <stdint.h>

#include "../contract.gen.h"
#include "../loop.h"

struct datapath;

/* What the data path tells its owner; called from the loop, never from within a datapath_* call
 * that the owner makes (they are deferred to the next turn). Messages are borrowed for the call. An
 * inbound session is first told of, in state 3, right before its first control frame. */
struct datapath_events {
	void *arg;
	void (*session_state)(void *arg, const struct msg_session_state *message);
	void (*session_control)(void *arg, const struct msg_session_control *message);
	void (*slot_wanted)(void *arg, const struct msg_slot_wanted *message);
};

/* 0 or -errno. Owned by the caller. */
int datapath_new(struct loop *loop, const struct datapath_events *events,
		 struct datapath **ret_path);
void datapath_free(struct datapath *path);

/* Each does what the message of the same name says and returns 0 or -errno; `ret_text`, if not
 * NULL, gets a sentence for people (at most MSG_RESULT_TEXT_MAX bytes, NUL-terminated). Slots are
 * numbered from 1 to 4,096; there are at most 512 sessions, inbound and outbound together. */
int datapath_tun_open(struct datapath *path, const struct msg_tun_open *message,
		      struct msg_tun_opened *ret);
int datapath_tun_close(struct datapath *path);
/* Name of the open TUN, "" if none. Borrowed. */
const char *datapath_tun_name(const struct datapath *path);
/* Its interface index, 0 if it is not open, or not there any more under that name. */
uint32_t datapath_tun_index(const struct datapath *path);
/* Interface index of a name, 0 if there is none. The name that the TUN was asked for under stands
 * for our device alone: another one of that name is not meant. */
uint32_t datapath_link_index(const struct datapath *path, const char *name);
int datapath_forward_set(struct datapath *path, const struct msg_forward_set *message);
int datapath_session_open(struct datapath *path, const struct msg_session_open *message,
			  uint32_t *ret_session);
int datapath_session_close(struct datapath *path, const struct msg_session_close *message);
int datapath_session_start(struct datapath *path, const struct msg_session_start *message);
int datapath_session_send(struct datapath *path, const struct msg_session_send *message);
int datapath_listen(struct datapath *path, const struct msg_listen *message, char *ret_text);
int datapath_unlisten(struct datapath *path, const struct msg_unlisten *message);
/* Fills counters; `ret->sessions` is allocated and freed with msg_stats_clear. */
int datapath_stats(struct datapath *path, struct msg_stats *ret);
/* Calls `each` for every session that is not closed; the message is borrowed. */
void datapath_each_session(struct datapath *path,
			   void (*each)(void *arg, const struct msg_session_held *held), void *arg);

#endif
