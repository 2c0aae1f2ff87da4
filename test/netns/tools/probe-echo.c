// Sends every UDP packet back to where it came from, IPv4 and IPv6.
//
//   probe-echo PORT [BYTES [TTL]]
//
// Answers make the way back visible: one that comes out of a tunnel and is forwarded to the wrong
// side carries the probe's mark like the question did. They are filled up to BYTES, never in
// fragments whatever a router said about its links, and end after TTL hops.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 2048

static long parse_number(const char *text, long min, long max)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < min || value > max) {
		fprintf(stderr, "probe-echo: '%s' is no number from %ld to %ld\n", text, min, max);
		exit(2);
	}
	return value;
}

static void limit_hops(int fd, int hops)
{
	if (setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0) {
		perror("probe-echo: hops");
		exit(1);
	}
}

static int open_port(uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int probe4 = IP_PMTUDISC_PROBE;
	int probe6 = IPV6_PMTUDISC_PROBE;
	int off = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("probe-echo");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t bytes[PACKET_BYTES_MAX];
	size_t filled = 0;
	int fd = -1;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: probe-echo PORT [BYTES [TTL]]\n");
		return 2;
	}
	fd = open_port((uint16_t)parse_number(argv[1], 1, UINT16_MAX));
	if (argc > 2)
		filled = (size_t)parse_number(argv[2], 0, PACKET_BYTES_MAX);
	if (argc > 3)
		limit_hops(fd, (int)parse_number(argv[3], 1, UINT8_MAX));
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_size = sizeof(from);
		struct sockaddr *peer = (struct sockaddr *)&from;
		ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, peer, &from_size);

		if (size > 0)
			(void)sendto(fd, bytes, (size_t)size > filled ? (size_t)size : filled, 0,
				     peer, from_size);
	}
}
