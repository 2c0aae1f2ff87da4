#include <errno.h>
#include <stdlib.h>

#include "mover/frame.h"
#include "mover/segment.h"
#include "mover/segment_join.h"
#include "packet_make.h"
#include "test.h"

static uint8_t payload[65536];

static struct packet_make random_make(unsigned *seed)
{
	struct packet_make make = {.ip6 = rand_r(seed) % 2,
				   .udp = rand_r(seed) % 3 == 0,
				   .source_port = (uint16_t)rand_r(seed),
				   .destination_port = 443,
				   .sequence = (uint32_t)rand_r(seed) * 3,
				   .acknowledgement = 99,
				   .tcp_flags = 0x18,
				   .payload = payload};

	make.options = (size_t)rand_r(seed) % 4 * 4;
	make.payload_size = 1 + (size_t)rand_r(seed) % 30000;
	for (size_t i = 0; i < 16; i++) {
		make.source[i] = (uint8_t)rand_r(seed);
		make.destination[i] = (uint8_t)rand_r(seed);
	}
	return make;
}

/* -- parsing -- */

static void good_packets_are_parsed(void)
{
	unsigned seed = 1;
	uint8_t data[70000];

	for (int i = 0; i < 300; i++) {
		struct packet_make make = random_make(&seed);
		size_t size = packet_build(&make, data);
		size_t headers = size - make.payload_size;
		struct segment_packet packet;

		EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
		EXPECT_EQUAL(packet.family, make.ip6 ? 6 : 4);
		EXPECT_EQUAL(packet.protocol, make.udp ? 17 : 6);
		EXPECT(packet.transport);
		EXPECT_EQUAL(packet.header_size, headers);
		EXPECT_EQUAL(packet.network_size, make.ip6 ? 40 : 20);
		EXPECT(memcmp(segment_source(data, &packet), make.source, make.ip6 ? 16 : 4) == 0);
		EXPECT(memcmp(segment_destination(data, &packet), make.destination,
			      make.ip6 ? 16 : 4) == 0);
		EXPECT(segment_checksum_is_right(data, size, &packet));
	}
}

static int parse(const uint8_t *data, size_t size)
{
	struct segment_packet packet;

	return segment_parse(data, size, &packet);
}

static size_t small_packet(uint8_t *data, bool ip6, bool udp)
{
	struct packet_make make = {.ip6 = ip6,
				   .udp = udp,
				   .source = {10, 0, 0, 1},
				   .destination = {10, 0, 0, 2},
				   .tcp_flags = 0x10,
				   .payload = payload,
				   .payload_size = 100};

	return packet_build(&make, data);
}

static void every_wrong_length_is_refused(void)
{
	for (int kind = 0; kind < 4; kind++) {
		uint8_t data[400] = {0};
		size_t size = small_packet(data, kind & 1, kind & 2);

		EXPECT_EQUAL(parse(data, size), 0);
		for (size_t other = 0; other < 300; other++) {
			if (other != size)
				EXPECT_EQUAL(parse(data, other), -EINVAL);
		}
	}
}

static void broken_headers_are_refused(void)
{
	uint8_t data[400];
	size_t size = small_packet(data, false, false);

	data[0] = 0x35;
	EXPECT_EQUAL(parse(data, size), -EINVAL);
	data[0] = 0x44;
	EXPECT_EQUAL(parse(data, size), -EINVAL);
	data[0] = 0x45;
	data[32] = 0x40;
	EXPECT_EQUAL(parse(data, size), -EINVAL);
	data[32] = 0xf0;
	EXPECT_EQUAL(parse(data, size), 0);
	packet_put(data + 2, 60);
	EXPECT_EQUAL(parse(data, 60), -EINVAL);
	size = small_packet(data, false, true);
	packet_put(data + 24, 7);
	EXPECT_EQUAL(parse(data, size), -EINVAL);
	packet_put(data + 24, 200);
	EXPECT_EQUAL(parse(data, size), -EINVAL);
}

