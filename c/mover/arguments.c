#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "../sys/ifname.h"
#include "commands.h"

#define PRIORITY_FIRST 8
#define PRIORITY_LAST 255
#define MTU_MIN 576
#define MTU_MAX 65535

int command_refuse(char *ret_text, const char *field, const char *got, const char *expected)
{
	snprintf(ret_text, COMMAND_TEXT_MAX, "%s: %.64s: expected %s", field,
		 got[0] ? got : "empty", expected);
	return -EINVAL;
}

static int refuse_number(char *ret_text, const char *field, uint32_t got, const char *expected)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", got);
	return command_refuse(ret_text, field, number, expected);
}

static int check_own_link(const char *name, const char *tun, char *ret_text)
{
	if (tun[0] && strcmp(name, tun) == 0)
		return 0;
	command_refuse(ret_text, "name", name, tun[0] ? tun : "an open TUN");
	return -EPERM;
}

int check_link_set(const struct msg_link_set *message, const char *tun, char *ret_text)
{
	int error = check_own_link(message->name, tun, ret_text);

	if (error)
		return error;
	if (message->mtu && (message->mtu < MTU_MIN || message->mtu > MTU_MAX))
		return refuse_number(ret_text, "mtu", message->mtu, "0 or 576 to 65535");
	return 0;
}

int check_address_set(const struct msg_address_set *message, const char *tun, char *ret_text)
{
	char text[INET_TEXT_MAX];
	int error = check_own_link(message->name, tun, ret_text);

	if (error)
		return error;
	inet_prefix_text(&message->prefix, text);
	if (!inet_prefix_valid(&message->prefix))
		return command_refuse(ret_text, "prefix", text, "an address with its length");
	return 0;
}

/* Which table is ours the owner says; what we put there carries our protocol number. */
static int check_table(uint32_t table, char *ret_text)
{
	if (table != RT_TABLE_UNSPEC && table != RT_TABLE_DEFAULT && table != RT_TABLE_LOCAL)
		return 0;
	return refuse_number(ret_text, "table", table, "any but 0, 253 and 255");
}

static int check_optional_name(const char *field, const char *name, char *ret_text)
{
	if (!name[0] || ifname_is_valid(name))
		return 0;
	return command_refuse(ret_text, field, name, "an interface name");
}

/* An address that may be absent but otherwise has the family of the destination. */
static int check_family(const char *field, const struct inet_ip *ip, uint8_t family,
			char *ret_text)
{
	char text[INET_TEXT_MAX];

	if (ip->family == 0 || ip->family == family)
		return 0;
	inet_ip_text(ip, text);
	return command_refuse(ret_text, field, text, "an address of the destination's family");
}

static int check_network(const char *field, const struct inet_prefix *prefix, char *ret_text)
{
	char text[INET_TEXT_MAX];

	if (inet_prefix_is_network(prefix))
		return 0;
	inet_prefix_text(prefix, text);
	return command_refuse(ret_text, field, text, "a prefix without host bits");
}

static int check_route_kind(const struct msg_route_set *message, char *ret_text)
{
	bool leads = message->oif[0] || message->gateway.family;

	if (message->scope != RT_SCOPE_UNIVERSE && message->scope != RT_SCOPE_LINK)
		return refuse_number(ret_text, "scope", message->scope, "0 or 253");
	if (message->kind == RTN_UNICAST)
		return leads || message->remove ?
			       0 :
			       command_refuse(ret_text, "oif", "", "an interface or a gateway");
	if (message->kind != RTN_BLACKHOLE && message->kind != RTN_UNREACHABLE)
		return refuse_number(ret_text, "kind", message->kind, "1, 6 or 7");
	if (!leads)
		return 0;
	return command_refuse(ret_text, "oif", message->oif,
			      "neither interface nor gateway for a route that leads nowhere");
}

