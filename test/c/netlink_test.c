#include <errno.h>
#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "sys/nl_route.h"
#include "test.h"

static struct inet_prefix prefix_of(const char *text, uint8_t length)
{
	struct inet_prefix prefix = { .length = length };

	prefix.ip.family = strchr(text, ':') ? 6 : 4;
	inet_pton(prefix.ip.family == 4 ? AF_INET : AF_INET6, text, prefix.ip.bytes);
	return prefix;
}

/* Reads back what was built; the kernel uses the same layouts in both directions. */
static int parse(const void *bytes, int length, struct nl_object *ret_object)
{
	struct nl_cursor cursor = { bytes, (size_t)length };
	struct nl_message message;

	if (nl_next(&cursor, &message) != 1)
		return -EBADMSG;
	return nl_route_parse(&message, ret_object);
}

static void a_builder_remembers_that_it_was_full(void)
{
	uint32_t space[8];
	struct nl_builder builder;

	nl_begin(&builder, space, sizeof(space), RTM_GETLINK, 0);
	EXPECT(nl_put_header(&builder, 12) != NULL);
	EXPECT_EQUAL(nl_end(&builder), 28);
	nl_put_u32(&builder, 1, 5);
	EXPECT_EQUAL(nl_end(&builder), -EMSGSIZE);
	nl_put_u8(&builder, 1, 5);
	EXPECT(nl_put_header(&builder, 4) == NULL);
	EXPECT_EQUAL(nl_end(&builder), -EMSGSIZE);
}

static void attributes_are_read_back(void)
{
	uint32_t space[64];
	struct nl_builder builder;
	struct nl_message message;
	struct nl_cursor cursor, body, inner;
	struct nl_attr attrs[6];
	char text[4];
	size_t nest;
	int length;

	nl_begin(&builder, space, sizeof(space), 99, NLM_F_ACK);
	nl_put_header(&builder, 4);
	nl_put_u8(&builder, 1, 200);
	nl_put_u32(&builder, 2, 70000);
	nl_put_text(&builder, 3, "hello");
	nest = nl_nest_begin(&builder, 4);
	nl_put_u32(&builder, 1, 7);
	nl_nest_end(&builder, nest);
	nl_put_u32(&builder, 77, 1);
	length = nl_end(&builder);
	EXPECT(length > 0);
	cursor = (struct nl_cursor){ (uint8_t *)space, (size_t)length };
	EXPECT_EQUAL(nl_next(&cursor, &message), 1);
	EXPECT_EQUAL(message.type, 99);
	EXPECT_EQUAL(message.flags, NLM_F_ACK | NLM_F_REQUEST);
	EXPECT_EQUAL(nl_next(&cursor, &message), 0);
	EXPECT_EQUAL(nl_body(&message, 4, &body), 0);
	EXPECT_EQUAL(nl_attrs(body, attrs, 6), 0);
	EXPECT_EQUAL(nl_u8(&attrs[1], 0), 200);
	EXPECT_EQUAL(nl_u32(&attrs[2], 0), 70000);
	EXPECT_EQUAL(nl_u32(&attrs[1], 9), 9);
	EXPECT_EQUAL(nl_u32(&attrs[5], 9), 9);
	nl_text(&attrs[3], text, sizeof(text));
	EXPECT_TEXT(text, "hel");
	inner = (struct nl_cursor){ attrs[4].data, attrs[4].length };
	EXPECT_EQUAL(nl_attrs(inner, attrs, 6), 0);
	EXPECT_EQUAL(nl_u32(&attrs[1], 0), 7);
	EXPECT_EQUAL(nl_body(&message, 4000, &body), -EBADMSG);
}

/* Every cut and every wrong length must end in an answer, never beyond the bytes. */
static void wrong_lengths_are_refused(void)
{
	struct nlmsghdr header = { .nlmsg_len = 15 };
	struct nlattr attr = { .nla_len = 3 };
	struct nl_cursor cursor = { (uint8_t *)&header, sizeof(header) };
	struct nl_message message;
	struct nl_attr found;

	EXPECT_EQUAL(nl_next(&cursor, &message), -EBADMSG);
	header.nlmsg_len = sizeof(header) + 1;
	EXPECT_EQUAL(nl_next(&cursor, &message), -EBADMSG);
	cursor.left = 7;
	EXPECT_EQUAL(nl_next(&cursor, &message), -EBADMSG);
	cursor = (struct nl_cursor){ (uint8_t *)&attr, sizeof(attr) };
	EXPECT_EQUAL(nl_attr_next(&cursor, &found), -EBADMSG);
	attr.nla_len = 5;
	EXPECT_EQUAL(nl_attr_next(&cursor, &found), -EBADMSG);
	cursor.left = 2;
	EXPECT_EQUAL(nl_attr_next(&cursor, &found), -EBADMSG);
}

