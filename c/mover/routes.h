/* Which routes of others the decider hears of: of each class so many that it cannot drown. A router
 * with a routing daemon has 60,000 of them; policy looks at defaults and at networks near by. */
#ifndef ADIT_MOVER_ROUTES_H
#define ADIT_MOVER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../contract.gen.h"

/* Defaults and their halves of any table; networks of main without a gateway; the rest of main;
 * what stands in other tables. */
enum routes_class { ROUTES_DEFAULTS, ROUTES_CONNECTED, ROUTES_MAIN, ROUTES_ELSEWHERE,
		    ROUTES_CLASSES };

#define ROUTES_DEFAULTS_MAX 256
#define ROUTES_CONNECTED_MAX 256
#define ROUTES_MAIN_MAX 512
#define ROUTES_ELSEWHERE_MAX 256
#define ROUTES_TOLD_MAX                                                                            \
	(ROUTES_DEFAULTS_MAX + ROUTES_CONNECTED_MAX + ROUTES_MAIN_MAX + ROUTES_ELSEWHERE_MAX)
#define ROUTES_BUCKETS 1024

/* Zeroed is ready for use. */
struct routes {
	struct routes_entry {
		uint64_t key;
		uint16_t next; /* number from 1 of the next one of the bucket or the free list */
	} entries[ROUTES_TOLD_MAX];
	uint16_t buckets[ROUTES_BUCKETS]; /* numbers from 1, 0 for none */
	uint16_t free;
	uint16_t used; /* entries that were ever in use */
	uint16_t counts[ROUTES_CLASSES];
	bool missed[ROUTES_CLASSES]; /* some were left out */
	bool warned[ROUTES_CLASSES];
};

/* A dump begins: nothing was told yet. */
void routes_clear(struct routes *routes);
/* True if the decider is to hear of this news. The first of a class that is left out is a
 * warning. */
bool routes_pass(struct routes *routes, const struct msg_route *route);
/* True if some were left out for which there is room by now: only a dump brings them. */
bool routes_are_thin(const struct routes *routes);

#endif
