/* rtnetlink objects as contract messages: parsing what the kernel tells, building what it is asked.
 * Pure. Layouts and constants are those of linux/rtnetlink.h, fib_rules.h, neighbour.h. */
#ifndef ADIT_SYS_NL_ROUTE_H
#define ADIT_SYS_NL_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "../contract.gen.h"
#include "nl.h"

/* rtm_protocol and FRA_PROTOCOL of everything that is ours. */
#define NL_ROUTE_PROTOCOL 173
/* Fits every request that is built here. */
#define NL_ROUTE_REQUEST_BYTES 512
/* What IPv6 makes of a metric of 0 (IP6_RT_PRIO_USER). */
#define NL_ROUTE_METRIC6 1024
/* Hops of one route that are told beside its first. */
#define NL_ROUTE_HOPS_MAX 7

/* One kernel object; `id` is that of the contract message in use. */
struct nl_object {
	uint16_t id;
	union {
		struct msg_link link;
		struct msg_address address;
		struct msg_route route;
		struct msg_rule rule;
		struct msg_neighbour neighbour;
	};
};

/* 1 if `message` describes an object that the contract knows, 0 if it is to be left out, -EBADMSG
 * if it is malformed. Unreachable, blackhole and prohibit routes have interface 0, whatever the
 * kernel keeps them on (IPv6: lo). */
int nl_route_parse(const struct nl_message *message, struct nl_object *ret_object);
/* True if the route that was parsed from `message` has a hop of that number, from 1; then it
 * becomes the route's. */
bool nl_route_further_hop(const struct nl_message *message, unsigned int number,
			 struct msg_route *route);
/* The contract message; as msg_NAME_encode. */
int nl_object_encode(const struct nl_object *object, uint8_t *buf, size_t size);

/* Each builds one request into `buffer` (NL_ROUTE_REQUEST_BYTES, aligned to 4) and returns its
 * length or -errno. `index` and `oif` are interface indices; `flags` are NLM_F_ bits. */
int nl_build_dump(uint16_t type, uint8_t family, void *buffer);
int nl_build_link(const struct msg_link_set *set, uint32_t index, void *buffer);
int nl_build_address(const struct msg_address_set *set, uint32_t index, void *buffer);
int nl_build_route(const struct msg_route_set *set, uint32_t oif, uint16_t flags, void *buffer);
int nl_build_rule(const struct msg_rule_set *set, uint16_t flags, void *buffer);
/* A dump of the routes of one table and family; kernels without strict checking send all. */
int nl_build_route_dump(uint8_t family, uint32_t table, void *buffer);

/* Metric as the kernel keeps it. */
uint32_t nl_route_metric(uint8_t family, uint32_t metric);
/* True if both have the key that the kernel tells routes apart by: table, destination, metric. */
bool nl_route_same_key(const struct msg_route *route, const struct msg_route_set *set);
/* True if the key is the same and the route is ours and leads to the same place. */
bool nl_route_is(const struct msg_route *route, const struct msg_route_set *set, uint32_t oif);
/* True if the rule is ours and equal in every selector. */
bool nl_rule_is(const struct msg_rule *rule, const struct msg_rule_set *set);

#endif
