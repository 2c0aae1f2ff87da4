/* The data path's face to the dispatcher: sessions, listeners, slots and deferred events. */
#include "datapath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "../log.h"
#include "../sys/sock.h"
#include "datapath_internal.h"

/* -- events: told on the next turn, so that no call of the owner runs into another -- */

enum event_kind { EVENT_STATE, EVENT_CONTROL, EVENT_WANTED };

struct path_event {
	struct path_event *next;
	enum event_kind kind;
	union {
		struct msg_session_state state;
		struct msg_session_control control;
		struct msg_slot_wanted wanted;
	};
	uint8_t data[];
};

static struct path_event *push_event(struct datapath *path, enum event_kind kind, size_t data_size)
{
	struct path_event *event = calloc(1, sizeof(*event) + data_size);

	CHECK(event != NULL);
	event->kind = kind;
	if (path->last_event != NULL)
		path->last_event->next = event;
	else
		path->first_event = event;
	path->last_event = event;
	loop_timer_start(path->loop, &path->events_timer, 0);
	return event;
}

static void tell(struct datapath *path, const struct path_event *event)
{
	const struct datapath_events *events = &path->events;

	if (event->kind == EVENT_STATE)
		events->session_state(events->arg, &event->state);
	else if (event->kind == EVENT_CONTROL)
		events->session_control(events->arg, &event->control);
	else
		events->slot_wanted(events->arg, &event->wanted);
}

static struct path_event *shift_event(struct datapath *path)
{
	struct path_event *event = path->first_event;

	if (event == NULL)
		return NULL;
	path->first_event = event->next;
	if (path->first_event == NULL)
		path->last_event = NULL;
	return event;
}

static void free_dead(struct datapath *path)
{
	while (path->dead != NULL) {
		struct session *session = path->dead;

		path->dead = session->next_dead;
		session_free(session);
	}
}

static void events_fired(struct loop_timer *timer)
{
	struct datapath *path = container_of(timer, struct datapath, events_timer);
	struct path_event *event;

	free_dead(path);
	while ((event = shift_event(path)) != NULL) {
		tell(path, event);
		free(event);
	}
}

static void push_state(struct datapath *path, const struct session *session)
{
	struct msg_session_state *state = &push_event(path, EVENT_STATE, 0)->state;

	state->session = session->number;
	state->slot = session->slot;
	state->inbound = session->inbound;
	state->state = (uint8_t)session->state;
	state->peer = session->peer;
	state->port = session->port;
	snprintf(state->name, sizeof(state->name), "%s", session->name);
	snprintf(state->reason, sizeof(state->reason), "%.*s", MSG_SESSION_STATE_REASON_MAX,
		 session->reason);
}

void path_want_slot(struct datapath *path, uint32_t number)
{
	struct path_slot *slot = &path->slots[number];
	uint64_t now_us = loop_now_us(path->loop);

	if (slot->wanted && now_us - slot->wanted_us < DATAPATH_WANTED_US)
		return;
	slot->wanted = true;
	slot->wanted_us = now_us;
	push_event(path, EVENT_WANTED, 0)->wanted.slot = number;
}

/* -- sessions -- */

static struct session *find_session(struct datapath *path, uint32_t number)
{
	for (size_t i = 0; i < path->session_count; i++) {
		if (path->sessions[i]->number == number)
			return path->sessions[i];
	}
	return NULL;
}

static void remove_session(struct datapath *path, struct session *session)
{
	path_forget(path, session);
	for (size_t i = 0; i < path->session_count; i++) {
		if (path->sessions[i] == session) {
			path->sessions[i] = path->sessions[--path->session_count];
			break;
		}
	}
	session->next_dead = path->dead;
	path->dead = session;
	loop_timer_start(path->loop, &path->events_timer, 0);
}

/* The decider hears of an inbound session with its first control frame: strangers must not be able
 * to keep it busy. */
