// Sends small UDP packets at a fixed rate, each with a mark in clear text that probe-count knows.
//
//   probe-send DESTINATION PORT SOURCE_PORT FLOW RATE SECONDS
//
// A packet holds "ADITLEAK", the flow number and a sequence number. Errors such as "no route" are
// what a block looks like from the sender, so they are counted and sending goes on. At the end, or
// at SIGTERM, one line says how many were sent and how many refused.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
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

struct payload {
	char mark[8];
	uint32_t flow;
	uint32_t sequence;
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

// Binds the source port, so that a connection tracker sees one and the same flow in every run.
static int open_socket(const struct addrinfo *to, long source_port)
{
	struct sockaddr_storage from = { .ss_family = (sa_family_t)to->ai_family };
	int one = 1;
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (to->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&from)->sin6_port = htons((uint16_t)source_port);
	else
		((struct sockaddr_in *)&from)->sin_port = htons((uint16_t)source_port);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&from, to->ai_addrlen) < 0) {
		perror("probe-send: socket");
		exit(1);
	}
	return fd;
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

static void send_all(int fd, const struct addrinfo *to, uint32_t flow, long rate, long seconds)
{
	struct payload payload = { .mark = "ADITLEAK", .flow = htonl(flow) };
	struct timespec next = { 0 };
	long refused = 0;
	long count = 0;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (; count < rate * seconds && !stopped; count++) {
		payload.sequence = htonl((uint32_t)count);
		if (sendto(fd, &payload, sizeof(payload), 0, to->ai_addr, to->ai_addrlen) < 0)
			refused++;
		sleep_until(&next, NS_PER_S / rate);
	}
	printf("sent %ld refused %ld\n", count - refused, refused);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct sigaction action = { .sa_handler = on_signal };
	struct addrinfo *to = NULL;
	int fd = -1;

	if (argc != 7) {
		fprintf(stderr, "usage: probe-send ADDRESS PORT SOURCE_PORT FLOW RATE SECONDS\n");
		return 2;
	}
	if (getaddrinfo(argv[1], argv[2], &hints, &to) != 0) {
		fprintf(stderr, "probe-send: '%s' port '%s' is no address\n", argv[1], argv[2]);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fd = open_socket(to, parse_number(argv[3], 1, 65535));
	send_all(fd, to, (uint32_t)parse_number(argv[4], 0, UINT16_MAX),
		 parse_number(argv[5], 1, RATE_MAX), parse_number(argv[6], 1, SECONDS_MAX));
	freeaddrinfo(to);
	close(fd);
	return 0;
}
