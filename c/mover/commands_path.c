#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../errno_generic.h"
#include "../build_features.h"
#include "../log.h"
#include "../sys/ifname.h"
#include "commands.h"
#include "words.h"

#define OPENED_BYTES 512

void command_tun_open(struct mover *mover, uint32_t seq, const struct msg_tun_open *message)
{
	struct msg_tun_opened reply = { 0 };
	uint8_t bytes[OPENED_BYTES];

	if (ifname_is_valid(message->name))
		reply.error = datapath_tun_open(mover->datapath, message, &reply);
	else
		reply.error = command_refuse(reply.text, "name", message->name,
					     "an interface name");
	reply.error = errno_generic(reply.error);
	decider_send(mover, bytes, msg_tun_opened_encode(&reply, seq, bytes, sizeof(bytes)), -1);
}

void command_tun_close(struct mover *mover, uint32_t seq, const struct msg_tun_close *message)
{
	(void)message;
	command_reply(mover, seq, datapath_tun_close(mover->datapath), NULL, -1);
}

static int check_forward_set(const struct msg_forward_set *message, char *ret_text)
{
	char text[INET_TEXT_MAX];

	for (size_t i = 0; i < message->entries_count; i++) {
		inet_prefix_text(&message->entries[i].prefix, text);
		if (!inet_prefix_is_network(&message->entries[i].prefix))
			return command_refuse(ret_text, "prefix", text,
					      "a prefix without host bits");
		if (message->entries[i].slot == 0)
			return command_refuse(ret_text, "slot", "0", "a number from 1");
	}
	return 0;
}

void command_forward_set(struct mover *mover, uint32_t seq, const struct msg_forward_set *message)
{
	char text[COMMAND_TEXT_MAX] = "";
	int error = check_forward_set(message, text);

	if (!error)
		error = datapath_forward_set(mover->datapath, message);
	command_reply(mover, seq, error, text, -1);
}

static int check_file(const struct mover *mover, const char *field, const char *path,
		      char *ret_text)
{
	struct file_rules rules = command_file_rules(mover);

	if (file_may_read(&rules, path))
		return 0;
	command_refuse(ret_text, field, path, "a file that the configuration names");
	return -EPERM;
}

/* Only what root wrote is parsed, by this process and while no packet moves; what the decider may
 * write is root's too. */
static int check_authorities(const struct mover *mover, const char *path, char *ret_text)
{
	struct file_rules rules = command_file_rules(mover);
	struct stat stat_of;

	if (!file_may_write(&rules, path) && file_may_read(&rules, path) &&
	    stat(path, &stat_of) == 0 && stat_of.st_uid == 0 &&
	    !(stat_of.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	command_refuse(ret_text, "ca_file", path,
		       "a file that the configuration names and only root writes");
	return -EPERM;
}

/* Somebody on the router or beside it is dialled only if the owner wrote his address. */
static int check_peer(const struct mover *mover, const struct inet_ip *peer, char *ret_text)
{
	char text[INET_TEXT_MAX];

	if (words_none_needed(peer) || words_name_peer(mover->config, mover->config_size, peer))
		return 0;
	inet_ip_text(peer, text);
	command_refuse(ret_text, "peer", text,
		       "an address of the internet, or one that the configuration names");
	return -EPERM;
}

void command_session_open(struct mover *mover, uint32_t seq,
			  const struct msg_session_open *message)
{
	struct msg_session_opened reply = { 0 };
	char text[COMMAND_TEXT_MAX] = "";
	uint8_t bytes[OPENED_BYTES];

	reply.error = check_session_open(message, text);
	if (!reply.error)
		reply.error = check_peer(mover, &message->peer, text);
	if (!reply.error && message->ca_file[0])
		reply.error = check_authorities(mover, message->ca_file, text);
	if (!reply.error)
		reply.error = datapath_session_open(mover->datapath, message, &reply.session);
	if (reply.error)
		log_warning("session_open for %s: %s", message->name,
			    text[0] ? text : strerror(-reply.error));
	reply.error = errno_generic(reply.error);
	decider_send(mover, bytes, msg_session_opened_encode(&reply, seq, bytes, sizeof(bytes)),
		     -1);
}

void command_session_close(struct mover *mover, uint32_t seq,
			   const struct msg_session_close *message)
{
	command_reply(mover, seq, datapath_session_close(mover->datapath, message), NULL, -1);
}

void command_session_start(struct mover *mover, uint32_t seq,
			   const struct msg_session_start *message)
{
	command_reply(mover, seq, datapath_session_start(mover->datapath, message), NULL, -1);
}

void command_session_send(struct mover *mover, uint32_t seq,
			  const struct msg_session_send *message)
{
	command_reply(mover, seq, datapath_session_send(mover->datapath, message), NULL, -1);
}

void command_listen(struct mover *mover, uint32_t seq, const struct msg_listen *message)
{
	static char text[MSG_RESULT_TEXT_MAX + 1];
	int error = 0;

	text[0] = '\0';
	if (!ADIT_HAS_GATEWAY) {
		command_reply(mover, seq, -EOPNOTSUPP, "this build has no gateway", -1);
		return;
	}
	if (message->addr.family == 0)
		error = command_refuse(text, "addr", "", "a local address");
	else if (message->port == 0)
		error = command_refuse(text, "port", "0", "1 to 65535");
	if (!error)
		error = check_file(mover, "cert_file", message->cert_file, text);
	if (!error)
		error = check_file(mover, "key_file", message->key_file, text);
	if (!error)
		error = datapath_listen(mover->datapath, message, text);
	command_reply(mover, seq, error, text, -1);
}

void command_unlisten(struct mover *mover, uint32_t seq, const struct msg_unlisten *message)
{
	command_reply(mover, seq, datapath_unlisten(mover->datapath, message), NULL, -1);
}

void command_stats_get(struct mover *mover, uint32_t seq, const struct msg_stats_get *message)
{
	static uint8_t bytes[MSG_BYTES_MAX];
	struct msg_stats stats = { 0 };

	(void)message;
	if (datapath_stats(mover->datapath, &stats) == 0) {
		stats.uptime_ms = (loop_now_us(mover->loop) - mover->started_us) / 1000;
		decider_send(mover, bytes, msg_stats_encode(&stats, seq, bytes, sizeof(bytes)),
			     -1);
	}
	msg_stats_clear(&stats);
}
