/* The frames inside a tunnel's TLS stream: see docs/protocol.md. Pure: bytes in, values out. */
#ifndef ADIT_MOVER_FRAME_H
#define ADIT_MOVER_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_SIZE 8
/* An IPv6 packet with the largest payload length. */
#define FRAME_PACKET_MAX (40 + 65535)
#define FRAME_CONTROL_MAX 4096
#define FRAME_REASON_MAX 128
#define FRAME_STAMP_SIZE 8
#define FRAME_SEGMENT_MIN 32 /* smaller segments are never worth a batch */

enum frame_type {
	FRAME_PACKET = 1,    /* one IP packet */
	FRAME_SEGMENTS = 2,  /* consecutive TCP or UDP segments under one header */
	FRAME_KEEPALIVE = 3, /* 8 opaque bytes */
	FRAME_ANSWER = 4,    /* the 8 bytes of a keepalive */
	FRAME_CONTROL = 5,   /* JSON text */
	FRAME_CLOSE = 6,     /* reason, UTF-8 */
};

/* The transport checksum is not filled in; always set on FRAME_SEGMENTS. */
#define FRAME_FLAG_CHECKSUM_OPEN 0x01

struct frame {
	uint8_t type;
	uint8_t flags;
	uint16_t segment_size;	/* transport payload of each segment but the last; 0 unless segments
				 */
	uint32_t size;		/* of the payload */
	const uint8_t *payload; /* borrowed from the parsed bytes */
};

/* Writes the header of a frame; fields must be in their ranges (asserted). */
void frame_write_header(uint8_t ret_header[static FRAME_HEADER_SIZE], enum frame_type type,
			uint8_t flags, uint16_t segment_size, size_t size);

/* Looks at the first frame of `data`. Returns the bytes it takes, 0 when more are needed (then
 * `ret_frame->size` is valid once FRAME_HEADER_SIZE bytes are there, else 0), or -EPROTO. */
int frame_parse(const uint8_t *data, size_t size, struct frame *ret_frame);

#endif
