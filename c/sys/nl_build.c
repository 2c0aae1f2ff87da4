#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_route.h"

/* linux/if_addr.h of Linux 5.18; older kernels ignore it. */
#define ADDRESS_ATTR_PROTOCOL 11

static uint8_t kernel_family(uint8_t family)
{
	return family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
}

static size_t dump_header_length(uint16_t type)
{
	switch (type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_GETRULE:
		return sizeof(struct fib_rule_hdr);
	case RTM_GETNEIGH:
		return sizeof(struct ndmsg);
	default:
		return sizeof(struct rtmsg);
	}
}

/* Every family header begins with the family. */
int nl_build_dump(uint16_t type, uint8_t family, void *buffer)
{
	struct nl_builder builder;
	uint8_t *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES, type, NLM_F_DUMP);
	header = nl_put_header(&builder, dump_header_length(type));
	if (header)
		header[0] = kernel_family(family);
	return nl_end(&builder);
}

int nl_build_route_dump(uint8_t family, uint32_t table, void *buffer)
{
	struct nl_builder builder;
	struct rtmsg *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES, RTM_GETROUTE, NLM_F_DUMP);
	header = nl_put_header(&builder, sizeof(*header));
	if (header)
		header->rtm_family = kernel_family(family);
	nl_put_u32(&builder, RTA_TABLE, table);
	return nl_end(&builder);
}

int nl_build_link(const struct msg_link_set *set, uint32_t index, void *buffer)
{
	struct nl_builder builder;
	struct ifinfomsg *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES, RTM_NEWLINK, NLM_F_ACK);
	header = nl_put_header(&builder, sizeof(*header));
	if (header) {
		header->ifi_index = (int)index;
		header->ifi_flags = set->up ? IFF_UP : 0;
		header->ifi_change = IFF_UP;
	}
	if (set->mtu)
		nl_put_u32(&builder, IFLA_MTU, set->mtu);
	return nl_end(&builder);
}

static uint8_t address_scope(const struct inet_ip *ip)
{
	bool link_local6 = ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
	bool link_local4 = ip->bytes[0] == 169 && ip->bytes[1] == 254;

	return (ip->family == 6 ? link_local6 : link_local4) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/* Nobody else is on a TUN, so duplicate detection would only delay the address. */
int nl_build_address(const struct msg_address_set *set, uint32_t index, void *buffer)
{
	uint16_t create = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	struct nl_builder builder;
	struct ifaddrmsg *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES, set->remove ? RTM_DELADDR : RTM_NEWADDR,
		 set->remove ? NLM_F_ACK : create);
	header = nl_put_header(&builder, sizeof(*header));
	if (header) {
		header->ifa_family = kernel_family(set->prefix.ip.family);
		header->ifa_prefixlen = set->prefix.length;
		header->ifa_scope = address_scope(&set->prefix.ip);
		header->ifa_index = index;
	}
	nl_put_ip(&builder, IFA_LOCAL, &set->prefix.ip);
	nl_put_ip(&builder, IFA_ADDRESS, &set->prefix.ip);
	if (!set->remove && set->prefix.ip.family == 6)
		nl_put_u32(&builder, IFA_FLAGS, IFA_F_NODAD);
	if (!set->remove)
		nl_put_u8(&builder, ADDRESS_ATTR_PROTOCOL, NL_ROUTE_PROTOCOL);
	return nl_end(&builder);
}

/* A delete names our protocol, so that the kernel itself passes over foreign routes. */
int nl_build_route(const struct msg_route_set *set, uint32_t oif, uint16_t flags, void *buffer)
{
	struct nl_builder builder;
	struct rtmsg *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES,
		 set->remove ? RTM_DELROUTE : RTM_NEWROUTE, flags | NLM_F_ACK);
	header = nl_put_header(&builder, sizeof(*header));
	if (header) {
		header->rtm_family = kernel_family(set->dst.ip.family);
		header->rtm_dst_len = set->dst.length;
		header->rtm_table = set->table < 256 ? (uint8_t)set->table : RT_TABLE_UNSPEC;
		header->rtm_protocol = NL_ROUTE_PROTOCOL;
		header->rtm_type = set->kind;
		header->rtm_scope = set->remove ? RT_SCOPE_NOWHERE : set->scope;
		/* The route that this one copies was taken with its gateway; in our table the
		 * networks that would prove it need not stand. */
		if (!set->remove && set->gateway.family && oif)
			header->rtm_flags = RTNH_F_ONLINK;
	}
	nl_put_u32(&builder, RTA_TABLE, set->table);
	nl_put_ip(&builder, RTA_DST, &set->dst.ip);
	nl_put_u32(&builder, RTA_PRIORITY, nl_route_metric(set->dst.ip.family, set->metric));
	if (oif)
		nl_put_u32(&builder, RTA_OIF, oif);
	if (set->gateway.family)
		nl_put_ip(&builder, RTA_GATEWAY, &set->gateway);
	if (set->source.family)
		nl_put_ip(&builder, RTA_PREFSRC, &set->source);
	return nl_end(&builder);
}

