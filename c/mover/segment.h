/* Inner packets: parsing, checksums, and the way between one super-packet and its segments. Pure.
 * Nothing that a remote claims about a packet is believed: every field that the kernel will rely on
 * is computed here from the parsed packet. */
#ifndef ADIT_MOVER_SEGMENT_H
#define ADIT_MOVER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Extension headers that are followed before the packet counts as malformed. */
#define SEGMENT_EXTENSIONS_MAX 8
/* A super-packet may fall apart into at most this many segments. */
#define SEGMENT_PARTS_MAX 2048

/* What the kernel's virtio-net header says (linux/virtio_net.h), in host byte order as a TUN device
 * has it. */
struct segment_offload {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t header_size;
	uint16_t segment_size;
	uint16_t checksum_start;
	uint16_t checksum_offset;
};
_Static_assert(sizeof(struct segment_offload) == 10, "the layout is the kernel's");

enum segment_family { SEGMENT_IP4 = 4, SEGMENT_IP6 = 6 };

struct segment_packet {
	uint8_t family;	       /* SEGMENT_IP4 or SEGMENT_IP6 */
	uint8_t protocol;      /* IPPROTO_ of the last header reached */
	bool transport;	       /* a whole TCP or UDP header is there: not a fragment */
	uint8_t tcp_flags;     /* 0 unless TCP */
	uint16_t network_size; /* offset of the transport header */
	uint16_t header_size;  /* network and, if there is one, transport header */
};

/* Checks version, header lengths and that the total length is `size`; `size` at most 65,575.
 * 0 or -EINVAL. */
int segment_parse(const uint8_t *data, size_t size, struct segment_packet *ret_packet);

/* 4 or 16 bytes within `data`. */
const uint8_t *segment_source(const uint8_t *data, const struct segment_packet *packet);
const uint8_t *segment_destination(const uint8_t *data, const struct segment_packet *packet);
/* True for addresses that no packet in a tunnel may come from or go to: unspecified, loopback,
 * multicast, reserved, broadcast, link-local IPv6, IPv4-mapped IPv6. */
bool segment_is_martian(uint8_t family, const uint8_t *address);
/* A hash of addresses, protocol and ports, the same for all packets of a flow. */
uint32_t segment_flow(const uint8_t *data, const struct segment_packet *packet, uint32_t seed);

/* True if the packet may travel as segments of `segment_size`: TCP without SYN, RST or URG, or UDP,
 * with at least one byte of payload and no more than SEGMENT_PARTS_MAX parts. */
bool segment_may_batch(const struct segment_packet *packet, size_t size, uint16_t segment_size);
/* How many segments the packet stands for; 1 if `segment_size` is 0. */
unsigned segment_count(const struct segment_packet *packet, size_t size, uint16_t segment_size);

/* Prepares a packet whose transport checksum is open for a device that fills it: stores the pseudo
 * header's sum in the packet and describes the rest. `segment_size` 0 for a single packet. The
 * packet has passed segment_parse with `transport`, and segment_may_batch if `segment_size` is not
 * 0. */
void segment_offload(uint8_t *data, size_t size, const struct segment_packet *packet,
		     uint16_t segment_size, struct segment_offload *ret_offload);

/* Fills the open transport checksum of a single TCP or UDP packet. */
void segment_fill_checksum(uint8_t *data, size_t size, const struct segment_packet *packet);
/* Fills any open checksum as the kernel describes it: over everything from `start`, stored at
 * `start + offset`, where the pseudo header's sum is. False if that lies outside of the packet. */
bool segment_fill_checksum_at(uint8_t *data, size_t size, size_t start, size_t offset);
/* True if the transport checksum of a whole TCP or UDP packet is right. */
bool segment_checksum_is_right(const uint8_t *data, size_t size,
			       const struct segment_packet *packet);

/* Writes segment number `index` of a super-packet, with all lengths and checksums, to `ret_part`,
 * which has room for header_size + segment_size. Returns its size. */
size_t segment_part(const uint8_t *data, size_t size, const struct segment_packet *packet,
		    uint16_t segment_size, unsigned index, uint8_t *ret_part);

/* Sets the network header's length field (and IPv4 header checksum) to `size`. */
void segment_set_size(uint8_t *data, size_t size, const struct segment_packet *packet);

/* The Internet checksum's running sum (RFC 1071) of `data`, added to `sum`; not complemented. */
uint32_t segment_sum(const uint8_t *data, size_t size, uint32_t sum);

#endif
