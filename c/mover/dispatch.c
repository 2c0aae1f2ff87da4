#include <stdio.h>
#include <stdlib.h>

#include "../check.h"
#include "../log.h"
#include "commands.h"

/* More than the kernel watch leaves waiting, and so little that answers still find room. */
#define CONTROL_BACKLOG_BYTES_MAX (2 << 20)

/* Decodes, runs, frees. -EBADMSG or -ENOMEM if it could not be decoded. */
#define RUN(name)                                                                                  \
	static int run_##name(struct mover *mover, uint32_t seq, const uint8_t *payload,           \
			      size_t size)                                                         \
	{                                                                                          \
		struct msg_##name message;                                                         \
		int error = msg_##name##_decode(payload, size, &message);                          \
												   \
		if (error)                                                                         \
			return error;                                                              \
		command_##name(mover, seq, &message);                                              \
		msg_##name##_clear(&message);                                                      \
		return 0;                                                                          \
	}

#define COMMANDS(ROW)                                                                              \
	ROW(HELLO, hello)                                                                          \
	ROW(LOG, log)                                                                              \
	ROW(READY, ready)                                                                          \
	ROW(PONG, pong)                                                                            \
	ROW(EXIT, exit)                                                                            \
	ROW(FILE_READ, file_read)                                                                  \
	ROW(FILE_WRITE, file_write)                                                                \
	ROW(FILE_REMOVE, file_remove)                                                              \
	ROW(WATCH, watch)                                                                          \
	ROW(LINK_SET, link_set)                                                                    \
	ROW(ADDRESS_SET, address_set)                                                              \
	ROW(ROUTE_SET, route_set)                                                                  \
	ROW(RULE_SET, rule_set)                                                                    \
	ROW(SYSCTL_GET, sysctl_get)                                                                \
	ROW(SYSCTL_SET, sysctl_set)                                                                \
	ROW(NFT_APPLY, nft_apply)                                                                  \
	ROW(NFT_LIST, nft_list)                                                                    \
	ROW(CONNTRACK_DELETE, conntrack_delete)                                                    \
	ROW(TUN_OPEN, tun_open)                                                                    \
	ROW(TUN_CLOSE, tun_close)                                                                  \
	ROW(FORWARD_SET, forward_set)                                                              \
	ROW(SESSION_OPEN, session_open)                                                            \
	ROW(SESSION_CLOSE, session_close)                                                          \
	ROW(SESSION_START, session_start)                                                          \
	ROW(SESSION_SEND, session_send)                                                            \
	ROW(LISTEN, listen)                                                                        \
	ROW(UNLISTEN, unlisten)                                                                    \
	ROW(STATS_GET, stats_get)                                                                  \
	ROW(LISTEN_UNIX, listen_unix)                                                              \
	ROW(LISTEN_TCP, listen_tcp)                                                                \
	ROW(CONNECT_UDP, connect_udp)                                                              \
	ROW(CONTROL_TRY, control_try)                                                              \
	ROW(CONTROL_KEEP, control_keep)                                                            \
	ROW(POLICY_OPEN, policy_open)                                                              \
	ROW(POLICY_KILL, policy_kill)                                                              \
	ROW(BUS_OPEN, bus_open)                                                                    \
	ROW(BUS_REPLY, bus_reply)                                                                  \
	ROW(BUS_NOTIFY, bus_notify)

#define DEFINE(id, name) RUN(name)
COMMANDS(DEFINE)

#define LIST(id, name) { MSG_##id, run_##name },
static const struct {
	uint16_t id;
	int (*run)(struct mover *mover, uint32_t seq, const uint8_t *payload, size_t size);
} rows[] = { COMMANDS(LIST) };

static int run_command(struct mover *mover, const struct msg_header *header,
		       const uint8_t *payload, size_t size)
{
	int error = -1;

	log_bound(true);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].id == header->id)
			error = rows[i].run(mover, header->seq, payload, size);
	log_bound(false);
	return error;
}

/* The decider is ours: what it sends wrongly is a fault of ours, which a fresh start may cure. */
void dispatch_message(struct mover *mover, const uint8_t *bytes, size_t length)
{
	struct msg_header header;

	if (mover->stopping || mover->decider.kill_reason || mover->decider.replaced)
		return;
	if (msg_header_decode(bytes, length, &header) == 0 &&
	    (mover->decider.greeted || header.id == MSG_HELLO || header.id == MSG_LOG ||
	     header.id == MSG_PONG) &&
	    run_command(mover, &header, bytes + CODEC_HEADER_BYTES,
			length - CODEC_HEADER_BYTES) == 0)
		return;
	log_error("message of %zu bytes from the decider makes no sense (%s)", length,
		  length >= CODEC_HEADER_BYTES ? msg_name(header.id) : "no header");
	decider_kill(mover, "it sent a message that makes no sense");
}

