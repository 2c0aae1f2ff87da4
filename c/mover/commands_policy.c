#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

/* The answer leaves before the kill: it may still be read, and its sender is done. */
void command_control_try(struct mover *mover, uint32_t seq, const struct msg_control_try *message)
{
	char text[COMMAND_TEXT_MAX] = "";
	int error = control_try(mover, message->slot, message->trial_ms, text);

	command_reply(mover, seq, error, text, -1);
	if (!error)
		decider_replace(mover);
}

void command_control_keep(struct mover *mover, uint32_t seq,
			  const struct msg_control_keep *message)
{
	(void)message;
	control_keep(mover);
	command_reply(mover, seq, 0, NULL, -1);
}

static void explain_refusal(const struct mover *mover, int error, char *ret_text)
{
	if (error == -EMFILE)
		snprintf(ret_text, COMMAND_TEXT_MAX, "cages: %d: expected one less",
			 POLICY_CAGES_MAX);
	else if (error == -ENOENT)
		snprintf(ret_text, COMMAND_TEXT_MAX, "%.200s: %s", mover->options.prelude_path,
			 strerror(-error));
	else
		snprintf(ret_text, COMMAND_TEXT_MAX, "%s", strerror(-error));
}

void command_policy_open(struct mover *mover, uint32_t seq, const struct msg_policy_open *message)
{
	struct msg_policy_opened reply = { 0 };
	uint8_t bytes[MSG_POLICY_OPENED_TEXT_MAX + 64];
	char text[COMMAND_TEXT_MAX] = "";
	int fd = -1;

	reply.error = check_policy_open(message, text);
	if (!reply.error) {
		fd = policy_open(mover, message, &reply.cage);
		reply.error = fd < 0 ? fd : 0;
		if (reply.error)
			explain_refusal(mover, reply.error, text);
	}
	snprintf(reply.text, sizeof(reply.text), "%s", text);
	decider_send(mover, bytes, msg_policy_opened_encode(&reply, seq, bytes, sizeof(bytes)),
		     fd);
}

void command_policy_kill(struct mover *mover, uint32_t seq, const struct msg_policy_kill *message)
{
	policy_kill(mover, message->cage);
	command_reply(mover, seq, 0, NULL, -1);
}