static void session_changed(void *arg, struct session *session)
{
	struct datapath *path = arg;

	if (!session->inbound)
		session->announced = true;
	if (session->announced)
		push_state(path, session);
	if (session->state == SESSION_CLOSED)
		remove_session(path, session);
}

static void session_said(void *arg, struct session *session, const uint8_t *data, size_t size)
{
	struct datapath *path = arg;
	struct path_event *event;

	if (!session->announced) {
		session->announced = true;
		push_state(path, session);
	}
	event = push_event(path, EVENT_CONTROL, size);
	memcpy(event->data, data, size);
	event->control.session = session->number;
	event->control.data.data = event->data;
	event->control.data.size = size;
}

static uint32_t next_number(struct datapath *path)
{
	do {
		path->last_number++;
	} while (path->last_number == 0 || find_session(path, path->last_number) != NULL);
	return path->last_number;
}

static int make_client_context(const struct msg_session_open *message,
			       struct tls_context **ret_context)
{
	uint8_t pins[TLS_PINS_MAX][TLS_DIGEST_SIZE];
	char text[TLS_TEXT_MAX];
	struct tls_client_config config = {
		.pins = pins,
		.pin_count = message->pins_count,
		.ca_file = message->ca_file,
		.server_name = message->server_name,
		.now_s = time(NULL),
	};
	int error;

	if (message->pins_count > TLS_PINS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < message->pins_count; i++) {
		if (message->pins[i].digest.size != TLS_DIGEST_SIZE)
			return -EINVAL;
		memcpy(pins[i], message->pins[i].digest.data, TLS_DIGEST_SIZE);
	}
	error = tls_client_context_new(&config, ret_context, text);
	if (error != 0)
		log_warning("cannot dial: %s", text);
	return error;
}

int datapath_session_open(struct datapath *path, const struct msg_session_open *message,
			  uint32_t *ret_session)
{
	struct tls_context *context = NULL;
	struct session *session = NULL;
	struct session_dial dial = {
		.name = message->name,
		.slot = message->slot,
		.peer = message->peer,
		.port = message->port,
		.mark = message->mark,
		.device = message->device,
		.greeting = message->greeting.data,
		.greeting_size = message->greeting.size,
		.deadline_ms = message->connect_ms,
		.keepalive_ms = message->keepalive_ms,
	};
	uint32_t number = next_number(path);
	int error;

	if (message->slot == 0 || message->slot > FORWARD_SLOT_MAX)
		return -EINVAL;
	if (path->session_count == DATAPATH_SESSIONS_MAX)
		return -ENOSPC;
	error = make_client_context(message, &context);
	if (error != 0)
		return error;
	error = session_dial(&path->shared, number, context, &dial, &session);
	if (error != 0)
		return error;
	if (session->state != SESSION_CLOSED)
		path->sessions[path->session_count++] = session;
	*ret_session = number;
	return 0;
}

int datapath_session_close(struct datapath *path, const struct msg_session_close *message)
{
	struct session *session = find_session(path, message->session);

	if (session == NULL)
		return -ENOENT;
	if (session->slot != 0 && path->slots[session->slot].session == session)
		path->slots[session->slot].session = NULL;
	session_shut(session, "local", message->reason);
	return 0;
}

static int keep_memo(struct session *session, const struct msg_bytes *memo)
{
	uint8_t *copy = malloc(memo->size + 1);

	if (copy == NULL)
		return -ENOMEM;
	if (memo->size > 0)
		memcpy(copy, memo->data, memo->size);
	free(session->memo);
	session->memo = copy;
	session->memo_size = memo->size;
	return 0;
}

int datapath_session_start(struct datapath *path, const struct msg_session_start *message)
{
	struct session *session = find_session(path, message->session);
	struct session *earlier;
	struct path_slot *slot;
	int error;

	if (session == NULL)
		return -ENOENT;
	if (message->slot == 0 || message->slot > FORWARD_SLOT_MAX ||
	    session->state != SESSION_GREETING)
		return -EINVAL;
	error = keep_memo(session, &message->memo);
	if (error != 0)
		return error;
	slot = &path->slots[message->slot];
	earlier = slot->session;
	session->slot = message->slot;
	snprintf(session->name, sizeof(session->name), "%s", message->name);
	slot->session = session;
	error = session_start(session, message->mtu, message->segments, message->control.data,
			      message->control.size);
	if (error != 0)
		slot->session = earlier;
	else if (earlier != NULL)
		session_shut(earlier, "replaced", "a newer session serves this client");
	return error;
}

