#define _GNU_SOURCE 1
#include "nl_route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "../check.h"

/* linux/if_addr.h of Linux 5.18; older headers lack it. */
#define ADDRESS_ATTR_PROTOCOL 11

static uint8_t family_of(uint8_t kernel_family)
{
	return kernel_family == AF_INET ? 4 : kernel_family == AF_INET6 ? 6 : 0;
}

/* An absent address attribute stands for all zero. False if family or length do not fit. */
static bool read_prefix(const struct nl_attr *attr, uint8_t family, uint8_t length,
			struct inet_prefix *ret_prefix)
{
	memset(ret_prefix, 0, sizeof(*ret_prefix));
	ret_prefix->length = length;
	if (!attr->data)
		ret_prefix->ip.family = family;
	else if (!nl_ip(attr, &ret_prefix->ip) || ret_prefix->ip.family != family)
		return false;
	return inet_prefix_valid(ret_prefix);
}

static int parse_link(const struct nl_message *message, struct msg_link *ret_link)
{
	struct nl_attr attrs[IFLA_MASTER + 1];
	struct ifinfomsg header;
	struct nl_cursor cursor;

	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	/* Bridges repeat their ports' links under their own family. */
	if (header.ifi_family != AF_UNSPEC || header.ifi_index <= 0)
		return 0;
	ret_link->deleted = message->type == RTM_DELLINK;
	ret_link->index = (uint32_t)header.ifi_index;
	ret_link->flags = header.ifi_flags;
	ret_link->mtu = nl_u32(&attrs[IFLA_MTU], 0);
	ret_link->master = nl_u32(&attrs[IFLA_MASTER], 0);
	nl_text(&attrs[IFLA_IFNAME], ret_link->name, sizeof(ret_link->name));
	if (attrs[IFLA_ADDRESS].length == sizeof(ret_link->mac.bytes))
		memcpy(ret_link->mac.bytes, attrs[IFLA_ADDRESS].data, sizeof(ret_link->mac.bytes));
	return 1;
}

/* On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL, where present, is our own. */
static int parse_address(const struct nl_message *message, struct msg_address *ret_address)
{
	struct nl_attr attrs[ADDRESS_ATTR_PROTOCOL + 1];
	const struct nl_attr *own;
	struct ifaddrmsg header;
	struct nl_cursor cursor;
	uint8_t family;

	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	family = family_of(header.ifa_family);
	if (!family)
		return 0;
	own = attrs[IFA_LOCAL].data ? &attrs[IFA_LOCAL] : &attrs[IFA_ADDRESS];
	if (!own->data || !read_prefix(own, family, header.ifa_prefixlen, &ret_address->prefix))
		return -EBADMSG;
	ret_address->deleted = message->type == RTM_DELADDR;
	ret_address->index = header.ifa_index;
	ret_address->scope = header.ifa_scope;
	ret_address->flags = nl_u32(&attrs[IFA_FLAGS], header.ifa_flags);
	ret_address->protocol = nl_u8(&attrs[ADDRESS_ATTR_PROTOCOL], 0);
	return 1;
}

/* RTA_VIA is an address of another family: a 16 bit kernel family, then the bytes. */
static void read_via(const struct nl_attr *attr, struct inet_ip *ret_ip)
{
	struct nl_attr address = { .data = attr->data, .length = attr->length };

	if (!attr->data || attr->length < sizeof(uint16_t))
		return;
	address.data += sizeof(uint16_t);
	address.length -= sizeof(uint16_t);
	nl_ip(&address, ret_ip);
}

static void read_gateway(const struct nl_attr *attrs, struct inet_ip *ret_gateway)
{
	if (!nl_ip(&attrs[RTA_GATEWAY], ret_gateway))
		read_via(&attrs[RTA_VIA], ret_gateway);
}