static void errors_are_read(void)
{
	struct {
		int32_t error;
		struct nlmsghdr request;
		struct nlattr attr;
		char text[8];
	} payload = { .error = -EPERM, .request.nlmsg_len = sizeof(struct nlmsghdr),
		      .attr = { 11, NLMSGERR_ATTR_MSG }, .text = "refused" };
	struct nl_message message = { .type = NLMSG_ERROR, .flags = NLM_F_ACK_TLVS,
				      .payload = (uint8_t *)&payload, .length = sizeof(payload) };
	char text[32];

	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), -EPERM);
	EXPECT_TEXT(text, "refused");
	payload.request.nlmsg_len = 0xfffffff0;
	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), -EPERM);
	EXPECT_TEXT(text, "");
	message.flags |= NLM_F_CAPPED;
	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), -EPERM);
	EXPECT_TEXT(text, "refused");
	payload.error = 5;
	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), -EBADMSG);
	message.length = 10;
	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), -EBADMSG);
	message.type = NLMSG_DONE;
	message.length = 0;
	EXPECT_EQUAL(nl_error(&message, text, sizeof(text)), 0);
}

static void routes_go_there_and_back(void)
{
	uint32_t space[NL_ROUTE_REQUEST_BYTES / 4];
	struct msg_route_set set = { .table = 47, .dst = prefix_of("0.0.0.0", 0), .oif = "wrt0",
				     .metric = 1000, .kind = RTN_UNICAST,
				     .scope = RT_SCOPE_LINK };
	struct nl_object object;

	EXPECT_EQUAL(parse(space, nl_build_route(&set, 5, 0, space), &object), 1);
	EXPECT_EQUAL(object.id, MSG_ROUTE);
	EXPECT_EQUAL(object.route.table, 47);
	EXPECT_EQUAL(object.route.oif, 5);
	EXPECT_EQUAL(object.route.protocol, NL_ROUTE_PROTOCOL);
	EXPECT(nl_route_is(&object.route, &set, 5));
	EXPECT(!nl_route_is(&object.route, &set, 6));
	set.metric = 1001;
	EXPECT(!nl_route_same_key(&object.route, &set));
	set.table = RT_TABLE_LOCAL;
	EXPECT_EQUAL(parse(space, nl_build_route(&set, 5, 0, space), &object), 0);
	set.table = 254;
	set.kind = RTN_MULTICAST;
	EXPECT_EQUAL(parse(space, nl_build_route(&set, 5, 0, space), &object), 0);
}

static void unreachable_routes_have_no_interface(void)
{
	uint32_t space[NL_ROUTE_REQUEST_BYTES / 4];
	struct msg_route_set set = { .table = 1000, .dst = prefix_of("fd00::", 8),
				     .kind = RTN_UNREACHABLE };
	struct nl_object object;

	/* The kernel keeps them on lo, index 1. */
	EXPECT_EQUAL(parse(space, nl_build_route(&set, 1, 0, space), &object), 1);
	EXPECT_EQUAL(object.route.oif, 0);
	EXPECT_EQUAL(object.route.table, 1000);
	EXPECT_EQUAL(object.route.metric, NL_ROUTE_METRIC6);
	EXPECT(nl_route_is(&object.route, &set, 0));
}

static void multipath_counts_as_its_first_hop(void)
{
	uint32_t space[64];
	struct nl_builder builder;
	struct nl_object object;
	struct rtnexthop hop = { .rtnh_len = sizeof(hop) + 8, .rtnh_ifindex = 9 };
	struct inet_prefix gateway = prefix_of("192.0.2.1", 0);
	uint8_t bytes[sizeof(hop) + 8];
	struct nlattr attr = { 8, RTA_GATEWAY };
	struct rtmsg *header;

	memcpy(bytes, &hop, sizeof(hop));
	memcpy(bytes + sizeof(hop), &attr, sizeof(attr));
	memcpy(bytes + sizeof(hop) + sizeof(attr), gateway.ip.bytes, 4);
	for (int cut = 0; cut < 2; cut++) {
		nl_begin(&builder, space, sizeof(space), RTM_NEWROUTE, 0);
		header = nl_put_header(&builder, sizeof(*header));
		header->rtm_family = AF_INET;
		header->rtm_type = RTN_UNICAST;
		header->rtm_table = RT_TABLE_MAIN;
		nl_put(&builder, RTA_MULTIPATH, bytes, sizeof(bytes) - (cut ? 4 : 0));
		EXPECT_EQUAL(parse(space, nl_end(&builder), &object), cut ? -EBADMSG : 1);
	}
	nl_begin(&builder, space, sizeof(space), RTM_NEWROUTE, 0);
	header = nl_put_header(&builder, sizeof(*header));
	header->rtm_family = AF_INET;
	header->rtm_type = RTN_UNICAST;
	header->rtm_table = RT_TABLE_MAIN;
	nl_put(&builder, RTA_MULTIPATH, bytes, sizeof(bytes));
	EXPECT_EQUAL(parse(space, nl_end(&builder), &object), 1);
	EXPECT_EQUAL(object.route.oif, 9);
	EXPECT(inet_ip_equal(&object.route.gateway, &gateway.ip));
}

