/* Packets through a router's data path, so that a counter of instructions (count.c) can tell what
 * one costs. The router and the gateway that it dials over loopback are processes of their own, and
 * a third one stands for the kernel at the other end of both TUN devices, which are sockets.
 *
 * Prints a line of JSON for each kind of traffic. For each of them the router calls count_mark
 * three times: before as many idle turns as the packets take bursts, before them, and after them.
 * Everything that comes in one burst is there before the router looks. */
#define PAIR_KEEPALIVE_MS 600000

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "datapath_pair.h"
#include "packet_make.h"

#include <linux/sockios.h>
#include <linux/virtio_net.h>

#define ROUTER_SLOT 1
#define GATEWAY_SLOT 7
#define WAIT_MS_MAX 60000
#define SETTLE_US 1000
#define WARM_BURSTS 2
#define OFFLOADS 0x0f
#define HEADERS_TCP 40
#define HEADERS_UDP 28
#define TCP_ACK 0x10

/* What the feeder tells a side, which answers with the same letter. */
enum order {
	ORDER_READY = 'r', /* from the side, unasked */
	ORDER_HOLD = 'h',  /* does nothing until the next order */
	ORDER_GO = 'g',
	ORDER_MARK = 'm',
	ORDER_SETTLE = 's', /* answered when all that came is with the peer's kernel */
	ORDER_QUIT = 'q',
};

struct traffic {
	const char *kind;
	bool udp;
	size_t size;	/* of a packet with its headers */
	unsigned burst; /* packets that wait together */
	bool batch;	/* as one packet that the device is to cut */
	unsigned bursts;
};

static const struct traffic traffics[] = {
	{"alone", false, 64, 1, false, 40},	  {"alone", false, 576, 1, false, 40},
	{"alone", false, 1400, 1, false, 40},	  {"waiting", true, 64, 32, false, 5},
	{"waiting", true, 576, 32, false, 5},	  {"waiting", true, 1400, 32, false, 5},
	{"one flow", false, 576, 32, false, 5},	  {"one flow", false, 1400, 32, false, 5},
	{"one segment", false, 1400, 48, true, 5},
};

/* One side in its process. */
struct half {
	struct pair pair;
	struct pair_side *side;
	struct loop_watch orders;
	struct loop_timer settle;
	bool told, settling;
};

/* One side as the feeder sees it. */
struct child {
	pid_t pid;
	int orders, tun;
};

static uint8_t payload[65536];
static uint8_t buffer[sizeof(struct segment_offload) + 65536];

void count_mark(void);

__attribute__((noinline)) void count_mark(void)
{
	__asm__ volatile("");
}

static enum order hear(int fd)
{
	char order = 0;

	CHECK(poll(&(struct pollfd){fd, POLLIN, 0}, 1, WAIT_MS_MAX) == 1);
	CHECK(recv(fd, &order, 1, 0) == 1);
	return (enum order)order;
}

static void say(int fd, enum order order)
{
	char letter = (char)order;

	CHECK(send(fd, &letter, 1, MSG_NOSIGNAL) == 1);
}

/* -- a side -- */

static bool is_settled(const struct half *half)
{
	const struct datapath *path = half->side->path;
	const struct session *session = path->sessions[0];
	int unsent = 0;

	if (poll(&(struct pollfd){path->tun.fd, POLLIN, 0}, 1, 0) != 0)
		return false;
	CHECK(ioctl(session->watch.fd, SIOCOUTQ, &unsent) == 0);
	return queue_is_empty(session->queue) && session->out.size == 0 && unsent == 0;
}

static void settle_fired(struct loop_timer *timer)
{
	(void)timer;
}

static void before_sleep(void *arg)
{
	struct half *half = arg;

	if (!half->told && half->side->state == SESSION_STARTED) {
		half->told = true;
		say(half->orders.fd, ORDER_READY);
	}
	if (!half->settling)
		return;
	if (!is_settled(half)) {
		loop_timer_start(half->pair.loop, &half->settle, SETTLE_US);
		return;
	}
	half->settling = false;
	say(half->orders.fd, ORDER_SETTLE);
}

static void orders_ready(struct loop_watch *watch, uint32_t events)
{
	struct half *half = container_of(watch, struct half, orders);
	enum order order = hear(watch->fd);

	(void)events;
	if (order == ORDER_SETTLE) {
		half->settling = true;
		return;
	}
	if (order == ORDER_MARK)
		count_mark();
	say(watch->fd, order);
	if (order == ORDER_HOLD)
		CHECK(hear(watch->fd) == ORDER_GO);
	if (order == ORDER_QUIT)
		loop_stop(half->pair.loop);
}

static void live(struct half *half, uint32_t slot, int orders, int tun)
{
	CHECK(loop_new(&half->pair.loop) == 0);
	half->side = slot == GATEWAY_SLOT ? &half->pair.gateway : &half->pair.router;
	half->settle.fired = settle_fired;
	half->settle.name = "settle";
	half->orders.fd = orders;
	half->orders.ready = orders_ready;
	pair_path_new(&half->pair, half->side, slot);
	pair_attach_end(half->side, tun, OFFLOADS);
	pair_set_table(half->side, false);
	if (slot == GATEWAY_SLOT) {
		pair_listen(&half->pair, 8);
		half->told = true;
		say(orders, ORDER_READY);
	} else {
		CHECK(pair_dial(&half->pair, half->pair.pin) == 0);
	}
	loop_set_before_sleep(half->pair.loop, before_sleep, half);
	CHECK(loop_watch(half->pair.loop, &half->orders, EPOLLIN) == 0);
	CHECK(loop_run(half->pair.loop) == 0);
}