static void fragments_have_no_transport_header(void)
{
	uint8_t data[400];
	size_t size = small_packet(data, false, false);
	struct segment_packet packet;

	packet_put(data + 6, 0x2000);
	EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
	EXPECT(!packet.transport);
	packet_put(data + 6, 5);
	EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
	EXPECT(!packet.transport);
	EXPECT(!segment_may_batch(&packet, size, 50));
}

/* Puts `count` extension headers of type `type` before the transport header. */
static size_t extend(uint8_t *data, size_t size, unsigned count, uint8_t type)
{
	uint8_t last = data[6];

	memmove(data + 40 + count * 8, data + 40, size - 40);
	memset(data + 40, 0, count * 8);
	data[6] = type;
	for (unsigned i = 0; i < count; i++)
		data[40 + i * 8] = i + 1 < count ? type : last;
	packet_put(data + 4, (unsigned)(size - 40 + count * 8));
	return size + count * 8;
}

static void extension_headers_are_followed_within_bounds(void)
{
	struct segment_packet packet;

	for (unsigned count = 1; count <= 9; count++) {
		uint8_t data[600];
		size_t size = extend(data, small_packet(data, true, false), count, 60);

		EXPECT_EQUAL(segment_parse(data, size, &packet), count <= 8 ? 0 : -EINVAL);
		if (count <= 8)
			EXPECT_EQUAL(packet.network_size, 40 + count * 8);
		data[41] = 200;
		EXPECT_EQUAL(parse(data, size), -EINVAL);
	}
}

static void ip6_fragments_have_no_transport_header(void)
{
	uint8_t data[600];
	size_t size = extend(data, small_packet(data, true, false), 1, 44);
	struct segment_packet packet;

	EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
	EXPECT(packet.transport);
	data[43] = 1;
	EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
	EXPECT(!packet.transport);
}