int check_route_set(const struct msg_route_set *message, char *ret_text)
{
	uint8_t family = message->dst.ip.family;
	int error = check_table(message->table, ret_text);

	if (!error)
		error = check_network("dst", &message->dst, ret_text);
	if (!error)
		error = check_optional_name("oif", message->oif, ret_text);
	if (!error)
		error = check_family("gateway", &message->gateway, family, ret_text);
	if (!error)
		error = check_family("source", &message->source, family, ret_text);
	return error ? error : check_route_kind(message, ret_text);
}

static int check_selector(const char *field, const struct inet_prefix *prefix, uint8_t family,
			  char *ret_text)
{
	char text[INET_TEXT_MAX];

	if (prefix->ip.family == 0)
		return 0;
	inet_prefix_text(prefix, text);
	if (prefix->ip.family != family)
		return command_refuse(ret_text, field, text, "a prefix of the rule's family");
	return check_network(field, prefix, ret_text);
}

static int check_rule_action(const struct msg_rule_set *message, char *ret_text)
{
	if (message->action == FR_ACT_UNREACHABLE || message->action == FR_ACT_NOP)
		return 0;
	if (message->action == FR_ACT_GOTO &&
	    (message->table <= message->priority || message->table > PRIORITY_LAST))
		return refuse_number(ret_text, "table", message->table, "a later priority of ours");
	if (message->action == FR_ACT_GOTO)
		return 0;
	if (message->action != FR_ACT_TO_TBL)
		return refuse_number(ret_text, "action", message->action, "1, 2, 3 or 7");
	return check_table(message->table, ret_text);
}

int check_rule_set(const struct msg_rule_set *message, char *ret_text)
{
	int error = 0;

	if (message->family != 4 && message->family != 6)
		return refuse_number(ret_text, "family", message->family, "4 or 6");
	if (message->priority < PRIORITY_FIRST || message->priority > PRIORITY_LAST)
		return refuse_number(ret_text, "priority", message->priority, "8 to 255");
	if (message->fwmark & ~message->fwmask)
		return refuse_number(ret_text, "fwmark", message->fwmark, "only bits of fwmask");
	error = check_selector("src", &message->src, message->family, ret_text);
	if (!error)
		error = check_selector("dst", &message->dst, message->family, ret_text);
	if (!error)
		error = check_optional_name("iif", message->iif, ret_text);
	return error ? error : check_rule_action(message, ret_text);
}

/* What others on the bus believe of an object depends on its name. */
int check_bus_open(const struct msg_bus_open *message, char *ret_text)
{
	static const char own[] = "adit";
	const char *rest = message->object + sizeof(own) - 1;

	if (strncmp(message->object, own, sizeof(own) - 1) == 0 &&
	    (rest[0] == '\0' || (rest[0] == '.' && rest[1])) &&
	    rest[strspn(rest, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0')
		return 0;
	return command_refuse(ret_text, "object", message->object, "adit, or adit. and a name");
}

int check_policy_open(const struct msg_policy_open *message, char *ret_text)
{
	if (message->memory_kib < 256 || message->memory_kib > 8192)
		return refuse_number(ret_text, "memory_kib", message->memory_kib, "256 to 8192");
	if (message->stack_kib < 16 || message->stack_kib > 1024)
		return refuse_number(ret_text, "stack_kib", message->stack_kib, "16 to 1024");
	if (message->call_ms < 10 || message->call_ms > 1000)
		return refuse_number(ret_text, "call_ms", message->call_ms, "10 to 1000");
	return 0;
}

int check_session_open(const struct msg_session_open *message, char *ret_text)
{
	if (message->slot == 0)
		return refuse_number(ret_text, "slot", message->slot, "a number from 1");
	if (message->peer.family == 0)
		return command_refuse(ret_text, "peer", "", "an address");
	if (message->port == 0)
		return refuse_number(ret_text, "port", message->port, "1 to 65535");
	if (message->pins_count == 0 && !message->ca_file[0])
		return command_refuse(ret_text, "pins", "", "a pin, or a ca_file");
	return check_optional_name("device", message->device, ret_text);
}
