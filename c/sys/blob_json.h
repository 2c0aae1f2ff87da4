/* Tables of blobmsg as JSON text (RFC 8259) and back, as blobmsg_json.c of libubox does it, but
 * strict: nested at most BLOB_JSON_DEPTH_MAX deep, texts are UTF-8. Pure. */
#ifndef ADIT_SYS_BLOB_JSON_H
#define ADIT_SYS_BLOB_JSON_H

#include "blob.h"

/* Arrays and tables within each other, the outermost one included. */
#define BLOB_JSON_DEPTH_MAX 16

/* Appends the members of a table, given as attributes, as one JSON object. 0, -EBADMSG if they are
 * malformed, nested too deep or not to be said in JSON (infinity), or the writer's error. */
int blob_to_json(const uint8_t *attrs, size_t size, struct blob_writer *json);

/* Appends the members of a JSON object as named attributes. Whole numbers become 32 or 64 bits as
 * they need, all others doubles; NUL and lone surrogates become U+FFFD. 0, -EINVAL if the text is
 * no JSON object, nested too deep or has a number that no double holds, or the writer's error. */
int blob_from_json(const uint8_t *json, size_t size, struct blob_writer *attrs);

#endif
