/* Peers behind a path that swallows large packets and tells nobody (RFC 2923): a connection comes
 * about, small packets come and go, and the first large one is sent again for ever. They are
 * dialled with small segments, which bounds both directions. */
#ifndef ADIT_MOVER_NARROW_H
#define ADIT_MOVER_NARROW_H

#include <stdbool.h>
#include <stdint.h>

#include "../inet.h"

/* Fits into 1,200 bytes with the headers of IPv6. */
#define NARROW_SEGMENT 1140
/* Peers that are remembered; the oldest note goes first. */
#define NARROW_PEERS_MAX 16
/* A path may be another one by then. */
#define NARROW_AGE_US 3600000000u

struct narrow_peer {
	struct inet_ip address; /* family 0: none */
	uint64_t since_us;
};

struct narrow {
	struct narrow_peer peers[NARROW_PEERS_MAX];
	unsigned next;
};

bool narrow_has(const struct narrow *narrow, const struct inet_ip *address, uint64_t now_us);
/* Remembers a peer, or forgets it. */
void narrow_note(struct narrow *narrow, const struct inet_ip *address, bool is_narrow,
		 uint64_t now_us);

#endif
