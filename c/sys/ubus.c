#include "ubus.h"

#include <errno.h>
#include <string.h>

#include "blob_json.h"

#define VERSION 0

/* enum ubus_msg_attr */
enum ubus_attr {
	ATTR_STATUS = 1,
	ATTR_OBJPATH,
	ATTR_OBJID,
	ATTR_METHOD,
	ATTR_OBJTYPE,
	ATTR_SIGNATURE,
	ATTR_DATA,
	ATTR_TARGET,
	ATTR_ACTIVE,
	ATTR_NO_REPLY,
};

/* ------------------------------------------------------------------------------ reading */

int ubus_message_size(const uint8_t *bytes, size_t size)
{
	size_t length;

	if (size < UBUS_HEAD_BYTES)
		return 0;
	length = blob_get_u32(bytes + UBUS_HEADER_BYTES) & BLOB_BYTES_MAX;
	if (bytes[0] != VERSION || length < BLOB_HEADER_BYTES)
		return -EBADMSG;
	if (length > UBUS_MESSAGE_BYTES_MAX - UBUS_HEADER_BYTES)
		return -EMSGSIZE;
	return (int)(UBUS_HEADER_BYTES + length);
}

static int read_u32(const struct blob_attr *attr, uint32_t *ret_value)
{
	if (attr->size != 4)
		return -EBADMSG;
	*ret_value = blob_get_u32(attr->data);
	return 0;
}

static int read_attr(const struct blob_attr *attr, struct ubus_message *message)
{
	switch (attr->type) {
	case ATTR_STATUS:
		message->has_status = true;
		return read_u32(attr, &message->status);
	case ATTR_OBJID:
		return read_u32(attr, &message->object);
	case ATTR_METHOD:
		message->method = (const char *)attr->data;
		return blob_is_text(attr) ? 0 : -EBADMSG;
	case ATTR_DATA:
		message->data = attr->data;
		message->data_size = attr->size;
		return 0;
	case ATTR_ACTIVE:
		message->has_active = true;
		message->active = attr->size == 1 && attr->data[0];
		return attr->size == 1 ? 0 : -EBADMSG;
	default:
		return 0;
	}
}

int ubus_message_read(const uint8_t *bytes, size_t size, struct ubus_message *ret_message)
{
	struct blob_cursor cursor;
	struct blob_attr attr;
	int found = 0;

	if (size < UBUS_HEAD_BYTES || ubus_message_size(bytes, size) != (int)size)
		return -EBADMSG;
	cursor = (struct blob_cursor){ bytes + UBUS_HEAD_BYTES, size - UBUS_HEAD_BYTES };
	*ret_message = (struct ubus_message){
		.type = bytes[1],
		.seq = blob_get_u16(bytes + 2),
		.peer = blob_get_u32(bytes + 4),
	};
	while ((found = blob_next(&cursor, &attr)) > 0)
		if (read_attr(&attr, ret_message) < 0)
			return -EBADMSG;
	return found;
}

/* ------------------------------------------------------------------------------ writing */

/* A message that is being written: where it and its outer attribute begin. */
struct draft {
	size_t message;
	size_t outer;
};

static struct draft begin(struct blob_writer *out, enum ubus_type type, uint16_t seq,
			  uint32_t peer)
{
	struct draft draft = { .message = out->size };
	uint8_t header[UBUS_HEADER_BYTES] = { VERSION, (uint8_t)type };

	blob_set_u16(header + 2, seq);
	blob_set_u32(header + 4, peer);
	blob_put(out, header, sizeof(header));
	draft.outer = blob_begin(out, 0, NULL, 0);
	return draft;
}

/* Takes the message back if it failed: what waits before it must still leave. */
static int end(struct blob_writer *out, struct draft draft, int error)
{
	blob_end(out, draft.outer);
	if (!error)
		error = out->error;
	if (!error && out->size - draft.message > UBUS_MESSAGE_BYTES_MAX)
		error = -EMSGSIZE;
	if (error)
		out->size = draft.message;
	out->error = 0;
	return error;
}

static int put_json(struct blob_writer *out, const uint8_t *json, size_t size)
{
	size_t data = blob_begin(out, ATTR_DATA, NULL, 0);
	int error = blob_from_json(json, size, out);

	if (!error)
		blob_end(out, data);
	return error;
}

int ubus_add_object(struct blob_writer *out, uint16_t seq, const char *object,
		    const struct blob_writer *methods)
{
	struct draft draft = begin(out, UBUS_ADD_OBJECT, seq, 0);
	size_t signature;

	blob_add_text(out, ATTR_OBJPATH, object);
	signature = blob_begin(out, ATTR_SIGNATURE, NULL, 0);
	blob_put(out, methods->data, methods->size);
	blob_end(out, signature);
	return end(out, draft, 0);
}

int ubus_add_data(struct blob_writer *out, uint16_t seq, uint32_t peer, uint32_t object,
		  const uint8_t *json, size_t size)
{
	struct draft draft = begin(out, UBUS_DATA, seq, peer);

	blob_add_u32(out, ATTR_OBJID, object);
	return end(out, draft, put_json(out, json, size));
}

int ubus_add_status(struct blob_writer *out, uint16_t seq, uint32_t peer, uint32_t object,
		    uint32_t status)
{
	struct draft draft = begin(out, UBUS_STATUS, seq, peer);

	blob_add_u32(out, ATTR_STATUS, status);
	blob_add_u32(out, ATTR_OBJID, object);
	return end(out, draft, 0);
}

int ubus_add_ping(struct blob_writer *out, uint16_t seq)
{
	return end(out, begin(out, UBUS_PING, seq, 0), 0);
}

int ubus_add_notification(struct blob_writer *out, uint16_t seq, uint32_t object,
			  const char *kind, const uint8_t *json, size_t size)
{
	struct draft draft = begin(out, UBUS_NOTIFY, seq, 0);
	size_t no_reply;

	blob_add_u32(out, ATTR_OBJID, object);
	blob_add_text(out, ATTR_METHOD, kind);
	no_reply = blob_begin(out, ATTR_NO_REPLY, NULL, 0);
	blob_put(out, "\1", 1);
	blob_end(out, no_reply);
	return end(out, draft, put_json(out, json, size));
}
