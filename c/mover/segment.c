#include "segment.h"

#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "../check.h"
#include "frame.h"

/* linux/virtio_net.h; the last one is missing from headers older than Linux 6.2. */
#define OFFLOAD_NEEDS_CHECKSUM 1
#define OFFLOAD_TCP4 1
#define OFFLOAD_TCP6 4
#define OFFLOAD_UDP 5
#define OFFLOAD_ECN 0x80

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_URG 0x20
#define TCP_CWR 0x80

#define TCP_CHECKSUM_AT 16u
#define UDP_CHECKSUM_AT 6u

static uint16_t get16(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

static uint32_t get32(const uint8_t *data)
{
	return (uint32_t)get16(data) << 16 | get16(data + 2);
}

static void put16(uint8_t *data, uint32_t value)
{
	data[0] = (uint8_t)(value >> 8);
	data[1] = (uint8_t)value;
}

static void put32(uint8_t *data, uint32_t value)
{
	put16(data, value >> 16);
	put16(data + 2, value);
}

/* -- parsing -- */

static int parse_transport(const uint8_t *data, size_t size, struct segment_packet *packet)
{
	size_t at = packet->network_size;

	if (packet->protocol == IPPROTO_TCP) {
		size_t header;

		if (size - at < 20)
			return -EINVAL;
		header = (size_t)(data[at + 12] >> 4) * 4;
		if (header < 20 || header > size - at)
			return -EINVAL;
		packet->tcp_flags = data[at + 13];
		packet->header_size = (uint16_t)(at + header);
		packet->transport = true;
	} else if (packet->protocol == IPPROTO_UDP) {
		size_t length;

		if (size - at < 8)
			return -EINVAL;
		length = get16(data + at + 4);
		if (length < 8 || length > size - at)
			return -EINVAL;
		packet->header_size = (uint16_t)(at + 8);
		packet->transport = length == size - at;
	}
	return 0;
}

static int parse_ip4(const uint8_t *data, size_t size, struct segment_packet *packet)
{
	size_t header;

	if (size < 20)
		return -EINVAL;
	header = (size_t)(data[0] & 0x0f) * 4;
	if (header < 20 || header > size || get16(data + 2) != size)
		return -EINVAL;
	packet->family = SEGMENT_IP4;
	packet->protocol = data[9];
	packet->network_size = packet->header_size = (uint16_t)header;
	if ((get16(data + 6) & 0x3fff) != 0)
		return 0;
	return parse_transport(data, size, packet);
}

/* Bytes of the extension header at `data`, 0 if `next` is none. What stands behind an
 * authentication header must arrive as it was sent, so it does not count as transport. */
static size_t extension_size(uint8_t next, const uint8_t *data)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return ((size_t)data[1] + 1) * 8;
	case IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static int parse_ip6(const uint8_t *data, size_t size, struct segment_packet *packet)
{
	size_t at = 40;
	uint8_t next;
	bool fragment = false;

	if (size < 40 || (size_t)get16(data + 4) + 40 != size)
		return -EINVAL;
	next = data[6];
	for (int i = 0; !fragment; i++) {
		static const uint8_t nothing[2];
		size_t step = extension_size(next, size - at < 2 ? nothing : data + at);

		if (step == 0)
			break;
		if (i == SEGMENT_EXTENSIONS_MAX || step > size - at)
			return -EINVAL;
		fragment = next == IPPROTO_FRAGMENT && (get16(data + at + 2) & 0xfff9) != 0;
		next = data[at];
		at += step;
	}
	packet->family = SEGMENT_IP6;
	packet->protocol = next;
	packet->network_size = packet->header_size = (uint16_t)at;
	return fragment ? 0 : parse_transport(data, size, packet);
}

int segment_parse(const uint8_t *data, size_t size, struct segment_packet *ret_packet)
{
	struct segment_packet packet = {0};
	int error = -EINVAL;

	if (size == 0 || size > FRAME_PACKET_MAX)
		return -EINVAL;
	if (data[0] >> 4 == 4)
		error = parse_ip4(data, size, &packet);
	else if (data[0] >> 4 == 6)
		error = parse_ip6(data, size, &packet);
	if (error == 0)
		*ret_packet = packet;
	return error;
}

const uint8_t *segment_source(const uint8_t *data, const struct segment_packet *packet)
{
	return data + (packet->family == SEGMENT_IP4 ? 12 : 8);
}

const uint8_t *segment_destination(const uint8_t *data, const struct segment_packet *packet)
{
	return data + (packet->family == SEGMENT_IP4 ? 16 : 24);
}

static bool is_martian6(const uint8_t *address)
{
	static const uint8_t zero[16];

	if (address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80))
		return true;
	/* ::, ::1 and the IPv4-mapped block all begin with ten zero bytes. */
	if (memcmp(address, zero, 10) != 0)
		return false;
	if (address[10] == 0xff && address[11] == 0xff)
		return true;
	return memcmp(address + 10, zero, 5) == 0 && address[15] <= 1;
}

