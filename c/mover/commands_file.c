#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../errno_generic.h"
#include "../log.h"
#include "../sys/sock.h"
#include "commands.h"

#define PORT_TCP_MIN 1024
#define PORT_DNS 53
#define PORT_NTP 123

/* The text decides which other files may be read, so it is kept as the decider gets to see it. */
static void keep_config(struct mover *mover)
{
	uint8_t *text = NULL;
	size_t size = 0;

	if (file_read_all(mover->options.config_path, &text, &size) < 0)
		return;
	free(mover->config);
	mover->config = text;
	mover->config_size = size;
}

/* The last line of PEM files with private keys, and thereby in every part with bytes of one. Of all
 * files that the configuration names only the mover needs those: a decider that was taken over
 * would give away who a gateway is, for as long as its key lives. */
static bool ends_private_key(const uint8_t *data, int length)
{
	static const char end[] = "PRIVATE KEY-----";

	return length > 0 && memmem(data, (size_t)length, end, sizeof(end) - 1) != NULL;
}

/* The beginning of PKCS #1, SEC 1 and PKCS #8 in DER (RFC 8017, 5915, 5958): a sequence that begins
 * with its version. No text has such bytes. */
static bool is_binary_key(const char *path)
{
	struct file_facts facts;
	uint8_t head[8];
	int length = file_read(path, 0, head, sizeof(head), &facts);

	return length == sizeof(head) && head[0] == 0x30 && memmem(head, sizeof(head), "\2\1", 2);
}

void command_file_read(struct mover *mover, uint32_t seq, const struct msg_file_read *message)
{
	static uint8_t data[MSG_FILE_DATA_DATA_MAX];
	static uint8_t bytes[MSG_BYTES_MAX];
	struct file_rules rules = command_file_rules(mover);
	struct msg_file_data reply = { .error = -EPERM };
	struct file_facts facts;
	int length;

	if (file_may_read(&rules, message->path)) {
		length = file_read(message->path, message->offset, data, sizeof(data), &facts);
		if (ends_private_key(data, length) || is_binary_key(message->path))
			length = -EPERM;
		reply.total = facts.total;
		reply.mode = facts.mode;
		reply.owner = facts.owner;
		reply.error = length < 0 ? length : 0;
		reply.data = (struct msg_bytes){ data, length < 0 ? 0 : (uint32_t)length };
	}
	if (!reply.error && message->offset == 0 &&
	    strcmp(message->path, mover->options.config_path) == 0)
		keep_config(mover);
	reply.error = errno_generic(reply.error);
	decider_send(mover, bytes, msg_file_data_encode(&reply, seq, bytes, sizeof(bytes)), -1);
}

static int refuse_path(struct mover *mover, uint32_t seq, const char *path, const char *expected)
{
	char text[COMMAND_TEXT_MAX + OPTIONS_PATH_MAX];

	snprintf(text, sizeof(text), "path: %s: expected a file below %s", path, expected);
	command_reply(mover, seq, -EPERM, text, -1);
	return -EPERM;
}

/* Adds to the parts that wait for the last one. */
static int add_part(struct file_part *part, const struct msg_file_write *message)
{
	size_t size = (size_t)message->offset + message->data.size;
	uint8_t *data;

	if (message->offset == 0) {
		part->size = 0;
		snprintf(part->path, sizeof(part->path), "%s", message->path);
	}
	if (message->offset != part->size || strcmp(part->path, message->path) != 0)
		return -EINVAL;
	data = realloc(part->data, size > 0 ? size : 1);
	if (!data)
		return -ENOMEM;
	if (message->data.size > 0)
		memcpy(data + part->size, message->data.data, message->data.size);
	part->data = data;
	part->size = size;
	return 0;
}

static void write_file(struct mover *mover, uint32_t seq, const char *path, unsigned int mode,
		       const uint8_t *data, size_t size)
{
	struct file_rules rules = command_file_rules(mover);

	if (file_is_state(&rules, path))
		writer_write(mover, seq, path, mode, data, size);
	else
		command_reply(mover, seq, file_write(path, mode, data, size), NULL, -1);
}

