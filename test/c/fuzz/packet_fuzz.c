/* Any bytes as an inner packet: two bytes of segment size, then the packet. What the parser accepts
 * may be described to the kernel, cut into parts and joined again without leaving its bounds, and
 * every part is itself a packet that the parser accepts, with right checksums. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mover/frame.h"
#include "mover/segment.h"
#include "mover/segment_join.h"
#include "packet_make.h"

#define PARTS_CHECKED_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parsed(const uint8_t *data, size_t size, const struct segment_packet *packet)
{
	const uint8_t *source = segment_source(data, packet);
	const uint8_t *destination = segment_destination(data, packet);

	CHECK(packet->network_size <= packet->header_size && packet->header_size <= size);
	CHECK(packet->family == data[0] >> 4);
	CHECK(destination + (packet->family == 4 ? 4 : 16) <= data + size);
	(void)segment_is_martian(packet->family, source);
	(void)segment_is_martian(packet->family, destination);
	CHECK(segment_flow(data, packet, 1) == segment_flow(data, packet, 1));
}

static void check_offload(uint8_t *data, size_t size, const struct segment_packet *packet,
			  uint16_t segment_size)
{
	struct segment_offload offload;

	segment_offload(data, size, packet, segment_size, &offload);
	CHECK(offload.checksum_start + offload.checksum_offset + 2u <= size);
	CHECK(offload.header_size <= size);
	CHECK(offload.gso_type == 0 || size - offload.header_size > offload.segment_size);
	segment_fill_checksum(data, size, packet);
	CHECK(segment_checksum_is_right(data, size, packet));
}

static void check_parts(const uint8_t *data, size_t size, const struct segment_packet *packet,
			uint16_t segment_size)
{
	unsigned count = segment_count(packet, size, segment_size);
	uint8_t *part = malloc((size_t)packet->header_size + segment_size);
	size_t total = 0;

	CHECK(part != NULL && count > 0);
	for (unsigned i = 0; i < count && i < PARTS_CHECKED_MAX; i++) {
		size_t part_size = segment_part(data, size, packet, segment_size, i, part);
		struct segment_packet again;

		CHECK(part_size <= (size_t)packet->header_size + segment_size);
		CHECK(segment_parse(part, part_size, &again) == 0);
		CHECK(again.transport && again.header_size == packet->header_size);
		CHECK(segment_checksum_is_right(part, part_size, &again));
		if (packet->network_size == (packet->family == 4 ? 20 : 40))
			CHECK(packet_is_right(part, part_size));
		total += part_size - packet->header_size;
	}
	CHECK(count > PARTS_CHECKED_MAX || total + packet->header_size == size);
	free(part);
}

/* The packet against itself with the next sequence number. */
static void check_join(const uint8_t *data, size_t size, const struct segment_packet *packet)
{
	struct segment_join join;
	uint8_t *batch = malloc(2 * size);

	CHECK(batch != NULL);
	memcpy(batch, data, size);
	if (segment_join_start(&join, batch, size, 2 * size, packet)) {
		(void)segment_join_add(&join, data, size, packet);
		segment_join_finish(&join);
		CHECK(join.size <= 2 * size && join.count <= 2);
	}
	free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct segment_packet packet;
	uint16_t segment_size;
	uint8_t *copy;

	if (size < 3)
		return 0;
	segment_size = (uint16_t)(data[0] << 8 | data[1]);
	data += 2;
	size -= 2;
	copy = malloc(size);
	CHECK(copy != NULL);
	memcpy(copy, data, size);
	if (segment_parse(copy, size, &packet) == 0) {
		check_parsed(copy, size, &packet);
		check_join(copy, size, &packet);
		if (packet.transport)
			check_offload(copy, size, &packet, 0);
		if (segment_may_batch(&packet, size, segment_size)) {
			check_offload(copy, size, &packet, segment_size);
			check_parts(copy, size, &packet, segment_size);
		}
	}
	free(copy);
	return 0;
}
