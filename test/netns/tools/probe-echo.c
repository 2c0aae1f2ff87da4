// Sends every UDP packet back to where it came from, IPv4 and IPv6.
//
//   probe-echo PORT
//
// Answers make the way back visible: one that comes out of a tunnel and is forwarded to the wrong
// side carries the probe's mark like the question did.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_BYTES_MAX 2048

static int open_port(uint16_t port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int off = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("probe-echo");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	uint8_t bytes[PACKET_BYTES_MAX];
	int fd = -1;

	if (port < 1 || port > UINT16_MAX) {
		fprintf(stderr, "usage: probe-echo PORT\n");
		return 2;
	}
	fd = open_port((uint16_t)port);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_size = sizeof(from);
		struct sockaddr *peer = (struct sockaddr *)&from;
		ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, peer, &from_size);

		if (size > 0)
			(void)sendto(fd, bytes, (size_t)size, 0, peer, from_size);
	}
}