/* The hop with that number, from 0. 1 if there is one, 0 if there are fewer. */
static int read_hop(const struct nl_attr *list, unsigned int number, struct msg_route *ret_route)
{
	struct nl_attr attrs[RTA_VIA + 1];
	struct nl_cursor cursor;
	struct rtnexthop hop;
	size_t at = 0;

	for (;; number--, at += RTNH_ALIGN(hop.rtnh_len)) {
		if (at >= list->length)
			return 0;
		if (list->length - at < sizeof(hop))
			return -EBADMSG;
		memcpy(&hop, list->data + at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > list->length - at)
			return -EBADMSG;
		if (number == 0)
			break;
	}
	cursor = (struct nl_cursor){ list->data + at + sizeof(hop), hop.rtnh_len - sizeof(hop) };
	if (nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memset(&ret_route->gateway, 0, sizeof(ret_route->gateway));
	ret_route->oif = (uint32_t)hop.rtnh_ifindex;
	read_gateway(attrs, &ret_route->gateway);
	return 1;
}

static bool route_is_wanted(const struct rtmsg *header, uint32_t table)
{
	bool kind = header->rtm_type == RTN_UNICAST || header->rtm_type == RTN_BLACKHOLE ||
		    header->rtm_type == RTN_UNREACHABLE || header->rtm_type == RTN_PROHIBIT;

	return family_of(header->rtm_family) && kind && table != RT_TABLE_LOCAL &&
	       !(header->rtm_flags & RTM_F_CLONED);
}

static int read_hops(const struct nl_attr *attrs, struct msg_route *ret_route)
{
	if (ret_route->kind != RTN_UNICAST)
		return 0;
	if (attrs[RTA_MULTIPATH].data)
		return read_hop(&attrs[RTA_MULTIPATH], 0, ret_route) == 1 ? 0 : -EBADMSG;
	ret_route->oif = nl_u32(&attrs[RTA_OIF], 0);
	read_gateway(attrs, &ret_route->gateway);
	return 0;
}

static int parse_route(const struct nl_message *message, struct msg_route *ret_route)
{
	struct nl_attr attrs[RTA_VIA + 1];
	struct nl_cursor cursor;
	struct rtmsg header;
	uint8_t family;

	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	family = family_of(header.rtm_family);
	ret_route->table = nl_u32(&attrs[RTA_TABLE], header.rtm_table);
	if (!route_is_wanted(&header, ret_route->table))
		return 0;
	if (!read_prefix(&attrs[RTA_DST], family, header.rtm_dst_len, &ret_route->dst))
		return -EBADMSG;
	ret_route->deleted = message->type == RTM_DELROUTE;
	ret_route->metric = nl_route_metric(family, nl_u32(&attrs[RTA_PRIORITY], 0));
	ret_route->protocol = header.rtm_protocol;
	ret_route->kind = header.rtm_type;
	ret_route->scope = header.rtm_scope;
	nl_ip(&attrs[RTA_PREFSRC], &ret_route->source);
	return read_hops(attrs, ret_route) < 0 ? -EBADMSG : 1;
}

static int read_rule_selectors(const struct nl_attr *attrs, const struct fib_rule_hdr *header,
			       struct msg_rule *ret_rule)
{
	uint8_t family = ret_rule->family;

	if (header->src_len &&
	    !read_prefix(&attrs[FRA_SRC], family, header->src_len, &ret_rule->src))
		return -EBADMSG;
	if (header->dst_len &&
	    !read_prefix(&attrs[FRA_DST], family, header->dst_len, &ret_rule->dst))
		return -EBADMSG;
	nl_text(&attrs[FRA_IIFNAME], ret_rule->iif, sizeof(ret_rule->iif));
	nl_text(&attrs[FRA_OIFNAME], ret_rule->oif, sizeof(ret_rule->oif));
	ret_rule->fwmark = nl_u32(&attrs[FRA_FWMARK], 0);
	ret_rule->fwmask = nl_u32(&attrs[FRA_FWMASK], ret_rule->fwmark ? UINT32_MAX : 0);
	return 0;
}

static int parse_rule(const struct nl_message *message, struct msg_rule *ret_rule)
{
	struct nl_attr attrs[FRA_PROTOCOL + 1];
	struct fib_rule_hdr header;
	struct nl_cursor cursor;

	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	ret_rule->family = family_of(header.family);
	if (!ret_rule->family)
		return 0;
	if (read_rule_selectors(attrs, &header, ret_rule) < 0)
		return -EBADMSG;
	ret_rule->deleted = message->type == RTM_DELRULE;
	ret_rule->priority = nl_u32(&attrs[FRA_PRIORITY], 0);
	ret_rule->table = header.action == FR_ACT_GOTO ? nl_u32(&attrs[FRA_GOTO], 0) :
							 nl_u32(&attrs[FRA_TABLE], header.table);
	ret_rule->action = header.action;
	ret_rule->protocol = nl_u8(&attrs[FRA_PROTOCOL], 0);
	ret_rule->invert = (header.flags & FIB_RULE_INVERT) != 0;
	ret_rule->suppress = (int32_t)nl_u32(&attrs[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX);
	return 1;
}

/* A host's own address: not multicast, not unspecified, not the limited broadcast. */
static bool ip_is_unicast(const struct inet_ip *ip)
{
	static const uint8_t zero[16];

	if (ip->family == 6)
		return ip->bytes[0] != 0xff && memcmp(ip->bytes, zero, 16) != 0;
	return ip->bytes[0] < 224 && memcmp(ip->bytes, zero, 4) != 0;
}

static int parse_neighbour(const struct nl_message *message, struct msg_neighbour *ret_neighbour)
{
	struct nl_attr attrs[NDA_LLADDR + 1];
	struct nl_cursor cursor;
	struct ndmsg header;
	uint8_t family;

	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	family = family_of(header.ndm_family);
	if (!family || (header.ndm_flags & NTF_PROXY))
		return 0;
	if (!nl_ip(&attrs[NDA_DST], &ret_neighbour->addr) || ret_neighbour->addr.family != family)
		return -EBADMSG;
	if (!ip_is_unicast(&ret_neighbour->addr))
		return 0;
	ret_neighbour->deleted = message->type == RTM_DELNEIGH;
	ret_neighbour->index = (uint32_t)header.ndm_ifindex;
	ret_neighbour->state = header.ndm_state;
	if (attrs[NDA_LLADDR].length == sizeof(ret_neighbour->mac.bytes))
		memcpy(ret_neighbour->mac.bytes, attrs[NDA_LLADDR].data,
		       sizeof(ret_neighbour->mac.bytes));
	return 1;
}

int nl_route_parse(const struct nl_message *message, struct nl_object *ret_object)
{
	memset(ret_object, 0, sizeof(*ret_object));
	switch (message->type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		ret_object->id = MSG_LINK;
		return parse_link(message, &ret_object->link);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		ret_object->id = MSG_ADDRESS;
		return parse_address(message, &ret_object->address);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		ret_object->id = MSG_ROUTE;
		return parse_route(message, &ret_object->route);
	case RTM_NEWRULE:
	case RTM_DELRULE:
		ret_object->id = MSG_RULE;
		return parse_rule(message, &ret_object->rule);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		ret_object->id = MSG_NEIGHBOUR;
		return parse_neighbour(message, &ret_object->neighbour);
	default:
		return 0;
	}
}

bool nl_route_further_hop(const struct nl_message *message, unsigned int number,
			  struct msg_route *route)
{
	struct nl_attr attrs[RTA_VIA + 1];
	struct nl_cursor cursor;

	if (route->kind != RTN_UNICAST || nl_body(message, sizeof(struct rtmsg), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0 || !attrs[RTA_MULTIPATH].data)
		return false;
	return read_hop(&attrs[RTA_MULTIPATH], number, route) == 1;
}

int nl_object_encode(const struct nl_object *object, uint8_t *buf, size_t size)
{
	switch (object->id) {
	case MSG_LINK:
		return msg_link_encode(&object->link, 0, buf, size);
	case MSG_ADDRESS:
		return msg_address_encode(&object->address, 0, buf, size);
	case MSG_ROUTE:
		return msg_route_encode(&object->route, 0, buf, size);
	case MSG_RULE:
		return msg_rule_encode(&object->rule, 0, buf, size);
	case MSG_NEIGHBOUR:
		return msg_neighbour_encode(&object->neighbour, 0, buf, size);
	default:
		return -EINVAL;
	}
}
