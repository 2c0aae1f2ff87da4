#define _GNU_SOURCE 1
#include "ct.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../check.h"
#include "nl_socket.h"

#define TYPE(message) (uint16_t)((NFNL_SUBSYS_CTNETLINK << 8) | (message))
/* An interrupted walk over the table may have missed entries. */
#define WALKS_MAX 4

struct request {
	struct flow_law *law;
	struct ct_asker asker; /* done is NULL once forgotten */
	uint32_t deleted;
};

/* One walk over the table serves all requests that wait when it begins: a table has room for as
 * many entries as the machine has memory, and the kernel looks at all of that. */
struct ct {
	struct loop *loop;
	struct nl_socket *dump; /* NULL without connection tracking */
	struct nl_socket *command;
	struct loop_watch readable;
	struct loop_timer begin; /* starts the next walk from the loop */
	uint32_t sequence;
	bool interrupted;
	int walks;
	int served; /* requests of the walk under way, from `first` on; 0 while there is none */
	int first;
	int count;
	struct request ring[CT_WAITING_MAX];
};

/* The address of `type4` or `type6` within a tuple attribute. */
static bool tuple_ip(const struct nl_attr *tuple, uint16_t type4, uint16_t type6,
		     struct inet_ip *ret_ip)
{
	struct nl_attr parts[CTA_TUPLE_IP + 1];
	struct nl_attr addresses[CTA_IP_V6_DST + 1];
	struct nl_cursor cursor = { tuple->data, tuple->length };

	if (!tuple->data || nl_attrs(cursor, parts, ARRAY_SIZE(parts)) < 0)
		return false;
	cursor = (struct nl_cursor){ parts[CTA_TUPLE_IP].data, parts[CTA_TUPLE_IP].length };
	if (!cursor.data || nl_attrs(cursor, addresses, ARRAY_SIZE(addresses)) < 0)
		return false;
	return nl_ip(&addresses[type4], ret_ip) || nl_ip(&addresses[type6], ret_ip);
}

