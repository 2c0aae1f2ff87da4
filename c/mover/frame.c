#include "frame.h"

#include <errno.h>
#include <stdbool.h>

#include "../check.h"

struct frame_rule {
	uint32_t size_min, size_max;
	uint8_t flags; /* those that are allowed */
};

static const struct frame_rule rules[] = {
	[FRAME_PACKET] = {20, FRAME_PACKET_MAX, FRAME_FLAG_CHECKSUM_OPEN},
	[FRAME_SEGMENTS] = {28, FRAME_PACKET_MAX, FRAME_FLAG_CHECKSUM_OPEN},
	[FRAME_KEEPALIVE] = {FRAME_STAMP_SIZE, FRAME_STAMP_SIZE, 0},
	[FRAME_ANSWER] = {FRAME_STAMP_SIZE, FRAME_STAMP_SIZE, 0},
	[FRAME_CONTROL] = {2, FRAME_CONTROL_MAX, 0},
	[FRAME_CLOSE] = {0, FRAME_REASON_MAX, 0},
};

static bool is_valid(const struct frame *frame)
{
	const struct frame_rule *rule = &rules[frame->type < ARRAY_SIZE(rules) ? frame->type : 0];

	if (frame->size < rule->size_min || frame->size > rule->size_max)
		return false;
	if ((frame->flags & ~rule->flags) != 0)
		return false;
	if (frame->type == FRAME_SEGMENTS)
		return frame->segment_size >= FRAME_SEGMENT_MIN &&
		       frame->flags == FRAME_FLAG_CHECKSUM_OPEN;
	return frame->type != 0 && frame->segment_size == 0;
}

void frame_write_header(uint8_t ret_header[static FRAME_HEADER_SIZE], enum frame_type type,
			uint8_t flags, uint16_t segment_size, size_t size)
{
	CHECK(is_valid(&(struct frame){(uint8_t)type, flags, segment_size, (uint32_t)size, NULL}));
	ret_header[0] = (uint8_t)type;
	ret_header[1] = flags;
	ret_header[2] = (uint8_t)(segment_size >> 8);
	ret_header[3] = (uint8_t)segment_size;
	ret_header[4] = (uint8_t)(size >> 24);
	ret_header[5] = (uint8_t)(size >> 16);
	ret_header[6] = (uint8_t)(size >> 8);
	ret_header[7] = (uint8_t)size;
}

int frame_parse(const uint8_t *data, size_t size, struct frame *ret_frame)
{
	ret_frame->size = 0;
	if (size < FRAME_HEADER_SIZE)
		return 0;
	ret_frame->type = data[0];
	ret_frame->flags = data[1];
	ret_frame->segment_size = (uint16_t)(data[2] << 8 | data[3]);
	ret_frame->size = (uint32_t)data[4] << 24 | (uint32_t)data[5] << 16 |
			  (uint32_t)data[6] << 8 | data[7];
	ret_frame->payload = data + FRAME_HEADER_SIZE;
	if (!is_valid(ret_frame))
		return -EPROTO;
	if (size - FRAME_HEADER_SIZE < ret_frame->size)
		return 0;
	return (int)(FRAME_HEADER_SIZE + ret_frame->size);
}