int datapath_session_send(struct datapath *path, const struct msg_session_send *message)
{
	struct session *session = find_session(path, message->session);

	if (session == NULL)
		return -ENOENT;
	return session_send(session, message->data.data, message->data.size);
}

void datapath_each_session(struct datapath *path,
			   void (*each)(void *arg, const struct msg_session_held *held), void *arg)
{
	for (size_t i = 0; i < path->session_count; i++) {
		const struct session *session = path->sessions[i];
		struct msg_session_held held = {
			.session = session->number,
			.slot = session->slot,
			.inbound = session->inbound,
			.state = (uint8_t)session->state,
			.peer = session->peer,
			.port = session->port,
			.memo = {.data = session->memo, .size = session->memo_size},
		};

		if (!session->announced)
			continue;
		snprintf(held.name, sizeof(held.name), "%s", session->name);
		each(arg, &held);
	}
}

/* -- listeners -- */

static void evict_for(struct datapath *path, struct listener *listener,
		      const struct inet_ip *source)
{
	struct session *victim =
		listener_choose_victim(listener, path->sessions, path->session_count, source);

	if (victim != NULL)
		session_fail(victim, "flood", "too many half-open sessions");
}

static void socket_accepted(void *arg, struct listener *listener, int fd)
{
	struct datapath *path = arg;
	struct session *session = NULL;

	if (session_accept(&path->shared, next_number(path), listener->context, fd,
			   listener->greeting_ms, listener->keepalive_ms, &session) != 0) {
		close(fd);
		return;
	}
	evict_for(path, listener, &session->peer);
	if (path->session_count == DATAPATH_SESSIONS_MAX ||
	    listener_count(listener, path->sessions, path->session_count) >=
		    listener->sessions_max) {
		session_free(session);
		return;
	}
	session->listener = listener;
	path->sessions[path->session_count++] = session;
}

static struct listener *find_listener(struct datapath *path, const struct inet_ip *address,
				      uint16_t port)
{
	for (size_t i = 0; i < DATAPATH_LISTENERS_MAX; i++) {
		struct listener *listener = &path->listeners[i];

		if (listener->context != NULL && listener->port == port &&
		    inet_ip_equal(&listener->address, address))
			return listener;
	}
	return NULL;
}

static struct listener *free_listener(struct datapath *path)
{
	for (size_t i = 0; i < DATAPATH_LISTENERS_MAX; i++) {
		if (path->listeners[i].context == NULL)
			return &path->listeners[i];
	}
	return NULL;
}

static void set_limits(struct listener *listener, const struct msg_listen *message)
{
	listener->greeting_ms = message->greeting_ms;
	listener->keepalive_ms = message->keepalive_ms;
	listener->half_open_max = message->half_open_max;
	listener->sessions_max = message->sessions_max;
}

static int add_listener(struct datapath *path, const struct msg_listen *message,
			struct tls_context *context, char *ret_text)
{
	struct listener *listener = free_listener(path);
	int error;

	if (listener == NULL) {
		snprintf(ret_text, TLS_TEXT_MAX, "more than %d listeners", DATAPATH_LISTENERS_MAX);
		return -ENOSPC;
	}
	memset(listener, 0, sizeof(*listener));
	listener->address = message->addr;
	listener->port = message->port;
	listener->arg = path;
	listener->accepted = socket_accepted;
	set_limits(listener, message);
	error = listener_open(listener, path->loop);
	if (error != 0)
		snprintf(ret_text, TLS_TEXT_MAX, "cannot listen on port %u: %s", message->port,
			 strerror(-error));
	else
		listener->context = context;
	return error;
}

