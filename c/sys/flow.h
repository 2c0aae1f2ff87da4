/* Where flows belong: which entries of connection tracking are where the decider wants them. */
#ifndef ADIT_SYS_FLOW_H
#define ADIT_SYS_FLOW_H

#include "../inet.h"

/* What an entry of connection tracking says; family 0 for what it does not. */
struct flow {
	struct inet_ip source; /* who began it */
	struct inet_ip destination; /* as its first packet had it */
	struct inet_ip answerer; /* who answers, after a translation of the destination */
	struct inet_ip answered; /* where answers go to: the source as it was translated */
};

struct flow_tunnel {
	struct inet_ip addr4;
	struct inet_ip addr6;
};

/* Flows that no tunnel is for. */
struct flow_aside {
	struct inet_prefix source;
	struct inet_prefix destination;
};

/* A place where flows of a source may be: 0 past every tunnel, else a tunnel from 1, or, beyond
 * the last one, nowhere. */
struct flow_row {
	struct inet_prefix source;
	uint16_t place;
};

#define FLOW_ROWS_MAX 16384

struct flow_law {
	const struct flow_tunnel *tunnels;
	const struct flow_aside *aside;
	const struct inet_prefix *past; /* destinations that everybody reaches past every tunnel */
	const struct flow_row *rows;
	uint16_t tunnel_count;
	uint16_t aside_count;
	uint16_t past_count;
	uint16_t row_count;
};

/* A copy of `given` that flow_law_keeps takes. 0, -EINVAL for a prefix that is none, -ENOMEM. Owned
 * by the caller. */
int flow_law_new(const struct flow_law *given, struct flow_law **ret_law);
void flow_law_free(struct flow_law *law);

/* True if the flow is where it belongs, or nothing is said about its source. Pure. */
bool flow_law_keeps(const struct flow_law *law, const struct flow *flow);

#endif
