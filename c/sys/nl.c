#include "nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#define ALIGN4(length) (((length) + 3) & ~(size_t)3)

/* NLMSG_ERROR without NLM_F_CAPPED carries the request between the error and the attributes. */
#define ERROR_HEADER_BYTES (sizeof(int32_t) + sizeof(struct nlmsghdr))

static void *reserve(struct nl_builder *builder, size_t length)
{
	uint8_t *at = builder->bytes + builder->length;

	if (builder->overflow || ALIGN4(length) > builder->capacity - builder->length) {
		builder->overflow = true;
		return NULL;
	}
	memset(at, 0, ALIGN4(length));
	builder->length += ALIGN4(length);
	return at;
}

void nl_begin(struct nl_builder *builder, void *buffer, size_t capacity, uint16_t type,
	      uint16_t flags)
{
	struct nlmsghdr *header;

	*builder = (struct nl_builder){ .bytes = buffer, .capacity = capacity & ~(size_t)3 };
	header = reserve(builder, sizeof(*header));
	if (!header)
		return;
	header->nlmsg_type = type;
	header->nlmsg_flags = flags | NLM_F_REQUEST;
}

void *nl_put_header(struct nl_builder *builder, size_t length)
{
	return reserve(builder, length);
}

void nl_put(struct nl_builder *builder, uint16_t type, const void *data, size_t length)
{
	struct nlattr *attr;

	if (length > UINT16_MAX - NLA_HDRLEN) {
		builder->overflow = true;
		return;
	}
	attr = reserve(builder, NLA_HDRLEN + length);
	if (!attr)
		return;
	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + length);
	if (length)
		memcpy((uint8_t *)attr + NLA_HDRLEN, data, length);
}

void nl_put_u8(struct nl_builder *builder, uint16_t type, uint8_t value)
{
	nl_put(builder, type, &value, sizeof(value));
}

void nl_put_u32(struct nl_builder *builder, uint16_t type, uint32_t value)
{
	nl_put(builder, type, &value, sizeof(value));
}

void nl_put_text(struct nl_builder *builder, uint16_t type, const char *text)
{
	nl_put(builder, type, text, strlen(text) + 1);
}

void nl_put_ip(struct nl_builder *builder, uint16_t type, const struct inet_ip *ip)
{
	nl_put(builder, type, ip->bytes, ip->family == 4 ? 4 : 16);
}

size_t nl_nest_begin(struct nl_builder *builder, uint16_t type)
{
	size_t start = builder->length;

	nl_put(builder, type | NLA_F_NESTED, NULL, 0);
	return start;
}

void nl_nest_end(struct nl_builder *builder, size_t start)
{
	size_t length = builder->length - start;

	if (length > UINT16_MAX)
		builder->overflow = true;
	if (!builder->overflow)
		((struct nlattr *)(builder->bytes + start))->nla_len = (uint16_t)length;
}

int nl_end(struct nl_builder *builder)
{
	if (builder->overflow)
		return -EMSGSIZE;
	((struct nlmsghdr *)builder->bytes)->nlmsg_len = (uint32_t)builder->length;
	return (int)builder->length;
}

static void skip(struct nl_cursor *cursor, size_t length)
{
	if (ALIGN4(length) >= cursor->left) {
		cursor->data += cursor->left;
		cursor->left = 0;
	} else {
		cursor->data += ALIGN4(length);
		cursor->left -= ALIGN4(length);
	}
}

int nl_next(struct nl_cursor *cursor, struct nl_message *ret_message)
{
	struct nlmsghdr header;

	if (cursor->left == 0)
		return 0;
	if (cursor->left < sizeof(header))
		return -EBADMSG;
	memcpy(&header, cursor->data, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > cursor->left)
		return -EBADMSG;
	*ret_message = (struct nl_message){
		.type = header.nlmsg_type,
		.flags = header.nlmsg_flags,
		.sequence = header.nlmsg_seq,
		.payload = cursor->data + sizeof(header),
		.length = header.nlmsg_len - sizeof(header),
	};
	skip(cursor, header.nlmsg_len);
	return 1;
}