/* A listener that exists takes the new limits and reads its certificate again, so that a renewed
 * one is used from the next connection on. */
int datapath_listen(struct datapath *path, const struct msg_listen *message, char *ret_text)
{
	struct listener *listener = find_listener(path, &message->addr, message->port);
	struct tls_context *context = NULL;
	char text[TLS_TEXT_MAX] = "";
	int error = tls_server_context_new(message->cert_file, message->key_file, &context, text);

	if (error == 0 && listener != NULL) {
		tls_context_free(listener->context);
		listener->context = context;
		set_limits(listener, message);
	} else if (error == 0) {
		error = add_listener(path, message, context, text);
		if (error != 0)
			tls_context_free(context);
	}
	if (ret_text != NULL)
		snprintf(ret_text, sizeof(text), "%s", text);
	return error;
}

int datapath_unlisten(struct datapath *path, const struct msg_unlisten *message)
{
	struct listener *listener = find_listener(path, &message->addr, message->port);

	if (listener == NULL)
		return -ENOENT;
	listener_close(listener);
	for (size_t i = 0; i < path->session_count; i++) {
		if (path->sessions[i]->listener == listener)
			path->sessions[i]->listener = NULL;
	}
	return 0;
}

/* -- device and table -- */

int datapath_attach(struct datapath *path, const struct tun *tun)
{
	path->tun = *tun;
	path->tun_watch.fd = tun->fd;
	path->tun_watch.ready = path_tun_ready;
	path->refused_tcp = path->refused_udp = 0;
	return loop_watch(path->loop, &path->tun_watch, EPOLLIN);
}

int datapath_tun_open(struct datapath *path, const struct msg_tun_open *message,
		      struct msg_tun_opened *ret)
{
	struct tun tun = {.fd = -1};

	memset(ret, 0, sizeof(*ret));
	snprintf(path->tun_wanted, sizeof(path->tun_wanted), "%s", message->name);
	if (path->tun.fd >= 0 && !tun_is_here(&path->tun))
		datapath_tun_close(path);
	if (path->tun.fd >= 0 && strcmp(path->tun.name, message->name) != 0) {
		ret->error = -EBUSY;
		snprintf(ret->text, sizeof(ret->text), "TUN \"%s\" is open", path->tun.name);
		return ret->error;
	}
	if (path->tun.fd < 0) {
		ret->error = tun_open(message->name, message->offload, &tun, ret->text,
				      sizeof(ret->text));
		if (ret->error == 0)
			ret->error = datapath_attach(path, &tun);
	}
	ret->index = path->tun.index;
	ret->offload = path->tun.offload;
	return ret->error;
}

int datapath_tun_close(struct datapath *path)
{
	loop_unwatch(&path->tun_watch);
	tun_close(&path->tun);
	return 0;
}

uint32_t datapath_tun_index(const struct datapath *path)
{
	return tun_is_here(&path->tun) ? path->tun.index : 0;
}

uint32_t datapath_link_index(const struct datapath *path, const char *name)
{
	if (strcmp(name, path->tun_wanted) != 0)
		return if_nametoindex(name);
	return strcmp(name, path->tun.name) == 0 ? datapath_tun_index(path) : 0;
}

const char *datapath_tun_name(const struct datapath *path)
{
	return path->tun.name;
}

int datapath_forward_set(struct datapath *path, const struct msg_forward_set *message)
{
	struct forward *forward = NULL;
	int error = forward_new(&forward);

	for (size_t i = 0; error == 0 && i < message->entries_count; i++)
		error = forward_add(forward, &message->entries[i].prefix, message->entries[i].slot);
	if (error != 0) {
		forward_free(forward);
		return error;
	}
	forward_free(path->forward);
	path->forward = forward;
	path->by_destination = message->by_destination;
	path->hairpin = message->hairpin;
	return 0;
}

static void fill_stats(const struct datapath *path, const struct session *session,
		       struct msg_session_stats *ret)
{
	const struct session_counters *counters = &session->counters;