/* A file of one part does not disturb one of several. */
static void write_part(struct mover *mover, uint32_t seq, const struct msg_file_write *message)
{
	const struct msg_bytes *data = &message->data;
	struct file_part *part = &mover->part;
	int error = -EFBIG;

	if (message->offset == 0 && message->last && data->size <= FILE_WRITE_BYTES_MAX) {
		write_file(mover, seq, message->path, message->mode, data->data, data->size);
		return;
	}
	if (message->offset <= FILE_WRITE_BYTES_MAX - data->size)
		error = add_part(part, message);
	if (error || !message->last) {
		command_reply(mover, seq, error, NULL, -1);
		return;
	}
	write_file(mover, seq, part->path, message->mode, part->data, part->size);
	free(part->data);
	*part = (struct file_part){ 0 };
}

/* The directory is the owner's to make or to be made by us, with the first file in it. */
static int make_state_dir(const struct file_rules *rules, const char *path)
{
	return file_is_state(rules, path) ? file_make_directory(rules->state_dir, 0750) : 0;
}

void command_file_write(struct mover *mover, uint32_t seq, const struct msg_file_write *message)
{
	struct file_rules rules = command_file_rules(mover);
	int error;

	if (!file_may_write(&rules, message->path)) {
		refuse_path(mover, seq, message->path, "the run or state directory");
		return;
	}
	error = make_state_dir(&rules, message->path);
	if (error)
		command_reply(mover, seq, error, NULL, -1);
	else
		write_part(mover, seq, message);
}

static void remove_socket(struct mover *mover, uint32_t seq, const char *path)
{
	int error = sockets_remove(&mover->sockets, path);

	command_reply(mover, seq, error, error == -EPERM ? "a socket of another program" : NULL,
		      -1);
}

void command_file_remove(struct mover *mover, uint32_t seq, const struct msg_file_remove *message)
{
	struct file_rules rules = command_file_rules(mover);

	if (sockets_concern(&mover->sockets, message->path))
		remove_socket(mover, seq, message->path);
	else if (!file_may_write(&rules, message->path))
		refuse_path(mover, seq, message->path, "the run or state directory");
	else if (file_is_state(&rules, message->path))
		writer_remove(mover, seq, message->path);
	else
		command_reply(mover, seq, file_remove(message->path), NULL, -1);
}

/* `fd` is what a sock_ function returned. */
static void reply_socket(struct mover *mover, uint32_t seq, int fd, const char *text)
{
	command_reply(mover, seq, fd < 0 ? fd : 0, text, fd);
}

/* The socket may be anywhere that the configuration names. */
void command_listen_unix(struct mover *mover, uint32_t seq, const struct msg_listen_unix *message)
{
	struct file_rules rules = command_file_rules(mover);
	char text[SOCK_TEXT_MAX] = "";
	int fd = 0;

	if (!file_may_listen(&rules, message->path)) {
		refuse_path(mover, seq, message->path,
			    "the run directory, or one that the configuration names");
		return;
	}
	if (file_is_below(message->path, rules.run_dir))
		fd = file_check_room(message->path, 0);
	if (fd == 0)
		fd = sock_listen_unix(message->path, message->mode, text);
	if (fd >= 0)
		sockets_note(&mover->sockets, message->path);
	reply_socket(mover, seq, fd, text);
}

void command_listen_tcp(struct mover *mover, uint32_t seq, const struct msg_listen_tcp *message)
{
	char refusal[COMMAND_TEXT_MAX];
	char text[SOCK_TEXT_MAX];
	char port[16];

	snprintf(port, sizeof(port), "%u", message->port);
	if (message->addr.family == 0)
		command_reply(mover, seq,
			      command_refuse(refusal, "addr", "", "a local address"), refusal, -1);
	else if (message->port < PORT_TCP_MIN)
		command_reply(mover, seq, command_refuse(refusal, "port", port, "1024 to 65535"),
			      refusal, -1);
	else
		reply_socket(mover, seq, sock_listen_tcp(&message->addr, message->port, text),
			     text);
}

void command_connect_udp(struct mover *mover, uint32_t seq, const struct msg_connect_udp *message)
{
	struct sock_way way = { message->mark, message->device };
	char refusal[COMMAND_TEXT_MAX];
	char text[SOCK_TEXT_MAX];
	char port[16];

	snprintf(port, sizeof(port), "%u", message->port);
	if (message->addr.family == 0)
		command_reply(mover, seq, command_refuse(refusal, "addr", "", "an address"),
			      refusal, -1);
	else if (message->port != PORT_DNS && message->port != PORT_NTP)
		command_reply(mover, seq, command_refuse(refusal, "port", port, "53 or 123"),
			      refusal, -1);
	else
		reply_socket(mover, seq,
			     sock_connect_udp(&message->addr, message->port, &way, text), text);
}