void dispatch_forget(struct mover *mover)
{
	policy_forget(mover);
	bus_forget(mover->bus);
	command_bus_forget(mover);
	nft_forget(mover->nft);
	ct_forget(mover->ct);
	free(mover->script);
	mover->script = NULL;
	mover->script_size = 0;
	command_flows_forget(mover);
	free(mover->part.data);
	mover->part = (struct file_part){ 0 };
}

size_t dispatch_kernel_message(void *arg, const uint8_t *bytes, size_t length)
{
	struct mover *mover = arg;

	decider_send(mover, bytes, (int)length, -1);
	return mover->decider.channel ? channel_waiting(mover->decider.channel) : 0;
}

void dispatch_kernel_gather(void *arg, bool begins)
{
	const struct mover *mover = arg;

	if (mover->decider.channel)
		channel_gather(mover->decider.channel, begins);
}

/* A decider that has not said hello learns of sessions from the answer to it. */
static void send_event(struct mover *mover, const uint8_t *bytes, int length)
{
	if (mover->decider.greeted)
		decider_send(mover, bytes, length, -1);
}

static void session_state(void *arg, const struct msg_session_state *message)
{
	uint8_t bytes[1024];

	send_event(arg, bytes, msg_session_state_encode(message, 0, bytes, sizeof(bytes)));
}

/* Strangers may send a control frame each. A decider that cannot keep up with them loses some of
 * them, not its life for a queue that is full. */
static void session_control(void *arg, const struct msg_session_control *message)
{
	struct mover *mover = arg;
	struct msg_session_close flood = { .session = message->session, .reason = "busy" };
	uint8_t bytes[MSG_SESSION_CONTROL_DATA_MAX + 64];

	if (mover->decider.channel &&
	    channel_waiting(mover->decider.channel) > CONTROL_BACKLOG_BYTES_MAX) {
		datapath_session_close(mover->datapath, &flood);
		return;
	}
	send_event(arg, bytes, msg_session_control_encode(message, 0, bytes, sizeof(bytes)));
}

static void slot_wanted(void *arg, const struct msg_slot_wanted *message)
{
	uint8_t bytes[64];

	send_event(arg, bytes, msg_slot_wanted_encode(message, 0, bytes, sizeof(bytes)));
}

const struct datapath_events dispatch_datapath_events = {
	.session_state = session_state,
	.session_control = session_control,
	.slot_wanted = slot_wanted,
};

static void bus_state(void *arg, bool connected, const char *text)
{
	struct mover *mover = arg;
	struct msg_bus_state state = { .connected = connected };
	uint8_t bytes[MSG_BUS_STATE_TEXT_MAX + 64];

	snprintf(state.text, sizeof(state.text), "%s", text);
	if (mover->decider.takes_calls)
		send_event(mover, bytes, msg_bus_state_encode(&state, 0, bytes, sizeof(bytes)));
}

/* Callers are strangers as well: a decider that cannot keep up refuses some of them. */
static bool bus_call(void *arg, uint32_t call, const char *method, const uint8_t *json, size_t size)
{
	static uint8_t bytes[MSG_BYTES_MAX];
	struct mover *mover = arg;
	struct msg_bus_call part = { .call = call };

	if (!mover->decider.takes_calls || !mover->decider.channel ||
	    channel_waiting(mover->decider.channel) > CONTROL_BACKLOG_BYTES_MAX)
		return false;
	snprintf(part.method, sizeof(part.method), "%s", method);
	for (size_t at = 0; !part.last; at += part.data.size) {
		part.last = size - at <= MSG_BUS_CALL_DATA_MAX;
		part.data = (struct msg_bytes){
			json + at, part.last ? (uint32_t)(size - at) : MSG_BUS_CALL_DATA_MAX
		};
		send_event(mover, bytes, msg_bus_call_encode(&part, 0, bytes, sizeof(bytes)));
	}
	return true;
}

const struct bus_events dispatch_bus_events = {
	.state = bus_state,
	.call = bus_call,
	.call_us = BUS_CALL_US,
	.quiet_us = BUS_QUIET_US,
	.patience_us = BUS_PATIENCE_US,
};
