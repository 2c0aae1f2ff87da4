/* Messages of ubusd (ubusmsg.h and ubusd_proto.c of ubus) as far as one object on the bus needs
 * them: a header of eight bytes, then one attribute that holds the others. Pure. */
#ifndef ADIT_SYS_UBUS_H
#define ADIT_SYS_UBUS_H

#include "blob.h"

#define UBUS_HEADER_BYTES 8
/* Header and the head of the outer attribute: what tells the length of a message. */
#define UBUS_HEAD_BYTES (UBUS_HEADER_BYTES + BLOB_HEADER_BYTES)
/* UBUS_MAX_MSGLEN bounds the outer attribute. */
#define UBUS_MESSAGE_BYTES_MAX (UBUS_HEADER_BYTES + (1 << 20))

/* enum ubus_msg_type */
enum ubus_type {
	UBUS_HELLO,
	UBUS_STATUS,
	UBUS_DATA,
	UBUS_PING,
	UBUS_LOOKUP,
	UBUS_INVOKE,
	UBUS_ADD_OBJECT,
	UBUS_REMOVE_OBJECT,
	UBUS_SUBSCRIBE,
	UBUS_UNSUBSCRIBE,
	UBUS_NOTIFY,
};

/* enum ubus_msg_status */
enum ubus_status {
	UBUS_STATUS_OK = 0,
	UBUS_STATUS_INVALID_ARGUMENT = 2,
	UBUS_STATUS_METHOD_NOT_FOUND = 3,
	UBUS_STATUS_NOT_FOUND = 4,
	UBUS_STATUS_TIMEOUT = 7,
	UBUS_STATUS_UNKNOWN_ERROR = 9,
	UBUS_STATUS_CONNECTION_FAILED = 10,
};

/* A message that came; texts and data are borrowed from its bytes. */
struct ubus_message {
	unsigned int type;
	uint16_t seq;
	uint32_t peer;
	uint32_t object; /* 0 if it names none */
	bool has_status;
	uint32_t status;
	bool has_active;
	bool active;
	const char *method; /* NULL if it names none */
	const uint8_t *data; /* attributes of a table, NULL if there are none */
	size_t data_size;
};

/* Bytes of the message that begins here, 0 while fewer than UBUS_HEAD_BYTES are there. -EBADMSG if
 * it is none, -EMSGSIZE above UBUS_MESSAGE_BYTES_MAX. */
int ubus_message_size(const uint8_t *bytes, size_t size);
/* Reads a whole message. Attributes that nobody needs here are passed over. 0 or -EBADMSG. */
int ubus_message_read(const uint8_t *bytes, size_t size, struct ubus_message *ret_message);

/* Each appends one message to a writer whose size is a multiple of four; on failure the writer
 * holds what it held, its error cleared. JSON texts are objects; 0, -EINVAL if one is none,
 * -EMSGSIZE if the message is too long for ubusd or the writer, -ENOMEM. */

/* Offers an object; `methods` are the attributes of its signature (blob_from_json). */
int ubus_add_object(struct blob_writer *out, uint16_t seq, const char *object,
		    const struct blob_writer *methods);
/* The data of an answer, which a status follows. */
int ubus_add_data(struct blob_writer *out, uint16_t seq, uint32_t peer, uint32_t object,
		  const uint8_t *json, size_t size);
int ubus_add_status(struct blob_writer *out, uint16_t seq, uint32_t peer, uint32_t object,
		    uint32_t status);
/* A question that ubusd itself answers, with data. */
int ubus_add_ping(struct blob_writer *out, uint16_t seq);
/* A notification that nobody answers. */
int ubus_add_notification(struct blob_writer *out, uint16_t seq, uint32_t object,
			  const char *kind, const uint8_t *json, size_t size);

#endif
