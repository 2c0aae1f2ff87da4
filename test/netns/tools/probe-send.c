// Sends small packets at a fixed rate, each with a mark in clear text that probe-count knows.
//
//   probe-send DESTINATION PORT SOURCE_PORT FLOW RATE SECONDS [udp|ping|pong [TTL [SOURCE]]]
//
// They are UDP unless told: a ping is an echo request, a pong an echo reply that nobody asked for,
// which connection trackers do not know; ports then only tell runs apart. SOURCE may be an address
// of somebody else. A packet holds
// "ADITLEAK", the flow number and a sequence number. Errors such as "no route" are what a block
// looks like from the sender, so they are counted and sending goes on. At the end, or at SIGTERM,
// one line says how many were sent and how many refused.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000L
#define RATE_MAX 100000L
#define SECONDS_MAX 600L

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif

struct payload {
	char mark[8];
	uint32_t flow;
	uint32_t sequence;
};

struct icmp_packet {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t id;
	uint16_t sequence;
	struct payload payload;
};

enum kind { KIND_UDP, KIND_PING, KIND_PONG };

struct stream {
	int fd;
	const struct addrinfo *to;
	enum kind kind;
	uint16_t id;
	uint32_t flow;
	long rate;
	long seconds;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static long parse_number(const char *text, long min, long max)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < min || value > max) {
		fprintf(stderr, "probe-send: '%s' is no number from %ld to %ld\n", text, min, max);
		exit(2);
	}
	return value;
}

static enum kind parse_kind(const char *word)
{
	static const char *const words[] = { "udp", "ping", "pong" };

	for (int kind = KIND_UDP; kind <= KIND_PONG; kind++)
		if (strcmp(word, words[kind]) == 0)
			return (enum kind)kind;
	fprintf(stderr, "probe-send: '%s' is none of udp, ping, pong\n", word);
	exit(2);
}

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found = NULL;

	if (getaddrinfo(address, port, &hints, &found) != 0) {
		fprintf(stderr, "probe-send: '%s' port '%s' is no address\n", address, port);
		exit(2);
	}
	return found;
}

static int open_kind(int family, enum kind kind)
{
	if (kind == KIND_UDP)
		return socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return socket(family, SOCK_RAW | SOCK_CLOEXEC,
		      family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

// Binds the source port, so that a connection tracker sees one and the same flow in every run.
static int open_socket(int family, enum kind kind, const char *source, const char *source_port)
{
	const char *any = family == AF_INET6 ? "::" : "0.0.0.0";
	struct addrinfo *from = resolve(source ? source : any,
					kind == KIND_UDP ? source_port : "0");
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int foreign = family == AF_INET6 ? IPV6_TRANSPARENT : IP_TRANSPARENT;
	int one = 1;
	int fd = open_kind(family, kind);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (source && setsockopt(fd, level, foreign, &one, sizeof(one)) < 0) ||
	    bind(fd, from->ai_addr, from->ai_addrlen) < 0) {
		perror("probe-send: socket");
		exit(1);
	}
	freeaddrinfo(from);
	return fd;
}

static void limit_hops(int fd, int family, int hops)
{
	int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int option = family == AF_INET6 ? IPV6_UNICAST_HOPS : IP_TTL;

	if (hops > 0 && setsockopt(fd, level, option, &hops, sizeof(hops)) < 0) {
		perror("probe-send: hops");
		exit(1);
	}
}

// The kernel fills in the checksum of ICMPv6 itself.
static uint16_t checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;

	for (size_t at = 0; at + 1 < size; at += 2)
		sum += (uint32_t)(bytes[at] << 8 | bytes[at + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static ssize_t send_one(const struct stream *stream, uint32_t number)
{
	bool is6 = stream->to->ai_family == AF_INET6;
	struct icmp_packet packet = {
		.id = htons(stream->id),
		.sequence = htons((uint16_t)number),
		.payload = { "ADITLEAK", htonl(stream->flow), htonl(number) },
	};

	if (stream->kind == KIND_UDP)
		return sendto(stream->fd, &packet.payload, sizeof(packet.payload), 0,
			      stream->to->ai_addr, stream->to->ai_addrlen);
	if (stream->kind == KIND_PING)
		packet.type = is6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	else
		packet.type = is6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	if (!is6)
		packet.checksum = checksum(&packet, sizeof(packet));
	return sendto(stream->fd, &packet, sizeof(packet), 0, stream->to->ai_addr,
		      stream->to->ai_addrlen);
}

static void sleep_until(struct timespec *next, long step_ns)
{
	next->tv_nsec += step_ns;
	while (next->tv_nsec >= NS_PER_S) {
		next->tv_nsec -= NS_PER_S;
		next->tv_sec++;
	}
	while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
		;
}

static void send_all(const struct stream *stream)
{
	struct timespec next = { 0 };
	long refused = 0;
	long count = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (; count < stream->rate * stream->seconds && !stopped; count++) {
		if (send_one(stream, (uint32_t)count) < 0)
			refused++;
		sleep_until(&next, NS_PER_S / stream->rate);
	}
	printf("sent %ld refused %ld\n", count - refused, refused);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct stream stream = { .fd = -1 };
	struct addrinfo *to = NULL;

	if (argc < 7 || argc > 10) {
		fprintf(stderr, "usage: probe-send ADDRESS PORT SOURCE_PORT FLOW RATE SECONDS"
				" [udp|ping|pong [TTL [SOURCE]]]\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	stream.kind = argc > 7 ? parse_kind(argv[7]) : KIND_UDP;
	to = resolve(argv[1], stream.kind == KIND_UDP ? argv[2] : "0");
	stream.to = to;
	stream.id = (uint16_t)parse_number(argv[3], 1, UINT16_MAX);
	stream.flow = (uint32_t)parse_number(argv[4], 0, UINT16_MAX);
	stream.rate = parse_number(argv[5], 1, RATE_MAX);
	stream.seconds = parse_number(argv[6], 1, SECONDS_MAX);
	stream.fd = open_socket(to->ai_family, stream.kind, argc > 9 ? argv[9] : NULL, argv[3]);
	limit_hops(stream.fd, to->ai_family,
		   argc > 8 ? (int)parse_number(argv[8], 0, UINT8_MAX) : 0);
	send_all(&stream);
	freeaddrinfo(to);
	close(stream.fd);
	return 0;
}
