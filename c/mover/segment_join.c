#include "segment_join.h"

#include <string.h>

#include <netinet/in.h>

#define TCP_PSH 0x08
#define TCP_ACK 0x10

static uint32_t get32(const uint8_t *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

/* Only plain data: no options or extension headers in the network header, no fragments, and with
 * IPv4 "don't fragment", so that the identification means nothing (RFC 6864 section 4.1). */
static bool is_joinable(const uint8_t *data, size_t size, const struct segment_packet *packet)
{
	if (!packet->transport || packet->protocol != IPPROTO_TCP)
		return false;
	if ((packet->tcp_flags & ~TCP_PSH) != TCP_ACK)
		return false;
	if (size - packet->header_size < SEGMENT_JOIN_MIN)
		return false;
	if (packet->family == SEGMENT_IP4)
		return packet->network_size == 20 && (data[6] & 0x40) != 0;
	return packet->network_size == 40;
}

bool segment_join_start(struct segment_join *ret_join, uint8_t *data, size_t size, size_t capacity,
			const struct segment_packet *packet)
{
	if (!is_joinable(data, size, packet))
		return false;
	*ret_join = (struct segment_join){
		.data = data,
		.size = size,
		.capacity = capacity < SEGMENT_JOIN_SIZE_MAX ? capacity : SEGMENT_JOIN_SIZE_MAX,
		.packet = *packet,
		.segment_size = (uint16_t)(size - packet->header_size),
		.count = 1,
		.full = (packet->tcp_flags & TCP_PSH) != 0,
	};
	return true;
}

/* The parts of two IPv4 headers that must be equal: version, header length, service, flags, life
 * time, protocol and addresses. */
static bool is_same_ip4(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 2) == 0 && memcmp(a + 6, b + 6, 4) == 0 &&
	       memcmp(a + 12, b + 12, 8) == 0;
}

static bool is_same_ip6(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, 34) == 0;
}

/* Ports, acknowledgement, header length, window, urgent pointer and options. */
static bool is_same_tcp(const uint8_t *a, const uint8_t *b, size_t size)
{
	return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 5) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 18, b + 18, size - 18) == 0;
}

static bool continues(const struct segment_join *join, const uint8_t *data,
		      const struct segment_packet *packet)
{
	size_t at = packet->network_size;
	uint32_t expected =
		get32(join->data + at + 4) + (uint32_t)(join->size - packet->header_size);

	if (packet->family != join->packet.family ||
	    packet->header_size != join->packet.header_size)
		return false;
	if (packet->family == SEGMENT_IP4 ? !is_same_ip4(join->data, data)
					  : !is_same_ip6(join->data, data))
		return false;
	return is_same_tcp(join->data + at, data + at, packet->header_size - at) &&
	       get32(data + at + 4) == expected;
}

bool segment_join_add(struct segment_join *join, const uint8_t *data, size_t size,
		      const struct segment_packet *packet)
{
	size_t payload;

	if (join->full || !is_joinable(data, size, packet) || !continues(join, data, packet))
		return false;
	payload = size - packet->header_size;
	if (payload > join->segment_size || payload > join->capacity - join->size)
		return false;
	memcpy(join->data + join->size, data + packet->header_size, payload);
	join->size += payload;
	join->count++;
	join->full = payload < join->segment_size || (packet->tcp_flags & TCP_PSH) != 0;
	join->data[packet->network_size + 13] |= packet->tcp_flags & TCP_PSH;
	return true;
}

void segment_join_finish(struct segment_join *join)
{
	if (join->count > 1)
		segment_set_size(join->data, join->size, &join->packet);
}

/* No options, or a time stamp in its usual place (RFC 7323 appendix A). */
static bool has_plain_options(const uint8_t *tcp, size_t size)
{
	static const uint8_t stamp[4] = {1, 1, 8, 10};

	return size == 20 || (size == 32 && memcmp(tcp + 20, stamp, sizeof(stamp)) == 0);
}

bool segment_supersedes(const uint8_t *newer, size_t newer_size, const uint8_t *older,
			size_t older_size, const struct segment_packet *packet)
{
	const uint8_t *tcp = newer + packet->network_size, *before = older + packet->network_size;
	size_t tcp_size = packet->header_size - packet->network_size;

	if (packet->protocol != IPPROTO_TCP || packet->tcp_flags != TCP_ACK ||
	    newer_size != packet->header_size || older_size != newer_size)
		return false;
	if (packet->family == SEGMENT_IP4
		    ? packet->network_size != 20 || !is_same_ip4(newer, older)
		    : packet->network_size != 40 || !is_same_ip6(newer, older))
		return false;
	/* Ports, sequence number, header length and flags; then the options' layout. */
	if (memcmp(tcp, before, 8) != 0 || memcmp(tcp + 12, before + 12, 2) != 0)
		return false;
	return has_plain_options(tcp, tcp_size) && has_plain_options(before, tcp_size) &&
	       (int32_t)(get32(tcp + 8) - get32(before + 8)) > 0;
}
