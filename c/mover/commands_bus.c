#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "commands.h"

/* 0 if the object may be offered, or nothing is to be. */
static int check_open(struct mover *mover, const struct msg_bus_open *message, char *ret_text)
{
	struct file_rules rules = command_file_rules(mover);

	if (!message->path[0])
		return 0;
	if (!file_may_connect(&rules, message->path)) {
		snprintf(ret_text, COMMAND_TEXT_MAX,
			 "path: %.108s: expected a socket that the configuration names",
			 message->path);
		return -EPERM;
	}
	return check_bus_open(message, ret_text);
}

void command_bus_open(struct mover *mover, uint32_t seq, const struct msg_bus_open *message)
{
	char text[COMMAND_TEXT_MAX] = "";
	int error = check_open(mover, message, text);

	if (!error)
		error = bus_open(mover->bus, message->path, message->object,
				 message->methods.data, message->methods.size, text);
	command_reply(mover, seq, error, text, -1);
	if (error)
		return;
	mover->decider.takes_calls = true;
	bus_tell_state(mover->bus);
}

void command_bus_forget(struct mover *mover)
{
	free(mover->reply.data);
	mover->reply = (struct reply_part){ 0 };
}

static void keep_part(struct reply_part *reply, const struct msg_bytes *part)
{
	size_t size = reply->size + part->size;
	uint8_t *data = size > 0 && size <= BUS_JSON_BYTES_MAX ? realloc(reply->data, size) : NULL;

	if (!data) {
		reply->broken = true;
		return;
	}
	memcpy(data + reply->size, part->data, part->size);
	reply->data = data;
	reply->size = size;
}

/* Most replies have one part, which is not copied. */
void command_bus_reply(struct mover *mover, uint32_t seq, const struct msg_bus_reply *message)
{
	struct reply_part *reply = &mover->reply;

	(void)seq;
	if (message->last && !reply->data && !reply->broken) {
		bus_reply(mover->bus, message->call, message->status, message->data.data,
			  message->data.size);
		return;
	}
	keep_part(reply, &message->data);
	if (!message->last)
		return;
	bus_reply(mover->bus, message->call, message->status, reply->data,
		  reply->broken ? BUS_JSON_BYTES_MAX + 1 : reply->size);
	command_bus_forget(mover);
}

void command_bus_notify(struct mover *mover, uint32_t seq, const struct msg_bus_notify *message)
{
	(void)seq;
	if (bus_notify(mover->bus, message->kind, message->data.data, message->data.size) < 0)
		log_warning("ubus: a notification %s cannot be sent", message->kind);
}
