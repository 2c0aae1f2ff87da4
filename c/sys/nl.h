/* Netlink messages: building them and reading them with every length checked. Pure: no socket. The
 * layout is that of linux/netlink.h. */
#ifndef ADIT_SYS_NL_H
#define ADIT_SYS_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../inet.h"

/* A message being built in a buffer of the caller's. Writing past the end is remembered and
 * reported by nl_end, so that callers need not check every step. */
struct nl_builder {
	uint8_t *bytes; /* aligned to 4 */
	size_t capacity;
	size_t length;
	bool overflow;
};

/* Starts a message; `flags` get NLM_F_REQUEST added. */
void nl_begin(struct nl_builder *builder, void *buffer, size_t capacity, uint16_t type,
	      uint16_t flags);
/* Reserves a zeroed family header after the netlink header; NULL if it does not fit. */
void *nl_put_header(struct nl_builder *builder, size_t length);
void nl_put(struct nl_builder *builder, uint16_t type, const void *data, size_t length);
void nl_put_u8(struct nl_builder *builder, uint16_t type, uint8_t value);
void nl_put_u32(struct nl_builder *builder, uint16_t type, uint32_t value);
/* With the NUL that the kernel expects. */
void nl_put_text(struct nl_builder *builder, uint16_t type, const char *text);
void nl_put_ip(struct nl_builder *builder, uint16_t type, const struct inet_ip *ip);
/* Opens a nested attribute and returns its offset for nl_nest_end. */
size_t nl_nest_begin(struct nl_builder *builder, uint16_t type);
void nl_nest_end(struct nl_builder *builder, size_t start);
/* Fills in the length. The message's length or -EMSGSIZE. */
int nl_end(struct nl_builder *builder);

/* Bytes that are still to be read. */
struct nl_cursor {
	const uint8_t *data;
	size_t left;
};

struct nl_message {
	uint16_t type;
	uint16_t flags;
	uint32_t sequence;
	const uint8_t *payload;
	size_t length; /* of the payload */
};

struct nl_attr {
	uint16_t type; /* without the nested and byte order bits; 0 if absent in a table */
	const uint8_t *data; /* NULL if absent in a table */
	size_t length;
};

/* Takes the next message of a datagram: 1, 0 at the end, -EBADMSG if a length is wrong. */
int nl_next(struct nl_cursor *cursor, struct nl_message *ret_message);
/* Takes the next attribute: 1, 0 at the end, -EBADMSG if a length is wrong. */
int nl_attr_next(struct nl_cursor *cursor, struct nl_attr *ret_attr);
/* Sorts attributes by type into `ret_table`; types from `count` on are left out, of equal ones the
 * last stays. 0 or -EBADMSG. */
int nl_attrs(struct nl_cursor cursor, struct nl_attr *ret_table, size_t count);
/* The attributes after a family header of `header_length` bytes. -EBADMSG if it is shorter. */
int nl_body(const struct nl_message *message, size_t header_length, struct nl_cursor *ret_cursor);

/* Values; `fallback` if the attribute is absent or shorter than the type. */
uint8_t nl_u8(const struct nl_attr *attr, uint8_t fallback);
uint32_t nl_u32(const struct nl_attr *attr, uint32_t fallback);
/* Copies a text that may lack its NUL; cut to `size` - 1 bytes, empty if absent. */
void nl_text(const struct nl_attr *attr, char *ret_text, size_t size);
/* True and the address if the attribute holds 4 or 16 bytes; else family 0. */
bool nl_ip(const struct nl_attr *attr, struct inet_ip *ret_ip);

/* Reads NLMSG_ERROR or NLMSG_DONE: 0 or the negative errno within. `ret_text` gets the kernel's
 * explanation (NLMSGERR_ATTR_MSG), empty if there is none. */
int nl_error(const struct nl_message *message, char *ret_text, size_t size);

#endif