int nl_attr_next(struct nl_cursor *cursor, struct nl_attr *ret_attr)
{
	struct nlattr header;

	if (cursor->left == 0)
		return 0;
	if (cursor->left < sizeof(header))
		return -EBADMSG;
	memcpy(&header, cursor->data, sizeof(header));
	if (header.nla_len < sizeof(header) || header.nla_len > cursor->left)
		return -EBADMSG;
	*ret_attr = (struct nl_attr){
		.type = header.nla_type & NLA_TYPE_MASK,
		.data = cursor->data + sizeof(header),
		.length = header.nla_len - sizeof(header),
	};
	skip(cursor, header.nla_len);
	return 1;
}

int nl_attrs(struct nl_cursor cursor, struct nl_attr *ret_table, size_t count)
{
	struct nl_attr attr;
	int result;

	memset(ret_table, 0, count * sizeof(*ret_table));
	while ((result = nl_attr_next(&cursor, &attr)) > 0)
		if (attr.type < count)
			ret_table[attr.type] = attr;
	return result;
}

int nl_body(const struct nl_message *message, size_t header_length, struct nl_cursor *ret_cursor)
{
	*ret_cursor = (struct nl_cursor){ message->payload, message->length };
	if (message->length < header_length)
		return -EBADMSG;
	skip(ret_cursor, header_length);
	return 0;
}

uint8_t nl_u8(const struct nl_attr *attr, uint8_t fallback)
{
	return attr->data && attr->length >= 1 ? attr->data[0] : fallback;
}

uint32_t nl_u32(const struct nl_attr *attr, uint32_t fallback)
{
	uint32_t value = fallback;

	if (attr->data && attr->length >= sizeof(value))
		memcpy(&value, attr->data, sizeof(value));
	return value;
}

void nl_text(const struct nl_attr *attr, char *ret_text, size_t size)
{
	size_t length = attr->data ? strnlen((const char *)attr->data, attr->length) : 0;

	if (length > size - 1)
		length = size - 1;
	if (length)
		memcpy(ret_text, attr->data, length);
	ret_text[length] = '\0';
}

bool nl_ip(const struct nl_attr *attr, struct inet_ip *ret_ip)
{
	memset(ret_ip, 0, sizeof(*ret_ip));
	if (!attr->data || (attr->length != 4 && attr->length != 16))
		return false;
	ret_ip->family = attr->length == 4 ? 4 : 6;
	memcpy(ret_ip->bytes, attr->data, attr->length);
	return true;
}

/* The request that an error quotes ends where the attributes begin. */
static size_t error_attrs_offset(const struct nl_message *message)
{
	struct nlmsghdr request;

	if (message->type == NLMSG_DONE)
		return sizeof(int32_t);
	if (message->flags & NLM_F_CAPPED)
		return ERROR_HEADER_BYTES;
	memcpy(&request, message->payload + sizeof(int32_t), sizeof(request));
	return sizeof(int32_t) + ALIGN4((size_t)request.nlmsg_len);
}

int nl_error(const struct nl_message *message, char *ret_text, size_t size)
{
	size_t header = message->type == NLMSG_DONE ? sizeof(int32_t) : ERROR_HEADER_BYTES;
	struct nl_attr attrs[NLMSGERR_ATTR_MSG + 1];
	struct nl_cursor cursor;
	int32_t error;

	ret_text[0] = '\0';
	if (message->type == NLMSG_DONE && message->length < header)
		return 0;
	if (message->length < header)
		return -EBADMSG;
	memcpy(&error, message->payload, sizeof(error));
	if ((message->flags & NLM_F_ACK_TLVS) &&
	    nl_body(message, error_attrs_offset(message), &cursor) == 0 &&
	    nl_attrs(cursor, attrs, NLMSGERR_ATTR_MSG + 1) == 0)
		nl_text(&attrs[NLMSGERR_ATTR_MSG], ret_text, size);
	return error > 0 || error < -4095 ? -EBADMSG : error;
}
