#include "narrow.h"

bool narrow_has(const struct narrow *narrow, const struct inet_ip *address, uint64_t now_us)
{
	for (unsigned i = 0; i < NARROW_PEERS_MAX; i++) {
		const struct narrow_peer *peer = &narrow->peers[i];

		if (inet_ip_equal(&peer->address, address))
			return now_us - peer->since_us < NARROW_AGE_US;
	}
	return false;
}

void narrow_note(struct narrow *narrow, const struct inet_ip *address, bool is_narrow,
		 uint64_t now_us)
{
	for (unsigned i = 0; i < NARROW_PEERS_MAX; i++) {
		if (inet_ip_equal(&narrow->peers[i].address, address))
			narrow->peers[i] = (struct narrow_peer){ 0 };
	}
	if (!is_narrow)
		return;
	narrow->peers[narrow->next] = (struct narrow_peer){ *address, now_us };
	narrow->next = (narrow->next + 1) % NARROW_PEERS_MAX;
}