static int build_delete(const struct nl_attr *attrs, uint8_t family, void *buffer)
{
	struct nl_builder builder;
	struct nfgenmsg *header;

	nl_begin(&builder, buffer, CT_DELETE_BYTES_MAX, TYPE(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
	header = nl_put_header(&builder, sizeof(*header));
	if (header)
		header->nfgen_family = family;
	nl_put(&builder, CTA_TUPLE_ORIG | NLA_F_NESTED, attrs[CTA_TUPLE_ORIG].data,
	       attrs[CTA_TUPLE_ORIG].length);
	if (attrs[CTA_ZONE].data)
		nl_put(&builder, CTA_ZONE, attrs[CTA_ZONE].data, attrs[CTA_ZONE].length);
	if (attrs[CTA_ID].data)
		nl_put(&builder, CTA_ID, attrs[CTA_ID].data, attrs[CTA_ID].length);
	return nl_end(&builder);
}

static void read_flow(const struct nl_attr *attrs, struct flow *ret_flow)
{
	const struct nl_attr *original = &attrs[CTA_TUPLE_ORIG];
	const struct nl_attr *reply = &attrs[CTA_TUPLE_REPLY];

	*ret_flow = (struct flow){ 0 };
	tuple_ip(original, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &ret_flow->source);
	tuple_ip(original, CTA_IP_V4_DST, CTA_IP_V6_DST, &ret_flow->destination);
	tuple_ip(reply, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &ret_flow->answerer);
	tuple_ip(reply, CTA_IP_V4_DST, CTA_IP_V6_DST, &ret_flow->answered);
}

int ct_match(const struct nl_message *message, const struct flow_law *law, void *ret_request,
	     size_t *ret_length)
{
	struct nl_attr attrs[CTA_ZONE + 1];
	struct flow flow;
	struct nfgenmsg header;
	struct nl_cursor cursor;
	int length;

	if (message->type != TYPE(IPCTNL_MSG_CT_NEW))
		return 0;
	if (nl_body(message, sizeof(header), &cursor) < 0 ||
	    nl_attrs(cursor, attrs, ARRAY_SIZE(attrs)) < 0)
		return -EBADMSG;
	memcpy(&header, message->payload, sizeof(header));
	read_flow(attrs, &flow);
	if (!attrs[CTA_TUPLE_ORIG].data || flow_law_keeps(law, &flow))
		return 0;
	length = build_delete(attrs, header.nfgen_family, ret_request);
	if (length < 0)
		return -EBADMSG;
	*ret_length = (size_t)length;
	return 1;
}

static struct request *request_at(struct ct *ct, int i)
{
	return &ct->ring[(ct->first + i) % CT_WAITING_MAX];
}

static void begin_soon(struct ct *ct)
{
	if (ct->count > 0 && ct->served == 0 && !ct->begin.heap_index)
		loop_timer_start(ct->loop, &ct->begin, 0);
}

/* Whoever is told may ask for more at once. */
static void finish(struct ct *ct, int error)
{
	int served = ct->served;

	ct->served = 0;
	ct->walks = 0;
	ct->sequence = 0;
	while (served-- > 0) {
		struct request request = *request_at(ct, 0);

		ct->first = (ct->first + 1) % CT_WAITING_MAX;
		ct->count--;
		flow_law_free(request.law);
		if (request.asker.done)
			request.asker.done(request.asker.arg, request.asker.tag, error,
					   request.deleted);
	}
	begin_soon(ct);
}

static int send_dump(struct ct *ct)
{
	uint8_t buffer[64] __attribute__((aligned(4)));
	struct nl_builder builder;
	struct nfgenmsg *header;
	int length;

	nl_begin(&builder, buffer, sizeof(buffer), TYPE(IPCTNL_MSG_CT_GET), NLM_F_DUMP);
	header = nl_put_header(&builder, sizeof(*header));
	if (header)
		header->nfgen_family = AF_UNSPEC;
	length = nl_end(&builder);
	ct->interrupted = false;
	return length < 0 ? length :
			    nl_socket_send(ct->dump, buffer, (size_t)length, &ct->sequence);
}

static void begin_walk(struct loop_timer *timer)
{
	struct ct *ct = container_of(timer, struct ct, begin);
	int error;

	if (ct->served == 0)
		ct->served = ct->count;
	error = ct->dump ? send_dump(ct) : -EOPNOTSUPP;
	ct->walks++;
	if (error)
		finish(ct, error == -EOPNOTSUPP ? 0 : error);
}

/* What a kernel answers whose nf_conntrack_netlink is missing. */
static bool is_absent(int error)
{
	return error == -EINVAL || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT ||
	       error == -ENOENT;
}

static void walk_ended(struct ct *ct, const struct nl_message *message)
{
	char text[NL_SOCKET_TEXT_MAX];
	int error = nl_error(message, text, sizeof(text));

	if (error) {
		finish(ct, is_absent(error) ? 0 : error);
	} else if (ct->interrupted && ct->walks < WALKS_MAX) {
		ct->sequence = 0;
		loop_timer_start(ct->loop, &ct->begin, 0);
	} else {
		finish(ct, 0);
	}
}

static void delete_entry(struct ct *ct, const struct nl_message *message)
{
	uint8_t request[CT_DELETE_BYTES_MAX] __attribute__((aligned(4)));
	size_t length = 0;

	for (int i = 0; i < ct->served; i++) {
		if (ct_match(message, request_at(ct, i)->law, request, &length) <= 0)
			continue;
		if (nl_socket_request(ct->command, request, length, NULL) == 0)
			request_at(ct, i)->deleted++;
		return;
	}
}

static void take_entry(struct ct *ct, const struct nl_message *message)
{
	if (message->flags & NLM_F_DUMP_INTR)
		ct->interrupted = true;
	if (message->type == NLMSG_DONE || message->type == NLMSG_ERROR)
		walk_ended(ct, message);
	else
		delete_entry(ct, message);
}

static void dump_readable(struct loop_watch *watch, uint32_t events)
{
	struct ct *ct = container_of(watch, struct ct, readable);
	struct nl_message message;
	struct nl_cursor cursor;
	int error = nl_socket_receive(ct->dump, &cursor);

	(void)events;
	while (!error && nl_next(&cursor, &message) > 0)
		if (ct->sequence && message.sequence == ct->sequence)
			take_entry(ct, &message);
	if (error && error != -EAGAIN && ct->sequence)
		finish(ct, error);
}

int ct_new(struct loop *loop, struct ct **ret_ct)
{
	struct ct *ct = calloc(1, sizeof(*ct));
	int error = 0;

	if (!ct)
		return -ENOMEM;
	ct->loop = loop;
	ct->begin = (struct loop_timer){ .fired = begin_walk, .name = "conntrack walk" };
	ct->readable = (struct loop_watch){ .ready = dump_readable };
	if (nl_socket_open(NETLINK_NETFILTER, &ct->dump) == 0) {
		ct->readable.fd = nl_socket_fd(ct->dump);
		error = nl_socket_open(NETLINK_NETFILTER, &ct->command);
		if (!error)
			error = loop_watch(loop, &ct->readable, EPOLLIN);
	}
	if (error)
		ct_free(ct);
	else
		*ret_ct = ct;
	return error;
}

void ct_free(struct ct *ct)
{
	if (!ct)
		return;
	loop_unwatch(&ct->readable);
	loop_timer_stop(&ct->begin);
	nl_socket_close(ct->dump);
	nl_socket_close(ct->command);
	for (int i = 0; i < ct->count; i++)
		flow_law_free(request_at(ct, i)->law);
	free(ct);
}

int ct_delete(struct ct *ct, const struct flow_law *law, const struct ct_asker *asker)
{
	struct flow_law *copy = NULL;
	int error;

	if (ct->count == CT_WAITING_MAX)
		return -EBUSY;
	error = flow_law_new(law, &copy);
	if (error)
		return error;
	*request_at(ct, ct->count++) = (struct request){ .law = copy, .asker = *asker };
	begin_soon(ct);
	return 0;
}

void ct_forget(struct ct *ct)
{
	for (int i = 0; i < ct->count; i++)
		ct->ring[(ct->first + i) % CT_WAITING_MAX].asker.done = NULL;
}
