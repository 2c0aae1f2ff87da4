/* Inner packets for tests, with a plain implementation of checksums that shares nothing with the
 * product's. */
#ifndef ADIT_PACKET_MAKE_H
#define ADIT_PACKET_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet_make {
	bool ip6;
	bool udp;
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgement;
	uint8_t tcp_flags;
	size_t options; /* TCP option bytes, a multiple of 4 */
	const uint8_t *payload;
	size_t payload_size;
};

static inline void packet_put(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline unsigned packet_get(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Byte by byte, as RFC 1071 describes it. */
static inline uint32_t packet_add(uint32_t sum, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline size_t packet_network_size(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? (size_t)(packet[0] & 15) * 4 : 40;
}

/* The transport checksum that the packet should have; its field counts as zero. */
static inline unsigned packet_checksum(const uint8_t *packet, size_t size)
{
	size_t network = packet_network_size(packet);
	bool ip6 = packet[0] >> 4 == 6;
	unsigned protocol = ip6 ? packet[6] : packet[9];
	size_t field = network + (protocol == 6 ? 16 : 6);
	uint8_t extra[4] = {0, (uint8_t)protocol, 0, 0};
	uint32_t sum = packet_add(0, packet + (ip6 ? 8 : 12), ip6 ? 32 : 8);

	packet_put(extra + 2, (unsigned)(size - network));
	sum = packet_add(sum, extra, 4);
	sum = packet_add(sum, packet + network, field - network);
	sum = packet_add(sum, packet + field + 2, size - field - 2);
	sum = ~sum & 0xffff;
	return sum == 0 && protocol == 17 ? 0xffff : sum;
}

static inline unsigned packet_checksum_field(const uint8_t *packet)
{
	size_t network = packet_network_size(packet);
	unsigned protocol = packet[0] >> 4 == 6 ? packet[6] : packet[9];

	return packet_get(packet + network + (protocol == 6 ? 16 : 6));
}

static inline bool packet_is_right(const uint8_t *packet, size_t size)
{
	bool ip6 = packet[0] >> 4 == 6;
	size_t total = ip6 ? packet_get(packet + 4) + 40 : packet_get(packet + 2);

	if (!ip6 && packet_add(0, packet, packet_network_size(packet)) != 0xffff)
		return false;
	return total == size && packet_checksum_field(packet) == packet_checksum(packet, size);
}

static inline size_t packet_headers(const struct packet_make *make, uint8_t *out)
{
	size_t network = make->ip6 ? 40 : 20;
	size_t transport = make->udp ? 8 : 20 + make->options;
	size_t total = network + transport + make->payload_size;

	memset(out, 0, network + transport);
	if (make->ip6) {
		out[0] = 0x60;
		packet_put(out + 4, (unsigned)(total - 40));
		out[6] = make->udp ? 17 : 6;
		out[7] = 64;
		memcpy(out + 8, make->source, 16);
		memcpy(out + 24, make->destination, 16);
	} else {
		out[0] = 0x45;
		packet_put(out + 2, (unsigned)total);
		packet_put(out + 4, 0x1234);
		out[6] = 0x40;
		out[8] = 64;
		out[9] = make->udp ? 17 : 6;
		memcpy(out + 12, make->source, 4);
		memcpy(out + 16, make->destination, 4);
		packet_put(out + 10, ~packet_add(0, out, 20) & 0xffff);
	}
	return network;
}

/* Writes the whole packet; returns its size. */
static inline size_t packet_build(const struct packet_make *make, uint8_t *out)
{
	size_t at = packet_headers(make, out);
	uint8_t *transport = out + at;
	size_t size = at + (make->udp ? 8 : 20 + make->options) + make->payload_size;

	packet_put(transport, make->source_port);
	packet_put(transport + 2, make->destination_port);
	if (make->udp) {
		packet_put(transport + 4, (unsigned)(8 + make->payload_size));
	} else {
		packet_put(transport + 4, make->sequence >> 16);
		packet_put(transport + 6, make->sequence & 0xffff);
		packet_put(transport + 8, make->acknowledgement >> 16);
		packet_put(transport + 10, make->acknowledgement & 0xffff);
		transport[12] = (uint8_t)((20 + make->options) / 4 << 4);
		transport[13] = make->tcp_flags;
		packet_put(transport + 14, 500);
		memset(transport + 20, 1, make->options);
	}
	if (make->payload_size > 0)
		memcpy(out + size - make->payload_size, make->payload, make->payload_size);
	packet_put(transport + (make->udp ? 6 : 16), packet_checksum(out, size));
	return size;
}

#endif
