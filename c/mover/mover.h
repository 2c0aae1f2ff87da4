/* The mover's state as its own files share it: supervision, dispatcher, commands. */
#ifndef ADIT_MOVER_MOVER_H
#define ADIT_MOVER_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../contract.gen.h"
#include "../loop.h"
#include "../sys/ct.h"
#include "../sys/file.h"
#include "../sys/ifname.h"
#include "../sys/nft.h"
#include "../sys/nl_socket.h"
#include "bus.h"
#include "channel.h"
#include "control.h"
#include "datapath.h"
#include "options.h"
#include "policy.h"
#include "quota.h"
#include "sockets.h"
#include "watch.h"
#include "writer.h"

/* A decider asks for little, and what it asks for is to be had soon, whatever packets there are. */
#define DECIDER_NICE (-5)
#define MOVER_DEATH_TEXT_MAX (MSG_MOVER_STATE_LAST_DEATH_MAX + 1)
/* Eight uplinks, the TUN, and some that are none any more. */
#define SETTLED_MAX 16

/* A file of which the last part has not come yet. */
struct file_part {
	char path[OPTIONS_PATH_MAX + 1];
	uint8_t *data; /* NULL if there is none */
	size_t size;
};

/* A reply to a call on the bus of which the last part has not come yet. */
struct reply_part {
	uint8_t *data; /* NULL if there is none */
	size_t size;
	bool broken; /* it is too long, or there was no memory for it */
};

/* Where a start is on its way: what the decider said first, in this order. */
enum decider_step { DECIDER_LOADED, DECIDER_CONFIGURED, DECIDER_INFORMED, DECIDER_STEPS };

/* A process that decides. */
struct decider {
	pid_t pid; /* 0 while there is none */
	struct loop_watch exited; /* a pidfd */
	struct channel *channel; /* NULL while there is none */
	bool greeted; /* its hello was answered */
	bool ready;
	bool takes_calls; /* it knows what is offered on the bus */
	uint64_t started_us;
	uint64_t step_us[DECIDER_STEPS]; /* 0 until it got there */
	uint64_t nft_us;		 /* that nft ran before it */
	uint32_t ping_token;
	bool ping_open;
	uint32_t silences; /* since the ping */
	uint64_t ping_cpu_us; /* its processor time at the ping */
	const char *kill_reason; /* static text; NULL unless we ended it */
	bool replaced; /* we end it for another control module, after which nothing of it counts */
	char last_error[256]; /* its last log line of level error */
};

struct mover {
	struct options options;
	struct loop *loop;
	struct datapath *datapath;
	struct nft *nft;
	struct ct *ct;
	struct watch *watch;
	struct bus *bus;
	struct nl_socket *netlink;
	uint64_t started_us;
	uint64_t life; /* random, 1 to 2^53 - 1 */
	int signal_fd;
	int lock_fd;
	int namespace_fd;
	int program_fd; /* our own binary, for the decider */
	struct loop_watch signal_ready;

	char *module; /* text of the installed adit.mjs as it was last read */
	size_t module_size;
	struct control control;
	char *prelude; /* text of policy.mjs as it was last read; NULL: never */
	size_t prelude_size;
	struct cage cages[POLICY_PLACES_MAX];
	uint32_t cage_number; /* the last one that was given */
	char settled[SETTLED_MAX][IFNAME_BYTES_MAX + 1]; /* interfaces that had settings changed */
	uint8_t *config; /* text as the decider last read it, NULL before */
	size_t config_size;
	uint8_t *script; /* parts of an nft script so far */
	size_t script_size;
	struct flow_row *flow_rows; /* rows of conntrack_delete so far */
	uint16_t flow_row_count;
	struct file_part part;
	struct quota quota;
	struct sockets sockets;
	struct writer writer;
	struct reply_part reply;

	struct decider decider;
	uint32_t starts;
	uint32_t failures; /* in a row, for the back-off */
	char last_death[MOVER_DEATH_TEXT_MAX];
	struct loop_timer restart;
	struct loop_timer ping;
	struct loop_timer silence;
	struct loop_timer farewell;
	bool terminating;
	bool last_chance_used;
	bool stopping; /* the loop ends with exit_status */
	int exit_status;
};

/* decider.c: the life of the process that decides. */

/* Prepares timers. */
void decider_init(struct mover *mover);
/* Starts a decider; failures are retried. */
void decider_start(struct mover *mover);
/* Ends it: `reason` (static text) is our finding. Its death is noticed by the loop. */
void decider_kill(struct mover *mover, const char *reason);
/* Ends it so that another control module can start. Nothing more of what it asks is done. */
void decider_replace(struct mover *mover);
/* Queues a message; `length` is what msg_NAME_encode returned. Takes `fd`. */
void decider_send(struct mover *mover, const uint8_t *bytes, int length, int fd);
/* A signal for the decider, if there is one that listens. */
void decider_signal(struct mover *mover, uint8_t number);
/* To be called for its hello, after which it has to answer pings. */
void decider_greeted(struct mover *mover);
/* To be called whenever it says what tells of the step; only the first time counts. */
void decider_note(struct mover *mover, enum decider_step step);
/* To be called for every pong. */
void decider_pong(struct mover *mover, uint32_t token);
/* Kills and reaps without restarting; for the end of the mover. */
void decider_reap(struct mover *mover);

/* supervise.c */

/* Ends the mover after this turn of the loop. */
void mover_exit(struct mover *mover, int status);
/* The decider is gone while the mover is to end: one more chance, or the end. */
void mover_farewell_failed(struct mover *mover);

/* dispatch.c */

/* Runs one message of the decider; an undecodable one kills it. */
void dispatch_message(struct mover *mover, const uint8_t *bytes, size_t length);
/* Forgets what a dead decider asked for. */
void dispatch_forget(struct mover *mover);
/* Callbacks for the data path, the bus and the kernel watch. */
extern const struct datapath_events dispatch_datapath_events;
extern const struct bus_events dispatch_bus_events;
size_t dispatch_kernel_message(void *arg, const uint8_t *bytes, size_t length);
void dispatch_kernel_gather(void *arg, bool begins);

#endif
