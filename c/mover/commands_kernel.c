#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../errno_generic.h"
#include "../sys/nft_check.h"
#include "../sys/nl_set.h"
#include "../sys/sysctl.h"
#include "commands.h"
#include "words.h"

void command_watch(struct mover *mover, uint32_t seq, const struct msg_watch *message)
{
	(void)message;
	decider_note(mover, DECIDER_CONFIGURED);
	command_reply(mover, seq, 0, NULL, -1);
	if (watch_start(mover->watch) < 0)
		decider_kill(mover, "the kernel cannot be watched");
}

void command_link_set(struct mover *mover, uint32_t seq, const struct msg_link_set *message)
{
	char text[NL_SET_TEXT_MAX];
	int error = check_link_set(message, datapath_tun_name(mover->datapath), text);

	if (!error)
		error = nl_set_link(mover->netlink, message,
				    datapath_tun_index(mover->datapath), text);
	command_reply(mover, seq, error, text, -1);
}

static int take_room(struct mover *mover, enum quota_kind kind, char *ret_text)
{
	int error = quota_take(mover, kind);

	if (error)
		snprintf(ret_text, COMMAND_TEXT_MAX, "more than any configuration needs");
	return error;
}

void command_address_set(struct mover *mover, uint32_t seq, const struct msg_address_set *message)
{
	char text[NL_SET_TEXT_MAX];
	int error = check_address_set(message, datapath_tun_name(mover->datapath), text);

	if (!error && !message->remove)
		error = take_room(mover, QUOTA_ADDRESSES, text);
	if (!error)
		error = nl_set_address(mover->netlink, message,
				       datapath_tun_index(mover->datapath), text);
	command_reply(mover, seq, error, text, -1);
}

void command_route_set(struct mover *mover, uint32_t seq, const struct msg_route_set *message)
{
	char text[NL_SET_TEXT_MAX];
	int error = check_route_set(message, text);

	if (!error && !message->remove)
		error = take_room(mover, QUOTA_ROUTES, text);
	if (!error)
		error = nl_set_route(mover->netlink, message,
				     datapath_link_index(mover->datapath, message->oif), text);
	command_reply(mover, seq, error, text, -1);
}

void command_rule_set(struct mover *mover, uint32_t seq, const struct msg_rule_set *message)
{
	char text[NL_SET_TEXT_MAX];
	int error = check_rule_set(message, text);

	if (!error && !message->remove)
		error = take_room(mover, QUOTA_RULES, text);
	if (!error)
		error = nl_set_rule(mover->netlink, message, text);
	command_reply(mover, seq, error, text, -1);
}

void command_sysctl_get(struct mover *mover, uint32_t seq, const struct msg_sysctl_get *message)
{
	struct msg_sysctl_value reply = { 0 };
	uint8_t bytes[512];

	reply.error = errno_generic(sysctl_get(message->key, reply.value));
	decider_send(mover, bytes, msg_sysctl_value_encode(&reply, seq, bytes, sizeof(bytes)), -1);
}

/* What was found is put back also when the configuration does not name the interface any more. */
static bool may_settle(struct mover *mover, const char *name)
{
	size_t at = 0;

	if (!name[0] || strcmp(name, datapath_tun_name(mover->datapath)) == 0)
		return true;
	while (at < SETTLED_MAX && mover->settled[at][0] && strcmp(mover->settled[at], name) != 0)
		at++;
	if (at < SETTLED_MAX && mover->settled[at][0])
		return true;
	if (!words_name_interface(mover->config, mover->config_size, name))
		return false;
	if (at < SETTLED_MAX)
		snprintf(mover->settled[at], sizeof(mover->settled[at]), "%s", name);
	return true;
}

void command_sysctl_set(struct mover *mover, uint32_t seq, const struct msg_sysctl_set *message)
{
	char name[IFNAME_BYTES_MAX + 1];
	char text[COMMAND_TEXT_MAX];
	int error = -EPERM;

	if (sysctl_may_set(message->key, message->value, name) && may_settle(mover, name))
		error = sysctl_set(message->key, message->value);
	snprintf(text, sizeof(text), "%s: %s", message->key,
		 error == -EPERM ? "expected a key and a value on the mover's list, and an "
				   "interface that the configuration names" :
				   strerror(-error));
	command_reply(mover, seq, error, text, -1);
}

static void nft_applied(void *arg, uint32_t tag, const struct nft_result *result)
{
	command_reply(arg, tag, result->error, result->text, -1);
}

static int append_script(struct mover *mover, const struct msg_bytes *part)
{
	uint8_t *larger;

	if (part->size > NFT_SCRIPT_BYTES_MAX - mover->script_size)
		return -EFBIG;
	larger = realloc(mover->script, mover->script_size + part->size + 1);
	if (!larger)
		return -ENOMEM;
	if (part->size)
		memcpy(larger + mover->script_size, part->data, part->size);
	mover->script = larger;
	mover->script_size += part->size;
	return 0;
}

/* The script is handed on before the answer, so that the next one starts from nothing. */
static int apply_script(struct mover *mover, uint32_t seq, char *ret_text)
{
	struct nft_asker asker = { nft_applied, mover, seq };
	uint8_t *script = mover->script;
	size_t size = mover->script_size;
	struct nft_amounts amounts;
	int error = nft_check(script, size, &amounts, ret_text);

	if (error)
		return error;
	mover->script = NULL;
	mover->script_size = 0;
	return nft_apply(mover->nft, script, size, &amounts, &asker);
}

void command_nft_apply(struct mover *mover, uint32_t seq, const struct msg_nft_apply *message)
{
	char text[NFT_CHECK_TEXT_MAX] = "";
	int error = append_script(mover, &message->script);

	if (!error && message->last)
		error = apply_script(mover, seq, text);
	if (error) {
		free(mover->script);
		mover->script = NULL;
		mover->script_size = 0;
	}
	if (error || !message->last)
		command_reply(mover, seq, error, text, -1);
}

static void nft_listed(void *arg, uint32_t tag, const struct nft_result *result)
{
	static uint8_t bytes[MSG_BYTES_MAX];
	struct msg_nft_text part = { .error = errno_generic(result->error) };
	size_t sent = 0;

	do {
		size_t left = result->error ? 0 : result->output_size - sent;
		size_t size = left < MSG_NFT_TEXT_DATA_MAX ? left : MSG_NFT_TEXT_DATA_MAX;

		part.data = (struct msg_bytes){ result->output + sent, (uint32_t)size };
		part.last = size == left;
		sent += size;
		decider_send(arg, bytes, msg_nft_text_encode(&part, tag, bytes, sizeof(bytes)),
			     -1);
	} while (!part.last);
}

void command_nft_list(struct mover *mover, uint32_t seq, const struct msg_nft_list *message)
{
	struct nft_asker asker = { nft_listed, mover, seq };
	struct nft_result busy = { .text = "" };

	(void)message;
	decider_note(mover, DECIDER_INFORMED);
	busy.error = nft_list(mover->nft, &asker);
	if (busy.error)
		nft_listed(mover, seq, &busy);
}