static void rules_go_there_and_back(void)
{
	uint32_t space[NL_ROUTE_REQUEST_BYTES / 4];
	struct msg_rule_set set = { .family = 4, .priority = 20, .src = prefix_of("10.1.2.3", 32),
				    .iif = "br-lan", .fwmark = 8, .fwmask = 8, .table = 47,
				    .action = FR_ACT_TO_TBL };
	struct nl_object object;

	EXPECT_EQUAL(parse(space, nl_build_rule(&set, 0, space), &object), 1);
	EXPECT_EQUAL(object.id, MSG_RULE);
	EXPECT(nl_rule_is(&object.rule, &set));
	EXPECT_EQUAL(object.rule.suppress, -1);
	object.rule.protocol = 3;
	EXPECT(!nl_rule_is(&object.rule, &set));
	EXPECT_EQUAL(parse(space, nl_build_rule(&set, 0, space), &object), 1);
	set.src.length = 31;
	EXPECT(!nl_rule_is(&object.rule, &set));
	memset(&set.src, 0, sizeof(set.src));
	EXPECT(!nl_rule_is(&object.rule, &set));
	EXPECT_EQUAL(parse(space, nl_build_rule(&set, 0, space), &object), 1);
	EXPECT(nl_rule_is(&object.rule, &set));
	set.invert = true;
	EXPECT(!nl_rule_is(&object.rule, &set));
}

static void addresses_and_links_are_built(void)
{
	uint32_t space[NL_ROUTE_REQUEST_BYTES / 4];
	struct msg_address_set address = { .name = "wrt0", .prefix = prefix_of("fe80::1", 64) };
	struct msg_link_set link = { .name = "wrt0", .up = true, .mtu = 1400 };
	struct nl_object object;

	EXPECT_EQUAL(parse(space, nl_build_address(&address, 3, space), &object), 1);
	EXPECT_EQUAL(object.address.scope, RT_SCOPE_LINK);
	EXPECT_EQUAL(object.address.protocol, NL_ROUTE_PROTOCOL);
	EXPECT_EQUAL(object.address.prefix.length, 64);
	EXPECT_EQUAL(parse(space, nl_build_link(&link, 3, space), &object), 1);
	EXPECT_EQUAL(object.link.mtu, 1400);
	EXPECT_EQUAL(object.link.index, 3);
	EXPECT(object.link.flags & 1);
}

static int parse_neighbour(const char *address, uint8_t flags, struct nl_object *ret_object)
{
	uint32_t space[64];
	struct inet_prefix prefix = prefix_of(address, 0);
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct nl_builder builder;
	struct ndmsg *header;

	nl_begin(&builder, space, sizeof(space), RTM_NEWNEIGH, 0);
	header = nl_put_header(&builder, sizeof(*header));
	header->ndm_family = prefix.ip.family == 4 ? AF_INET : AF_INET6;
	header->ndm_state = NUD_REACHABLE;
	header->ndm_flags = flags;
	nl_put_ip(&builder, NDA_DST, &prefix.ip);
	nl_put(&builder, NDA_LLADDR, mac, sizeof(mac));
	return parse(space, nl_end(&builder), ret_object);
}

static void only_unicast_neighbours_count(void)
{
	struct nl_object object;

	EXPECT_EQUAL(parse_neighbour("192.0.2.9", 0, &object), 1);
	EXPECT_EQUAL(object.neighbour.mac.bytes[5], 1);
	EXPECT_EQUAL(object.neighbour.state, NUD_REACHABLE);
	EXPECT_EQUAL(parse_neighbour("fe80::9", 0, &object), 1);
	EXPECT_EQUAL(parse_neighbour("224.0.0.22", 0, &object), 0);
	EXPECT_EQUAL(parse_neighbour("255.255.255.255", 0, &object), 0);
	EXPECT_EQUAL(parse_neighbour("ff02::1", 0, &object), 0);
	EXPECT_EQUAL(parse_neighbour("192.0.2.9", NTF_PROXY, &object), 0);
}

int main(void)
{
	a_builder_remembers_that_it_was_full();
	attributes_are_read_back();
	wrong_lengths_are_refused();
	errors_are_read();
	routes_go_there_and_back();
	unreachable_routes_have_no_interface();
	multipath_counts_as_its_first_hop();
	rules_go_there_and_back();
	addresses_and_links_are_built();
	only_unicast_neighbours_count();
	return test_summary();
}