static void martians_are_known(void)
{
	static const struct {
		uint8_t family;
		uint8_t bytes[16];
		bool martian;
	} rows[] = {
		{4, {0, 0, 0, 0}, true},
		{4, {0, 1, 2, 3}, true},
		{4, {127, 0, 0, 1}, true},
		{4, {224, 0, 0, 1}, true},
		{4, {239, 255, 255, 255}, true},
		{4, {240, 0, 0, 1}, true},
		{4, {255, 255, 255, 255}, true},
		{4, {10, 0, 0, 1}, false},
		{4, {1, 0, 0, 0}, false},
		{4, {223, 255, 255, 255}, false},
		{6, {0}, true},
		{6, {[15] = 1}, true},
		{6, {[15] = 2}, false},
		{6, {[10] = 0xff, 0xff, 8, 8, 8, 8}, true},
		{6, {0xff, 2, [15] = 1}, true},
		{6, {0xfe, 0x80, [15] = 1}, true},
		{6, {0xfe, 0xbf}, true},
		{6, {0xfe, 0xc0}, false},
		{6, {0xfd, 0, [15] = 1}, false},
		{6, {0x20, 1, 0x0d, 0xb8}, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT_EQUAL(segment_is_martian(rows[i].family, rows[i].bytes), rows[i].martian);
}

/* -- checksums -- */

static void sums_agree_with_the_plain_implementation(void)
{
	unsigned seed = 1;
	int different = 0;

	for (int i = 0; i < 5000; i++) {
		size_t at = (size_t)rand_r(&seed) % 64, size = (size_t)rand_r(&seed) % 3000;
		uint32_t start = (uint32_t)rand_r(&seed) % 65536;
		uint32_t want = packet_add(start, payload + at, size) % 0xffff;

		different += segment_sum(payload + at, size, start) % 0xffff != want;
	}
	EXPECT_EQUAL(different, 0);
}

static void open_checksums_are_filled(void)
{
	unsigned seed = 2;
	uint8_t data[70000];
	int wrong = 0;

	for (int i = 0; i < 500; i++) {
		struct packet_make make = random_make(&seed);
		size_t size = packet_build(&make, data);
		size_t network = packet_network_size(data);
		struct segment_packet packet;
		struct segment_offload offload;

		EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
		segment_offload(data, size, &packet, 0, &offload);
		EXPECT_EQUAL(offload.checksum_start, network);
		EXPECT_EQUAL(offload.gso_type, 0);
		wrong += !segment_fill_checksum_at(data, size, offload.checksum_start,
						   offload.checksum_offset);
		wrong += !packet_is_right(data, size);
		packet_put(data + network + (make.udp ? 6 : 16), 0x5555);
		wrong += segment_checksum_is_right(data, size, &packet);
		segment_fill_checksum(data, size, &packet);
		wrong += !packet_is_right(data, size);
	}
	EXPECT_EQUAL(wrong, 0);
	EXPECT(!segment_fill_checksum_at(data, 100, 100, 0));
	EXPECT(!segment_fill_checksum_at(data, 100, 90, 9));
	EXPECT(!segment_fill_checksum_at(data, 100, 65535, 65535));
}

/* -- super-packets -- */

/* Cuts a super-packet up and checks each part; returns how many were wrong. */
static int check_parts(const uint8_t *data, size_t size, const struct segment_packet *packet,
		       uint16_t segment_size)
{
	static uint8_t part[70000];
	unsigned count = segment_count(packet, size, segment_size);
	size_t seen = packet->header_size;
	int wrong = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t part_size = segment_part(data, size, packet, segment_size, i, part);
		size_t got = part_size - packet->header_size;

		wrong += !packet_is_right(part, part_size);
		wrong += i + 1 < count ? got != segment_size : got == 0 || got > segment_size;
		wrong += memcmp(part + packet->header_size, data + seen, got) != 0;
		if (packet->protocol == 6)
			wrong += ((part[packet->network_size + 13] & 8) != 0) != (i + 1 == count);
		seen += got;
	}
	return wrong + (seen != size);
}

static void parts_are_right(void)
{
	unsigned seed = 3;
	uint8_t data[70000];
	int wrong = 0;

	for (int i = 0; i < 300; i++) {
		struct packet_make make = random_make(&seed);
		size_t size = packet_build(&make, data);
		uint16_t segment_size = (uint16_t)(FRAME_SEGMENT_MIN + rand_r(&seed) % 3000);
		struct segment_packet packet;

		EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
		if (segment_may_batch(&packet, size, segment_size))
			wrong += check_parts(data, size, &packet, segment_size);
	}
	EXPECT_EQUAL(wrong, 0);
}

static void only_data_may_travel_in_batches(void)
{
	struct packet_make make = {.payload = payload, .payload_size = 3000};
	uint8_t data[4000];

	for (unsigned flags = 0; flags < 256; flags++) {
		struct segment_packet packet;
		size_t size;

		make.tcp_flags = (uint8_t)flags;
		size = packet_build(&make, data);
		EXPECT_EQUAL(segment_parse(data, size, &packet), 0);
		EXPECT_EQUAL(segment_may_batch(&packet, size, 1000), (flags & 0x26) == 0);
		EXPECT(!segment_may_batch(&packet, size, FRAME_SEGMENT_MIN - 1));
		EXPECT(!segment_may_batch(&packet, packet.header_size, 1000));
	}
}

/* split(join(x)) == x: single segments, joined and cut up again, are the same bytes. */
static void joined_segments_come_apart_as_they_were(void)
{
	static uint8_t singles[64][2000], batch[70000], part[2000];
	unsigned seed = 4;
	int wrong = 0, joined = 0;

	for (int round = 0; round < 400; round++) {
		struct packet_make make = random_make(&seed);
		unsigned count = 2 + (unsigned)rand_r(&seed) % 40;
		size_t segment_size = SEGMENT_JOIN_MIN + (size_t)rand_r(&seed) % 1200;
		size_t sizes[64];
		struct segment_join join;

		make.udp = false;
		for (unsigned i = 0; i < count; i++) {
			bool last = i + 1 == count;
			struct segment_packet packet;

			make.tcp_flags = last ? 0x18 : 0x10;
			make.payload_size = segment_size;
			if (last)
				make.payload_size =
					SEGMENT_JOIN_MIN + (segment_size - SEGMENT_JOIN_MIN) / 2;
			sizes[i] = packet_build(&make, singles[i]);
			/* The kernel counts the identification up; cutting up does the same. */
			if (!make.ip6) {
				packet_put(singles[i] + 4, 0x1234 + i);
				packet_put(singles[i] + 10, 0);
				packet_put(singles[i] + 10,
					   ~packet_add(0, singles[i], 20) & 0xffff);
			}
			EXPECT_EQUAL(segment_parse(singles[i], sizes[i], &packet), 0);
			if (i == 0) {
				memcpy(batch, singles[0], sizes[0]);
				EXPECT(segment_join_start(&join, batch, sizes[0], sizeof(batch),
							  &packet));
			} else {
				EXPECT(segment_join_add(&join, singles[i], sizes[i], &packet));
			}
			make.sequence += (uint32_t)make.payload_size;
		}
		segment_join_finish(&join);
		joined += (int)join.count;
		for (unsigned i = 0; i < count; i++) {
			size_t size = segment_part(batch, join.size, &join.packet,
						   join.segment_size, i, part);

			wrong += size != sizes[i] || memcmp(part, singles[i], size) != 0;
		}
	}
	EXPECT_EQUAL(wrong, 0);
	EXPECT(joined > 2000);
}

static bool joins(const struct packet_make *first, const struct packet_make *second,
		  size_t change_at, uint8_t change)
{
	static uint8_t batch[70000], next[70000];
	size_t size = packet_build(first, batch), next_size = packet_build(second, next);
	struct segment_packet packet;
	struct segment_join join;

	next[change_at] ^= change;
	EXPECT_EQUAL(segment_parse(batch, size, &packet), 0);
	EXPECT(segment_join_start(&join, batch, size, sizeof(batch), &packet));
	if (segment_parse(next, next_size, &packet) != 0)
		return false;
	return segment_join_add(&join, next, next_size, &packet);
}

static void only_neighbours_are_joined(void)
{
	struct packet_make first = {.source = {10, 0, 0, 1},
				    .destination = {10, 0, 0, 2},
				    .source_port = 1,
				    .destination_port = 2,
				    .sequence = 1000,
				    .tcp_flags = 0x10,
				    .options = 12,
				    .payload = payload,
				    .payload_size = 1000};
	struct packet_make second = first;
	/* Everything in the headers but lengths, identification, checksums and sequence number. */
	static const uint8_t must_equal[] = {1,	 6,  8,	 9,  12, 15, 16, 19, 20, 21, 22,
					     23, 28, 31, 32, 34, 35, 38, 39, 40, 51};

	second.sequence = 2000;
	EXPECT(joins(&first, &second, 4, 1));
	for (size_t i = 0; i < sizeof(must_equal); i++)
		EXPECT(!joins(&first, &second, must_equal[i], 1));
	for (unsigned flag = 1; flag < 256; flag <<= 1) {
		if (flag != 8)
			EXPECT(!joins(&first, &second, 33, (uint8_t)flag));
	}
	EXPECT(joins(&first, &second, 33, 8));
	second.sequence = 2001;
	EXPECT(!joins(&first, &second, 4, 0));
	second.sequence = 2000;
	second.payload_size = 1001;
	EXPECT(!joins(&first, &second, 4, 0));
	second.payload_size = 999;
	EXPECT(joins(&first, &second, 4, 0));
	first.tcp_flags = 0x18;
	EXPECT(!joins(&first, &second, 4, 0));
}

static void a_batch_ends_at_the_largest_packet(void)
{
	static uint8_t batch[70000], next[2000];
	struct packet_make make = {.tcp_flags = 0x10, .payload = payload, .payload_size = 1448};
	struct segment_packet packet;
	struct segment_join join;
	size_t size = packet_build(&make, batch);

	EXPECT_EQUAL(segment_parse(batch, size, &packet), 0);
	EXPECT(segment_join_start(&join, batch, size, sizeof(batch), &packet));
	for (;;) {
		make.sequence += 1448;
		size = packet_build(&make, next);
		EXPECT_EQUAL(segment_parse(next, size, &packet), 0);
		if (!segment_join_add(&join, next, size, &packet))
			break;
	}
	segment_join_finish(&join);
	EXPECT_EQUAL(join.count, (65535 - 40) / 1448);
	EXPECT_EQUAL(segment_parse(batch, join.size, &packet), 0);
}

static bool supersedes(const struct packet_make *newer, const struct packet_make *older)
{
	uint8_t a[200], b[200];
	size_t a_size = packet_build(newer, a), b_size = packet_build(older, b);
	struct segment_packet packet;

	EXPECT_EQUAL(segment_parse(a, a_size, &packet), 0);
	return segment_supersedes(a, a_size, b, b_size, &packet);
}

static void only_newer_acknowledgements_replace_older_ones(void)
{
	struct packet_make older = {.source = {10, 0, 0, 1}, .destination = {10, 0, 0, 2},
				    .acknowledgement = 0xfffffff0, .tcp_flags = 0x10,
				    .payload = payload};
	struct packet_make newer = older;

	EXPECT(!supersedes(&newer, &older));
	newer.acknowledgement = 20;
	EXPECT(supersedes(&newer, &older));
	EXPECT(!supersedes(&older, &newer));
	newer.ip6 = older.ip6 = true;
	EXPECT(supersedes(&newer, &older));
	newer.source[15] = 1;
	EXPECT(!supersedes(&newer, &older));
	older.source[15] = 1;
	newer.source_port = 5;
	EXPECT(!supersedes(&newer, &older));
	newer.source_port = 0;
	newer.sequence = 1;
	EXPECT(!supersedes(&newer, &older));
	newer.sequence = 0;
	newer.payload_size = 1;
	EXPECT(!supersedes(&newer, &older));
	newer.payload_size = 0;
	older.payload_size = 1;
	EXPECT(!supersedes(&newer, &older));
	older.payload_size = 0;
	/* The maker's options are no time stamps: they might be selective acknowledgements. */
	newer.options = older.options = 12;
	EXPECT(!supersedes(&newer, &older));
	newer.options = older.options = 0;
	for (unsigned flag = 1; flag < 256; flag <<= 1) {
		newer.tcp_flags = (uint8_t)(0x10 ^ flag);
		EXPECT(!supersedes(&newer, &older));
		newer.tcp_flags = 0x10;
		older.tcp_flags = (uint8_t)(0x10 ^ flag);
		EXPECT(!supersedes(&newer, &older));
		older.tcp_flags = 0x10;
	}
	newer.udp = older.udp = true;
	EXPECT(!supersedes(&newer, &older));
}

static void acknowledgements_with_time_stamps_are_replaced(void)
{
	struct packet_make make = {.tcp_flags = 0x10, .options = 12, .payload = payload};
	uint8_t newer[100], older[100];
	size_t size = packet_build(&make, older);
	struct segment_packet packet;

	make.acknowledgement = 1;
	(void)packet_build(&make, newer);
	memcpy(newer + 40, (uint8_t[]){1, 1, 8, 10, 0, 0, 0, 9}, 8);
	memcpy(older + 40, (uint8_t[]){1, 1, 8, 10, 0, 0, 0, 8}, 8);
	EXPECT_EQUAL(segment_parse(newer, size, &packet), 0);
	EXPECT(segment_supersedes(newer, size, older, size, &packet));
	older[42] = 5;
	EXPECT(!segment_supersedes(newer, size, older, size, &packet));
}

int main(void)
{
	unsigned seed = 9;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)rand_r(&seed);
	good_packets_are_parsed();
	every_wrong_length_is_refused();
	broken_headers_are_refused();
	fragments_have_no_transport_header();
	extension_headers_are_followed_within_bounds();
	ip6_fragments_have_no_transport_header();
	martians_are_known();
	sums_agree_with_the_plain_implementation();
	open_checksums_are_filled();
	parts_are_right();
	only_data_may_travel_in_batches();
	joined_segments_come_apart_as_they_were();
	only_neighbours_are_joined();
	a_batch_ends_at_the_largest_packet();
	only_newer_acknowledgements_replace_older_ones();
	acknowledgements_with_time_stamps_are_replaced();
	return test_summary();
}