	*ret = (struct msg_session_stats){
		.session = session->number,
		.slot = session->slot,
		.rtt_us = session->rtt_us,
		.idle_ms = (uint32_t)((loop_now_us(path->loop) - session->last_rx_us) / 1000),
		.rx_bytes = counters->rx_bytes,
		.tx_bytes = counters->tx_bytes,
		.rx_packets = counters->rx_packets,
		.tx_packets = counters->tx_packets,
		.drop_source = counters->drop_source,
		.drop_queue = session->queue != NULL ? queue_dropped(session->queue) : 0,
		.drop_invalid = counters->drop_invalid,
	};
	/* What cannot be read is 0, which says nothing about loss. */
	(void)sock_tcp_segments(session->watch.fd, &ret->segments_out, &ret->segments_again);
}

int datapath_stats(struct datapath *path, struct msg_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sessions = calloc(path->session_count + 1, sizeof(ret->sessions[0]));
	if (ret->sessions == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < path->session_count; i++) {
		if (path->sessions[i]->announced)
			fill_stats(path, path->sessions[i], &ret->sessions[ret->sessions_count++]);
	}
	ret->tun_rx_packets = path->tun_rx_packets;
	ret->tun_tx_packets = path->tun_tx_packets;
	ret->drop_no_route = path->drop_no_route;
	ret->drop_no_session = path->drop_no_session;
	ret->drop_invalid = path->drop_invalid;
	ret->uptime_ms = (loop_now_us(path->loop) - path->born_us) / 1000;
	return 0;
}

/* -- the whole -- */

static int allocate(struct datapath *path)
{
	path->shared.cipher = malloc(SESSION_READ_SIZE);
	path->shared.staging = malloc(TLS_RECORD_PLAIN_MAX);
	path->scratch = malloc(QUEUE_LARGE_SIZE);
	if (path->shared.cipher == NULL || path->shared.staging == NULL || path->scratch == NULL)
		return -ENOMEM;
	return queue_pool_new(DATAPATH_LARGE_BUFFERS, DATAPATH_SMALL_BUFFERS, &path->pool);
}

int datapath_new(struct loop *loop, const struct datapath_events *events,
		 struct datapath **ret_path)
{
	struct datapath *path = calloc(1, sizeof(*path));
	int error;

	if (path == NULL)
		return -ENOMEM;
	path->loop = loop;
	path->events = *events;
	path->born_us = loop_now_us(loop);
	path->tun.fd = -1;
	path->events_timer.fired = events_fired;
	path->events_timer.name = "data path events";
	path->flush_timer.fired = path_flush_fired;
	path->flush_timer.name = "data path flush";
	error = allocate(path);
	if (error == 0 && getrandom(&path->flow_seed, sizeof(path->flow_seed), 0) < 0)
		error = -errno;
	if (error != 0) {
		datapath_free(path);
		return error;
	}
	path->shared.loop = loop;
	path->shared.pool = path->pool;
	path->shared.arg = path;
	path->shared.changed = session_changed;
	path->shared.control = session_said;
	path->shared.packet = path_handle_packet;
	*ret_path = path;
	return 0;
}

void datapath_free(struct datapath *path)
{
	if (path == NULL)
		return;
	for (size_t i = 0; i < DATAPATH_LISTENERS_MAX; i++) {
		if (path->listeners[i].context != NULL)
			listener_close(&path->listeners[i]);
	}
	while (path->session_count > 0)
		session_fail(path->sessions[0], "local", "the mover ends");
	free_dead(path);
	for (struct path_event *event; (event = shift_event(path)) != NULL;)
		free(event);
	loop_timer_stop(&path->events_timer);
	loop_timer_stop(&path->flush_timer);
	datapath_tun_close(path);
	if (path->pool != NULL)
		CHECK(queue_pool_used(path->pool) == 0);
	queue_pool_free(path->pool);
	forward_free(path->forward);
	free(path->shared.cipher);
	free(path->shared.staging);
	free(path->scratch);
	free(path);
}
