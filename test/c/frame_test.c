#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "mover/frame.h"
#include "test.h"

#define STREAM_MAX 4096

/* What came out of a stream, as bytes that can be compared. */
struct trace {
	size_t size;
	uint8_t data[STREAM_MAX];
};

static void note(struct trace *trace, const struct frame *frame)
{
	uint8_t head[4] = {frame->type, frame->flags, (uint8_t)(frame->segment_size >> 8),
			   (uint8_t)frame->segment_size};

	memcpy(trace->data + trace->size, head, sizeof(head));
	memcpy(trace->data + trace->size + sizeof(head), frame->payload, frame->size);
	trace->size += sizeof(head) + frame->size;
}

static size_t add_frame(uint8_t *stream, size_t at, enum frame_type type, uint8_t flags,
			uint16_t segment_size, size_t size)
{
	frame_write_header(stream + at, type, flags, segment_size, size);
	for (size_t i = 0; i < size; i++)
		stream[at + FRAME_HEADER_SIZE + i] = (uint8_t)(at + i * 7);
	return at + FRAME_HEADER_SIZE + size;
}

static size_t make_stream(uint8_t *stream)
{
	size_t size = 0;

	size = add_frame(stream, size, FRAME_CONTROL, 0, 0, 100);
	size = add_frame(stream, size, FRAME_PACKET, 0, 0, 20);
	size = add_frame(stream, size, FRAME_KEEPALIVE, 0, 0, 8);
	size = add_frame(stream, size, FRAME_SEGMENTS, FRAME_FLAG_CHECKSUM_OPEN, 64, 300);
	size = add_frame(stream, size, FRAME_PACKET, FRAME_FLAG_CHECKSUM_OPEN, 0, 257);
	size = add_frame(stream, size, FRAME_ANSWER, 0, 0, 8);
	size = add_frame(stream, size, FRAME_CLOSE, 0, 0, 0);
	return add_frame(stream, size, FRAME_CLOSE, 0, 0, 128);
}

/* Feeds the stream in pieces as a session does: what is incomplete stays in front. */
static void parse_pieces(const uint8_t *stream, const size_t *pieces, size_t count,
			 struct trace *ret_trace)
{
	static uint8_t buffer[STREAM_MAX];
	size_t held = 0;

	ret_trace->size = 0;
	for (size_t i = 0; i < count; i++) {
		struct frame frame;
		size_t at = 0;
		int taken;

		memcpy(buffer + held, stream, pieces[i]);
		held += pieces[i];
		stream += pieces[i];
		while ((taken = frame_parse(buffer + at, held - at, &frame)) > 0) {
			note(ret_trace, &frame);
			at += (size_t)taken;
		}
		EXPECT_EQUAL(taken, 0);
		memmove(buffer, buffer + at, held - at);
		held -= at;
	}
	EXPECT_EQUAL(held, 0);
}

static int is_same(const struct trace *a, const struct trace *b)
{
	return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void every_split_point_gives_the_same_frames(void)
{
	static struct trace whole, split;
	uint8_t stream[STREAM_MAX];
	size_t size = make_stream(stream);
	int different = 0;

	parse_pieces(stream, &size, 1, &whole);
	EXPECT(whole.size > 800);
	for (size_t at = 0; at <= size; at++) {
		parse_pieces(stream, (size_t[]){at, size - at}, 2, &split);
		different += !is_same(&whole, &split);
	}
	EXPECT_EQUAL(different, 0);
}

static void random_segmentations_give_the_same_frames(void)
{
	static struct trace whole, split;
	static size_t pieces[STREAM_MAX];
	uint8_t stream[STREAM_MAX];
	size_t size = make_stream(stream);
	unsigned seed = 1;
	int different = 0;

	parse_pieces(stream, &size, 1, &whole);
	for (int i = 0; i < 10000; i++) {
		size_t count = 0, largest = 1 + (size_t)rand_r(&seed) % 200;

		for (size_t left = size; left > 0; count++) {
			pieces[count] = 1 + (size_t)rand_r(&seed) % largest;
			pieces[count] = pieces[count] < left ? pieces[count] : left;
			left -= pieces[count];
		}
		parse_pieces(stream, pieces, count, &split);
		different += !is_same(&whole, &split);
	}
	EXPECT_EQUAL(different, 0);
}

static int parse_header(uint8_t type, uint8_t flags, uint16_t segment_size, uint32_t size)
{
	static uint8_t data[FRAME_HEADER_SIZE + 200000];
	struct frame frame;
	uint8_t header[FRAME_HEADER_SIZE] = {type,
					     flags,
					     (uint8_t)(segment_size >> 8),
					     (uint8_t)segment_size,
					     (uint8_t)(size >> 24),
					     (uint8_t)(size >> 16),
					     (uint8_t)(size >> 8),
					     (uint8_t)size};

	memcpy(data, header, sizeof(header));
	return frame_parse(data, sizeof(data), &frame);
}

static void limits_are_kept(void)
{
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 0, 20), 28);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 0, 19), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 0, FRAME_PACKET_MAX), 8 + FRAME_PACKET_MAX);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 0, FRAME_PACKET_MAX + 1), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 0, 0xffffffff), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 2, 0, 20), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_PACKET, 0, 1, 20), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_SEGMENTS, 1, 32, 28), 36);
	EXPECT_EQUAL(parse_header(FRAME_SEGMENTS, 1, 31, 28), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_SEGMENTS, 0, 32, 28), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_SEGMENTS, 1, 32, 27), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_KEEPALIVE, 0, 0, 8), 16);
	EXPECT_EQUAL(parse_header(FRAME_KEEPALIVE, 0, 0, 9), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_ANSWER, 0, 0, 7), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_CONTROL, 0, 0, 1), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_CONTROL, 0, 0, 4096), 4104);
	EXPECT_EQUAL(parse_header(FRAME_CONTROL, 0, 0, 4097), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_CLOSE, 0, 0, 128), 136);
	EXPECT_EQUAL(parse_header(FRAME_CLOSE, 0, 0, 129), -EPROTO);
	EXPECT_EQUAL(parse_header(FRAME_CLOSE, 1, 0, 0), -EPROTO);
	EXPECT_EQUAL(parse_header(0, 0, 0, 0), -EPROTO);
	EXPECT_EQUAL(parse_header(7, 0, 0, 8), -EPROTO);
	EXPECT_EQUAL(parse_header(255, 255, 0, 8), -EPROTO);
}

/* A header is refused as soon as it is there, however long the frame claims to be. */
static void bad_headers_are_refused_without_their_payload(void)
{
	uint8_t data[FRAME_HEADER_SIZE] = {FRAME_PACKET, 0, 0, 0, 0x7f, 0, 0, 0};
	struct frame frame;

	EXPECT_EQUAL(frame_parse(data, sizeof(data) - 1, &frame), 0);
	EXPECT_EQUAL(frame_parse(data, sizeof(data), &frame), -EPROTO);
}

int main(void)
{
	every_split_point_gives_the_same_frames();
	random_segmentations_give_the_same_frames();
	limits_are_kept();
	bad_headers_are_refused_without_their_payload();
	return test_summary();
}
