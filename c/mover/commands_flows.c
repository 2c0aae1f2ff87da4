/* The law of flows travels in parts; the last one sets it in force once. */
#include <errno.h>
#include <stdlib.h>

#include "../errno_generic.h"
#include "../sys/ct.h"
#include "commands.h"

static void conntrack_deleted(void *arg, uint32_t tag, int error, uint32_t count)
{
	struct msg_conntrack_deleted reply = { .error = errno_generic(error), .count = count };
	uint8_t bytes[64];

	decider_send(arg, bytes, msg_conntrack_deleted_encode(&reply, tag, bytes, sizeof(bytes)),
		     -1);
}

static int append_rows(struct mover *mover, const struct msg_conntrack_delete *message)
{
	struct flow_row *larger;

	if (message->rows_count > FLOW_ROWS_MAX - mover->flow_row_count)
		return -EFBIG;
	larger = realloc(mover->flow_rows, (mover->flow_row_count + message->rows_count + 1u) *
						   sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	mover->flow_rows = larger;
	for (size_t i = 0; i < message->rows_count; i++)
		larger[mover->flow_row_count++] = (struct flow_row){ message->rows[i].source,
								     message->rows[i].place };
	return 0;
}

void command_flows_forget(struct mover *mover)
{
	free(mover->flow_rows);
	mover->flow_rows = NULL;
	mover->flow_row_count = 0;
}

static int delete_entries(struct mover *mover, uint32_t seq,
			  const struct msg_conntrack_delete *message)
{
	struct flow_tunnel tunnels[MSG_CONNTRACK_DELETE_TUNNELS_MAX];
	struct flow_aside aside[MSG_CONNTRACK_DELETE_ASIDE_MAX];
	struct inet_prefix past[MSG_CONNTRACK_DELETE_PAST_MAX];
	struct ct_asker asker = { conntrack_deleted, mover, seq };
	struct flow_law law = { tunnels,
				aside,
				past,
				mover->flow_rows,
				message->tunnels_count,
				message->aside_count,
				message->past_count,
				mover->flow_row_count };

	for (size_t i = 0; i < message->tunnels_count; i++)
		tunnels[i] = (struct flow_tunnel){ message->tunnels[i].addr4,
						   message->tunnels[i].addr6 };
	for (size_t i = 0; i < message->aside_count; i++)
		aside[i] = (struct flow_aside){ message->aside[i].source,
						message->aside[i].destination };
	for (size_t i = 0; i < message->past_count; i++)
		past[i] = message->past[i].destination;
	return ct_delete(mover->ct, &law, &asker);
}

void command_conntrack_delete(struct mover *mover, uint32_t seq,
			      const struct msg_conntrack_delete *message)
{
	int error = append_rows(mover, message);

	if (!error && message->last)
		error = delete_entries(mover, seq, message);
	if (error || message->last)
		command_flows_forget(mover);
	if (error || !message->last)
		conntrack_deleted(mover, seq, error, 0);
}
