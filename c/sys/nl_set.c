#define _GNU_SOURCE 1
#include "nl_set.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_route.h"

/* A table that changes while it is dumped is dumped again. */
#define DUMP_ATTEMPTS_MAX 5

union request {
	uint8_t bytes[NL_ROUTE_REQUEST_BYTES];
	uint32_t align;
};

/* `length` is what a nl_build_ function returned. Explains a failure in one sentence. */
static int request(struct nl_socket *socket, union request *built, int length, const char *what,
		   char *ret_text)
{
	char text[NL_SOCKET_TEXT_MAX] = "";
	int error = length;

	ret_text[0] = '\0';
	if (length > 0)
		error = nl_socket_request(socket, built->bytes, (size_t)length, text);
	if (error < 0)
		snprintf(ret_text, NL_SET_TEXT_MAX, "%s: %s%s%s", what, strerror(-error),
			 text[0] ? ": " : "", text);
	return error;
}

static int link_gone(const char *what, const char *name, char *ret_text)
{
	snprintf(ret_text, NL_SET_TEXT_MAX,
		 "%s: interface \"%s\" does not exist, or is not the TUN that it should be", what,
		 name);
	return -ENODEV;
}

int nl_set_link(struct nl_socket *socket, const struct msg_link_set *set, uint32_t index,
		char *ret_text)
{
	union request built;

	if (!index)
		return link_gone("link_set", set->name, ret_text);
	return request(socket, &built, nl_build_link(set, index, built.bytes), "link_set",
		       ret_text);
}

int nl_set_address(struct nl_socket *socket, const struct msg_address_set *set, uint32_t index,
		   char *ret_text)
{
	union request built;
	int error;

	ret_text[0] = '\0';
	if (!index && set->remove)
		return 0;
	if (!index)
		return link_gone("address_set", set->name, ret_text);
	error = request(socket, &built, nl_build_address(set, index, built.bytes), "address_set",
			ret_text);
	if (error != (set->remove ? -EADDRNOTAVAIL : -EEXIST))
		return error;
	ret_text[0] = '\0';
	return 0;
}

struct route_search {
	const struct msg_route_set *set;
	uint32_t oif;
	bool ours; /* one with the same key has our protocol */
	bool foreign; /* one of those has another */
	bool same; /* one of those is what was asked for */
};

static int look_at_route(void *arg, const struct nl_message *message)
{
	struct route_search *search = arg;
	struct nl_object object;

	if (nl_route_parse(message, &object) <= 0 || object.id != MSG_ROUTE ||
	    !nl_route_same_key(&object.route, search->set))
		return 0;
	if (object.route.protocol == NL_ROUTE_PROTOCOL)
		search->ours = true;
	else
		search->foreign = true;
	if (nl_route_is(&object.route, search->set, search->oif))
		search->same = true;
	return 0;
}

static int find_route(struct nl_socket *socket, struct route_search *search)
{
	uint8_t family = search->set->dst.ip.family;
	union request built;
	int length = nl_build_route_dump(family, search->set->table, built.bytes);
	int error = -EINTR;

	for (int i = 0; i < DUMP_ATTEMPTS_MAX && error == -EINTR; i++)
		error = nl_socket_dump(socket, built.bytes, (size_t)length, look_at_route, search);
	/* A table that no route was ever put into. */
	return error == -ENOENT ? 0 : error;
}

static int find_failed(const char *what, int error, char *ret_text)
{
	snprintf(ret_text, NL_SET_TEXT_MAX, "%s: cannot read back what exists: %s", what,
		 strerror(-error));
	return error;
}

static int foreign_route(const struct msg_route_set *set, char *ret_text)
{
	char dst[INET_TEXT_MAX];

	inet_prefix_text(&set->dst, dst);
	snprintf(ret_text, NL_SET_TEXT_MAX,
		 "route_set: dst %s metric %u in table %u is taken by a route whose protocol is "
		 "not %d; it is left alone",
		 dst, set->metric, set->table, NL_ROUTE_PROTOCOL);
	return -EEXIST;
}

/* The kernel found the key taken: by the same route, by an outdated one of ours, or by a foreign
 * one. */
static int settle_route(struct nl_socket *socket, const struct msg_route_set *set, uint32_t oif,
			char *ret_text)
{
	struct route_search search = { .set = set, .oif = oif };
	union request built;
	int error = find_route(socket, &search);

	ret_text[0] = '\0';
	if (error)
		return find_failed("route_set", error, ret_text);
	if (search.same)
		return 0;
	/* The kernel replaces whichever of them it finds first. */
	if (search.foreign || !search.ours)
		return foreign_route(set, ret_text);
	return request(socket, &built,
		       nl_build_route(set, oif, NLM_F_CREATE | NLM_F_REPLACE, built.bytes),
		       "route_set", ret_text);
}