static struct child give_birth(struct half *half, uint32_t slot)
{
	struct child child;
	int orders[2], tun[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, orders) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, tun) == 0);
	child.pid = fork();
	CHECK(child.pid >= 0);
	if (child.pid == 0) {
		live(half, slot, orders[1], tun[1]);
		exit(0);
	}
	close(orders[1]);
	close(tun[1]);
	child.orders = orders[0];
	child.tun = tun[0];
	CHECK(hear(child.orders) == ORDER_READY);
	return child;
}

/* -- the feeder -- */

static void order(const struct child *child, enum order order)
{
	say(child->orders, order);
	CHECK(hear(child->orders) == order);
}

static size_t headers_of(const struct traffic *traffic)
{
	return traffic->udp ? HEADERS_UDP : HEADERS_TCP;
}

static void put_packet(int tun, const struct traffic *traffic, const struct packet_make *make)
{
	struct segment_offload header = {0};
	size_t size = packet_build(make, buffer + sizeof(header));

	if (traffic->batch)
		header = (struct segment_offload){
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			.header_size = HEADERS_TCP,
			.segment_size = (uint16_t)(traffic->size - HEADERS_TCP),
			.checksum_start = 20,
			.checksum_offset = 16,
		};
	memcpy(buffer, &header, sizeof(header));
	size += sizeof(header);
	CHECK(send(tun, buffer, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* The packets of one burst continue those of the one before. */
static void put_burst(const struct child *from, const struct traffic *traffic,
		      struct packet_make *make)
{
	unsigned count = traffic->batch ? 1 : traffic->burst;

	make->payload_size = traffic->size - headers_of(traffic);
	if (traffic->batch)
		make->payload_size *= traffic->burst;
	for (unsigned i = 0; i < count; i++) {
		put_packet(from->tun, traffic, make);
		make->sequence += (uint32_t)make->payload_size;
	}
}

static void take_burst(const struct child *to, const struct traffic *traffic)
{
	size_t headers = sizeof(struct segment_offload) + headers_of(traffic);
	size_t wanted = traffic->burst * (traffic->size - headers_of(traffic));

	while (wanted > 0) {
		ssize_t size;

		CHECK(poll(&(struct pollfd){to->tun, POLLIN, 0}, 1, WAIT_MS_MAX) == 1);
		size = recv(to->tun, buffer, sizeof(buffer), 0);
		CHECK(size > (ssize_t)headers && (size_t)size - headers <= wanted);
		wanted -= (size_t)size - headers;
	}
}

static void move_burst(const struct child *router, const struct child *gateway,
		       const struct traffic *traffic, bool in, struct packet_make *make)
{
	order(router, ORDER_HOLD);
	put_burst(in ? gateway : router, traffic, make);
	if (in)
		order(gateway, ORDER_SETTLE);
	say(router->orders, ORDER_GO);
	take_burst(in ? router : gateway, traffic);
}

static void idle(const struct child *router, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		order(router, ORDER_HOLD);
		say(router->orders, ORDER_GO);
	}
}

static struct packet_make make_packet(const struct traffic *traffic, bool in)
{
	struct packet_make make = {.udp = traffic->udp,
				   .source = {10, 64, 0, 5},
				   .destination = {192, 0, 2, 1},
				   .source_port = 1000,
				   .destination_port = 80,
				   .tcp_flags = TCP_ACK,
				   .sequence = 77,
				   .payload = payload};

	if (in) {
		memcpy(make.source, (uint8_t[4]){192, 0, 2, 1}, 4);
		memcpy(make.destination, (uint8_t[4]){10, 64, 0, 5}, 4);
	}
	return make;
}

static void run(const struct child *router, const struct child *gateway,
		const struct traffic *traffic, bool in)
{
	struct packet_make make = make_packet(traffic, in);

	for (unsigned i = 0; i < WARM_BURSTS; i++)
		move_burst(router, gateway, traffic, in, &make);
	order(router, ORDER_MARK);
	idle(router, traffic->bursts);
	order(router, ORDER_MARK);
	for (unsigned i = 0; i < traffic->bursts; i++)
		move_burst(router, gateway, traffic, in, &make);
	order(router, ORDER_MARK);
	printf("{\"way\": \"%s\", \"kind\": \"%s\", \"protocol\": \"%s\", \"bytes\": %zu, "
	       "\"burst\": %u, \"packets\": %u, \"pid\": %d}\n",
	       in ? "in" : "out", traffic->kind, traffic->udp ? "UDP" : "TCP", traffic->size,
	       traffic->burst, traffic->burst * traffic->bursts, (int)router->pid);
}

static void quit(const struct child *child)
{
	int status = -1;

	order(child, ORDER_QUIT);
	CHECK(waitpid(child->pid, &status, 0) == child->pid && status == 0);
}

int main(void)
{
	static struct half half;
	struct child gateway, router;

	pair_make_identity(&half.pair);
	half.pair.port = pair_free_port();
	gateway = give_birth(&half, GATEWAY_SLOT);
	router = give_birth(&half, ROUTER_SLOT);
	for (unsigned in = 0; in < 2; in++) {
		for (size_t i = 0; i < ARRAY_SIZE(traffics); i++)
			run(&router, &gateway, &traffics[i], in == 1);
	}
	quit(&router);
	quit(&gateway);
	unlink(half.pair.cert_file);
	unlink(half.pair.key_file);
	return 0;
}