bool segment_is_martian(uint8_t family, const uint8_t *address)
{
	if (family == SEGMENT_IP6)
		return is_martian6(address);
	return address[0] == 0 || address[0] == 127 || address[0] >= 224;
}

/* Bob Jenkins' one-at-a-time mixing, word-wise: cheap, and seeded so that a remote cannot aim. */
static uint32_t mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

uint32_t segment_flow(const uint8_t *data, const struct segment_packet *packet, uint32_t seed)
{
	const uint8_t *addresses = segment_source(data, packet);
	size_t size = packet->family == SEGMENT_IP4 ? 8 : 32;
	uint32_t hash = mix(seed, packet->protocol);

	for (size_t i = 0; i < size; i += 4)
		hash = mix(hash, get32(addresses + i));
	if (packet->transport)
		hash = mix(hash, get32(data + packet->network_size));
	return mix(hash, hash >> 16);
}

/* -- checksums -- */

/* Sums are of 16-bit words in memory order: one's complement sums do not depend on byte order
 * (RFC 1071 section 2), so only the stored result is swapped on little-endian machines. */
static uint64_t sum_native(const uint8_t *data, size_t size, uint64_t sum)
{
	while (size >= 16) {
		uint32_t words[4];

		memcpy(words, data, sizeof(words));
		sum += (uint64_t)words[0] + words[1] + words[2] + words[3];
		data += 16;
		size -= 16;
	}
	while (size >= 2) {
		uint16_t word;

		memcpy(&word, data, sizeof(word));
		sum += word;
		data += 2;
		size -= 2;
	}
	if (size == 1) {
		uint8_t last[2] = {data[0], 0};
		uint16_t word;

		memcpy(&word, last, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ntohs((uint16_t)sum);
}

uint32_t segment_sum(const uint8_t *data, size_t size, uint32_t sum)
{
	uint32_t total = sum + fold(sum_native(data, size, 0));

	return (total >> 16) + (total & 0xffff);
}

static uint16_t finish_sum(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~sum;
}

static uint32_t pseudo_sum(const uint8_t *data, const struct segment_packet *packet, size_t length)
{
	size_t size = packet->family == SEGMENT_IP4 ? 8 : 32;
	uint32_t sum = packet->protocol + (uint32_t)(length >> 16) + (uint32_t)(length & 0xffff);

	return segment_sum(segment_source(data, packet), size, sum);
}

static size_t checksum_at(const struct segment_packet *packet)
{
	return packet->network_size +
	       (packet->protocol == IPPROTO_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT);
}

void segment_fill_checksum(uint8_t *data, size_t size, const struct segment_packet *packet)
{
	size_t length = size - packet->network_size;
	size_t at = checksum_at(packet);
	uint16_t checksum;

	put16(data + at, 0);
	checksum = finish_sum(
		segment_sum(data + packet->network_size, length, pseudo_sum(data, packet, length)));
	/* Zero means "none" in UDP (RFC 768). */
	if (checksum == 0 && packet->protocol == IPPROTO_UDP)
		checksum = 0xffff;
	put16(data + at, checksum);
}

bool segment_fill_checksum_at(uint8_t *data, size_t size, size_t start, size_t offset)
{
	uint16_t checksum;

	if (start >= size || offset + 2 > size - start)
		return false;
	checksum = finish_sum(segment_sum(data + start, size - start, 0));
	put16(data + start + offset, checksum != 0 ? checksum : 0xffff);
	return true;
}

bool segment_checksum_is_right(const uint8_t *data, size_t size,
			       const struct segment_packet *packet)
{
	size_t length = size - packet->network_size;

	if (packet->protocol == IPPROTO_UDP && get16(data + checksum_at(packet)) == 0)
		return packet->family == SEGMENT_IP4;
	return finish_sum(segment_sum(data + packet->network_size, length,
				      pseudo_sum(data, packet, length))) == 0;
}

/* -- super-packets -- */

bool segment_may_batch(const struct segment_packet *packet, size_t size, uint16_t segment_size)
{
	if (!packet->transport || segment_size < FRAME_SEGMENT_MIN || size <= packet->header_size)
		return false;
	if ((packet->tcp_flags & (TCP_SYN | TCP_RST | TCP_URG)) != 0)
		return false;
	return segment_count(packet, size, segment_size) <= SEGMENT_PARTS_MAX;
}

unsigned segment_count(const struct segment_packet *packet, size_t size, uint16_t segment_size)
{
	size_t payload = size - packet->header_size;

	if (segment_size == 0 || payload <= segment_size)
		return 1;
	return (unsigned)((payload + segment_size - 1) / segment_size);
}

static uint8_t offload_type(const struct segment_packet *packet)
{
	uint8_t type;

	if (packet->protocol == IPPROTO_UDP)
		return OFFLOAD_UDP;
	type = packet->family == SEGMENT_IP4 ? OFFLOAD_TCP4 : OFFLOAD_TCP6;
	return (packet->tcp_flags & TCP_CWR) != 0 ? type | OFFLOAD_ECN : type;
}

void segment_offload(uint8_t *data, size_t size, const struct segment_packet *packet,
		     uint16_t segment_size, struct segment_offload *ret_offload)
{
	size_t at = checksum_at(packet);
	uint32_t sum = pseudo_sum(data, packet, size - packet->network_size);

	CHECK(packet->transport && at + 2 <= size);
	put16(data + at, (uint16_t)~finish_sum(sum));
	*ret_offload = (struct segment_offload){
		.flags = OFFLOAD_NEEDS_CHECKSUM,
		.header_size = packet->header_size,
		.checksum_start = packet->network_size,
		.checksum_offset = (uint16_t)(at - packet->network_size),
	};
	if (segment_count(packet, size, segment_size) > 1) {
		ret_offload->gso_type = offload_type(packet);
		ret_offload->segment_size = segment_size;
	}
}

void segment_set_size(uint8_t *data, size_t size, const struct segment_packet *packet)
{
	if (packet->family == SEGMENT_IP6) {
		put16(data + 4, (uint32_t)size - 40);
		return;
	}
	put16(data + 2, (uint32_t)size);
	put16(data + 10, 0);
	put16(data + 10, finish_sum(segment_sum(data, (size_t)(data[0] & 0x0f) * 4, 0)));
}

static void fix_tcp(uint8_t *tcp, size_t offset, bool first, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + (uint32_t)offset);
	if (!first)
		tcp[13] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

size_t segment_part(const uint8_t *data, size_t size, const struct segment_packet *packet,
		    uint16_t segment_size, unsigned index, uint8_t *ret_part)
{
	size_t payload = size - packet->header_size;
	size_t offset = (size_t)index * segment_size;
	size_t take = payload - offset < segment_size ? payload - offset : segment_size;
	size_t part = packet->header_size + take;

	CHECK(offset < payload || payload == 0);
	memcpy(ret_part, data, packet->header_size);
	memcpy(ret_part + packet->header_size, data + packet->header_size + offset, take);
	if (packet->family == SEGMENT_IP4)
		put16(ret_part + 4, get16(data + 4) + index);
	segment_set_size(ret_part, part, packet);
	if (packet->protocol == IPPROTO_TCP)
		fix_tcp(ret_part + packet->network_size, offset, index == 0,
			offset + take == payload);
	else
		put16(ret_part + packet->network_size + 4, (uint32_t)(part - packet->network_size));
	segment_fill_checksum(ret_part, part, packet);
	return part;
}
