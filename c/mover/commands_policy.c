#include <errno.h>

#include "commands.h"

void command_control_try(struct mover *mover, uint32_t seq, const struct msg_control_try *message)
{
	(void)message;
	command_reply(mover, seq, -EOPNOTSUPP, NULL, -1);
}

void command_control_keep(struct mover *mover, uint32_t seq,
			  const struct msg_control_keep *message)
{
	(void)message;
	command_reply(mover, seq, 0, NULL, -1);
}

void command_policy_open(struct mover *mover, uint32_t seq, const struct msg_policy_open *message)
{
	struct msg_policy_opened reply = { .error = -EOPNOTSUPP };
	uint8_t bytes[MSG_POLICY_OPENED_TEXT_MAX + 64];

	(void)message;
	decider_send(mover, bytes, msg_policy_opened_encode(&reply, seq, bytes, sizeof(bytes)),
		     -1);
}

void command_policy_kill(struct mover *mover, uint32_t seq, const struct msg_policy_kill *message)
{
	(void)message;
	command_reply(mover, seq, 0, NULL, -1);
}