static int add_route(struct nl_socket *socket, const struct msg_route_set *set, uint32_t oif,
		     char *ret_text)
{
	union request built;
	int length = nl_build_route(set, oif, NLM_F_CREATE | NLM_F_EXCL, built.bytes);
	int error = request(socket, &built, length, "route_set", ret_text);

	return error == -EEXIST ? settle_route(socket, set, oif, ret_text) : error;
}

/* A delete matches what it does not name: any metric for 0 in IPv4, any kind in IPv6, any gateway
 * where none is given. Such a one could hit another route of ours, so it looks first. */
static bool delete_is_vague(const struct msg_route_set *set)
{
	return set->gateway.family == 0 || set->metric == 0 || set->kind != RTN_UNICAST;
}

static int remove_route(struct nl_socket *socket, const struct msg_route_set *set, uint32_t oif,
			char *ret_text)
{
	struct route_search search = { .set = set, .oif = oif };
	union request built;
	int error = 0;

	if (delete_is_vague(set)) {
		error = find_route(socket, &search);
		if (error)
			return find_failed("route_set", error, ret_text);
		if (!search.same)
			return 0;
	}
	error = request(socket, &built, nl_build_route(set, oif, 0, built.bytes), "route_set",
			ret_text);
	if (error != -ESRCH && error != -ENOENT && error != -ENODEV)
		return error;
	ret_text[0] = '\0';
	return 0;
}

int nl_set_route(struct nl_socket *socket, const struct msg_route_set *set, uint32_t index,
		 char *ret_text)
{
	ret_text[0] = '\0';
	if (set->oif[0] && !index && set->remove)
		return 0;
	if (set->oif[0] && !index)
		return link_gone("route_set", set->oif, ret_text);
	return set->remove ? remove_route(socket, set, index, ret_text) :
			     add_route(socket, set, index, ret_text);
}

struct rule_search {
	const struct msg_rule_set *set;
	bool same;
};

static int look_at_rule(void *arg, const struct nl_message *message)
{
	struct rule_search *search = arg;
	struct nl_object object;

	if (nl_route_parse(message, &object) > 0 && object.id == MSG_RULE &&
	    nl_rule_is(&object.rule, search->set))
		search->same = true;
	return 0;
}

static int find_rule(struct nl_socket *socket, const struct msg_rule_set *set, bool *ret_same)
{
	struct rule_search search = { .set = set };
	union request built;
	int length = nl_build_dump(RTM_GETRULE, set->family, built.bytes);
	int error = -EINTR;

	for (int i = 0; i < DUMP_ATTEMPTS_MAX && error == -EINTR; i++)
		error = nl_socket_dump(socket, built.bytes, (size_t)length, look_at_rule, &search);
	*ret_same = search.same;
	return error;
}

/* The kernel's own test for an equal rule takes a missing selector for any, so its EEXIST may mean
 * another rule of the same priority. */
static int settle_rule(struct nl_socket *socket, const struct msg_rule_set *set, char *ret_text)
{
	union request built;
	bool same = false;
	int error = find_rule(socket, set, &same);

	ret_text[0] = '\0';
	if (error)
		return find_failed("rule_set", error, ret_text);
	if (same)
		return 0;
	return request(socket, &built, nl_build_rule(set, NLM_F_CREATE, built.bytes), "rule_set",
		       ret_text);
}

/* For the same reason a delete without addresses could hit a narrower rule of ours; one with
 * addresses cannot, because each of our priorities carries one kind of rule. */
static int remove_rule(struct nl_socket *socket, const struct msg_rule_set *set, char *ret_text)
{
	bool narrow = set->src.ip.family || set->dst.ip.family;
	union request built;
	bool same = true;
	int error = narrow ? 0 : find_rule(socket, set, &same);

	if (error)
		return find_failed("rule_set", error, ret_text);
	if (!same)
		return 0;
	error = request(socket, &built, nl_build_rule(set, 0, built.bytes), "rule_set", ret_text);
	if (error != -ENOENT && error != -ESRCH)
		return error;
	ret_text[0] = '\0';
	return 0;
}

int nl_set_rule(struct nl_socket *socket, const struct msg_rule_set *set, char *ret_text)
{
	union request built;
	int length;
	int error;

	ret_text[0] = '\0';
	if (set->remove)
		return remove_rule(socket, set, ret_text);
	length = nl_build_rule(set, NLM_F_CREATE | NLM_F_EXCL, built.bytes);
	error = request(socket, &built, length, "rule_set", ret_text);
	return error == -EEXIST ? settle_rule(socket, set, ret_text) : error;
}
