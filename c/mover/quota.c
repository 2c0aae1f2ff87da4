#include "quota.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../log.h"
#include "../sys/nl_route.h"
#include "mover.h"

/* A count reads whole tables, of others too, while no packet moves. */
#define COUNT_INTERVAL_US 10000000
#define ROUNDS_MAX 16

static const struct {
	const char *name;
	uint32_t max;
	uint16_t dump, remove;
} kinds[] = {
	[QUOTA_ROUTES] = { "routes", QUOTA_ROUTES_MAX, RTM_GETROUTE, RTM_DELROUTE },
	[QUOTA_RULES] = { "rules", QUOTA_RULES_MAX, RTM_GETRULE, RTM_DELRULE },
	[QUOTA_ADDRESSES] = { "addresses", QUOTA_ADDRESSES_MAX, RTM_GETADDR, RTM_DELADDR },
};

struct walk {
	struct nl_socket *remover; /* NULL: only count */
	uint16_t remove;
	uint32_t tun;
	uint32_t count;
};

static bool is_ours(const struct nl_object *object, uint32_t tun)
{
	switch (object->id) {
	case MSG_ROUTE:
		return object->route.protocol == NL_ROUTE_PROTOCOL;
	case MSG_RULE:
		return object->rule.protocol == NL_ROUTE_PROTOCOL;
	case MSG_ADDRESS:
		return tun && object->address.index == tun;
	default:
		return false;
	}
}

/* The kernel takes back what it told, as a removal. */
static void take_away(const struct walk *walk, const struct nl_message *message)
{
	uint8_t bytes[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct nl_builder builder;
	void *payload;
	int length;

	nl_begin(&builder, bytes, sizeof(bytes), walk->remove, NLM_F_ACK);
	payload = nl_put_header(&builder, message->length);
	if (payload)
		memcpy(payload, message->payload, message->length);
	length = nl_end(&builder);
	if (length > 0)
		(void)nl_socket_request(walk->remover, bytes, (size_t)length, NULL);
}

static int look(void *arg, const struct nl_message *message)
{
	struct walk *walk = arg;
	struct nl_object object;

	if (nl_route_parse(message, &object) <= 0 || !is_ours(&object, walk->tun))
		return 0;
	walk->count++;
	if (walk->remover)
		take_away(walk, message);
	return 0;
}

/* How many there are, or were, in both families. A family that the kernel lacks has none. */
static uint32_t walk_over(struct mover *mover, struct nl_socket *dumper, enum quota_kind kind,
			  struct nl_socket *remover)
{
	struct walk walk = { remover, kinds[kind].remove, datapath_tun_index(mover->datapath), 0 };
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));

	for (uint8_t family = 4; family <= 6; family += 2) {
		int length = nl_build_dump(kinds[kind].dump, family, request);

		(void)nl_socket_dump(dumper, request, (size_t)length, look, &walk);
	}
	return walk.count;
}

/* A table that is walked over while it shrinks may hide some, so again. */
static void clear(struct mover *mover, enum quota_kind kind)
{
	struct nl_socket *dumper = NULL;
	int error = nl_socket_open(NETLINK_ROUTE, &dumper);

	log_warning("%u %s of ours are more than any configuration needs: all are removed",
		    mover->quota.added[kind], kinds[kind].name);
	for (int i = 0; !error && mover->quota.added[kind] > 0 && i < ROUNDS_MAX; i++)
		mover->quota.added[kind] = walk_over(mover, dumper, kind, mover->netlink);
	nl_socket_close(dumper);
}

static void count(struct mover *mover)
{
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		mover->quota.added[kind] = walk_over(mover, mover->netlink, kind, NULL);
	mover->quota.counted_us = loop_now_us(mover->loop);
}

void quota_begin(struct mover *mover)
{
	count(mover);
	for (int kind = 0; kind < QUOTA_KINDS; kind++)
		if (mover->quota.added[kind] > kinds[kind].max)
			clear(mover, kind);
}

int quota_take(struct mover *mover, enum quota_kind kind)
{
	struct quota *quota = &mover->quota;

	if (quota->added[kind] >= kinds[kind].max &&
	    loop_now_us(mover->loop) - quota->counted_us >= COUNT_INTERVAL_US)
		count(mover);
	if (quota->added[kind] >= kinds[kind].max)
		return -EDQUOT;
	quota->added[kind]++;
	return 0;
}