static void put_rule_selectors(struct nl_builder *builder, const struct msg_rule_set *set)
{
	if (set->src.ip.family)
		nl_put_ip(builder, FRA_SRC, &set->src.ip);
	if (set->dst.ip.family)
		nl_put_ip(builder, FRA_DST, &set->dst.ip);
	if (set->iif[0])
		nl_put_text(builder, FRA_IIFNAME, set->iif);
	if (set->fwmask) {
		nl_put_u32(builder, FRA_FWMARK, set->fwmark);
		nl_put_u32(builder, FRA_FWMASK, set->fwmask);
	}
}

int nl_build_rule(const struct msg_rule_set *set, uint16_t flags, void *buffer)
{
	struct nl_builder builder;
	struct fib_rule_hdr *header;

	nl_begin(&builder, buffer, NL_ROUTE_REQUEST_BYTES, set->remove ? RTM_DELRULE : RTM_NEWRULE,
		 flags | NLM_F_ACK);
	header = nl_put_header(&builder, sizeof(*header));
	if (header) {
		header->family = kernel_family(set->family);
		header->src_len = set->src.ip.family ? set->src.length : 0;
		header->dst_len = set->dst.ip.family ? set->dst.length : 0;
		header->action = set->action;
		header->flags = set->invert ? FIB_RULE_INVERT : 0;
	}
	put_rule_selectors(&builder, set);
	nl_put_u32(&builder, FRA_PRIORITY, set->priority);
	nl_put_u8(&builder, FRA_PROTOCOL, NL_ROUTE_PROTOCOL);
	if (set->action == FR_ACT_TO_TBL)
		nl_put_u32(&builder, FRA_TABLE, set->table);
	if (set->action == FR_ACT_GOTO)
		nl_put_u32(&builder, FRA_GOTO, set->table);
	return nl_end(&builder);
}

uint32_t nl_route_metric(uint8_t family, uint32_t metric)
{
	return family == 6 && metric == 0 ? NL_ROUTE_METRIC6 : metric;
}

static bool prefix_equal(const struct inet_prefix *a, const struct inet_prefix *b)
{
	return a->length == b->length && inet_ip_equal(&a->ip, &b->ip);
}

/* A selector of length 0 is none at all. */
static bool selector_equal(const struct inet_prefix *a, const struct inet_prefix *b)
{
	bool any_a = a->ip.family == 0 || a->length == 0;
	bool any_b = b->ip.family == 0 || b->length == 0;

	return any_a || any_b ? any_a && any_b : prefix_equal(a, b);
}

bool nl_route_same_key(const struct msg_route *route, const struct msg_route_set *set)
{
	return route->table == set->table && prefix_equal(&route->dst, &set->dst) &&
	       route->metric == nl_route_metric(set->dst.ip.family, set->metric);
}

bool nl_route_is(const struct msg_route *route, const struct msg_route_set *set, uint32_t oif)
{
	/* IPv6 has no scopes: it reports universe for every route. */
	bool scope = set->dst.ip.family == 6 || route->kind != RTN_UNICAST ||
		     route->scope == set->scope;

	return nl_route_same_key(route, set) && route->protocol == NL_ROUTE_PROTOCOL && scope &&
	       route->kind == set->kind && route->oif == oif &&
	       inet_ip_equal(&route->gateway, &set->gateway) &&
	       inet_ip_equal(&route->source, &set->source);
}

bool nl_rule_is(const struct msg_rule *rule, const struct msg_rule_set *set)
{
	bool leads = set->action == FR_ACT_TO_TBL || set->action == FR_ACT_GOTO;
	bool table = !leads || rule->table == set->table;

	return rule->protocol == NL_ROUTE_PROTOCOL && rule->family == set->family && table &&
	       rule->priority == set->priority && rule->action == set->action &&
	       rule->invert == set->invert && rule->fwmark == set->fwmark &&
	       rule->fwmask == set->fwmask && rule->suppress == -1 && !rule->oif[0] &&
	       strcmp(rule->iif, set->iif) == 0 && selector_equal(&rule->src, &set->src) &&
	       selector_equal(&rule->dst, &set->dst);
}
