/* Keeps a silent TCP connection from each of many network namespaces to a server that talks.
 *
 *   flow-keep ADDRESS PORT
 *
 * Commands on standard input, each answered with one line:
 *   open NAMESPACE SOURCE   connects from that address of the namespace: "open N"
 *   read                    "heard H of C: ..." how many of the connections have been spoken to
 *                           since the last read, and the numbers of those that have not
 *   ask                     sends a byte on each, so that it is not silent: "asked C"
 *   close N                 closes one: "closed N"
 *
 * Nothing but the server's talk keeps such a connection alive: when the router forgets it, whatever
 * the server says is lost until the device speaks again, as on the idle connection of a phone. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define LINE_BYTES_MAX 512
#define CONNECT_MS_MAX 10000

static struct sockaddr_in server;
static struct pollfd connections[CONNECTIONS_MAX + 1]; /* the last one is standard input */
static bool heard[CONNECTIONS_MAX];
static int count;

static int enter(const char *name)
{
	char path[LINE_BYTES_MAX];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return -1;
	return close(fd);
}

static int connect_from(const char *source)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	struct timeval limit = { .tv_sec = CONNECT_MS_MAX / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, source, &own.sin_addr) != 1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    connect(fd, (struct sockaddr *)&server, sizeof(server)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void open_one(const char *name, const char *source)
{
	int fd = count < CONNECTIONS_MAX && enter(name) == 0 ? connect_from(source) : -1;

	if (fd < 0) {
		printf("failed %s: %s\n", source, strerror(errno));
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	connections[count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	printf("open %d\n", count++);
}

static void read_all(void)
{
	int alive = 0, spoken = 0;

	for (int i = 0; i < count; i++) {
		alive += connections[i].fd >= 0;
		spoken += connections[i].fd >= 0 && heard[i];
	}
	printf("heard %d of %d:", spoken, alive);
	for (int i = 0; i < count; i++) {
		if (connections[i].fd >= 0 && !heard[i])
			printf(" %d", i);
		heard[i] = false;
	}
	printf("\n");
}

static void ask_all(void)
{
	for (int i = 0; i < count; i++)
		if (connections[i].fd >= 0 && write(connections[i].fd, "?", 1) < 0)
			continue;
	printf("asked %d\n", count);
}

static void obey(const char *line)
{
	char name[128], source[128];
	int number = -1;

	if (sscanf(line, "open %127s %127s", name, source) == 2) {
		open_one(name, source);
	} else if (sscanf(line, "close %d", &number) == 1 && number >= 0 && number < count) {
		close(connections[number].fd);
		connections[number].fd = -1;
		printf("closed %d\n", number);
	} else if (strncmp(line, "read", 4) == 0) {
		read_all();
	} else if (strncmp(line, "ask", 3) == 0) {
		ask_all();
	} else {
		printf("what?\n");
	}
	fflush(stdout);
}

static void listen_to(int i)
{
	char bytes[4096];
	ssize_t size = read(connections[i].fd, bytes, sizeof(bytes));

	if (size > 0)
		heard[i] = true;
	if (size == 0 || (size < 0 && errno != EAGAIN))
		connections[i].events = 0; /* counts as silent from now on */
}

int main(int argc, char **argv)
{
	char line[LINE_BYTES_MAX];

	server.sin_family = AF_INET;
	if (argc != 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
		fprintf(stderr, "usage: flow-keep ADDRESS PORT\n");
		return 2;
	}
	server.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10));
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		connections[count] = (struct pollfd){ .fd = 0, .events = POLLIN };
		if (poll(connections, (nfds_t)count + 1, -1) < 0)
			return 1;
		for (int i = 0; i < count; i++)
			if (connections[i].revents & POLLIN)
				listen_to(i);
		if (connections[count].revents && !fgets(line, sizeof(line), stdin))
			return 0;
		if (connections[count].revents)
			obey(line);
	}
}
