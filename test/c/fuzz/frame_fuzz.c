/* Any bytes as a tunnel's plaintext: the frames do not depend on how the bytes arrive, every
 * accepted frame keeps its limits, and writing its header again gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mover/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const struct frame *frame, const uint8_t *bytes)
{
	uint8_t header[FRAME_HEADER_SIZE];

	CHECK(frame->size <= FRAME_PACKET_MAX);
	CHECK(frame->payload == bytes + FRAME_HEADER_SIZE);
	frame_write_header(header, frame->type, frame->flags, frame->segment_size, frame->size);
	CHECK(memcmp(header, bytes, sizeof(header)) == 0);
}

/* Looks at the first frame with ever more bytes: the answer changes from "more" once at most. */
static void check_prefixes(const uint8_t *data, size_t size, int whole)
{
	size_t step = size / 64 + 1;
	struct frame frame;

	for (size_t part = 0; part < size; part += step) {
		int taken = frame_parse(data, part, &frame);

		if (taken < 0)
			CHECK(whole == taken);
		else if (taken > 0)
			CHECK(whole == taken && (size_t)taken <= part);
		else
			CHECK(whole <= 0 || (size_t)whole > part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly this size lets the sanitizer see every byte read too far. */
	uint8_t *copy = malloc(size + 1);
	size_t at = 0;
	int taken;

	CHECK(copy != NULL);
	memcpy(copy + 1, data, size);
	do {
		struct frame frame;

		taken = frame_parse(copy + 1 + at, size - at, &frame);
		check_prefixes(copy + 1 + at, size - at, taken);
		if (taken > 0) {
			check_frame(&frame, copy + 1 + at);
			at += (size_t)taken;
			CHECK(at <= size);
		}
	} while (taken > 0);
	free(copy);
	return 0;
}
