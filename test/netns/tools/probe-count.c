// Counts packets of probe-send that arrive on an interface, whatever address translation did there.
//
//   probe-count INTERFACE
//
// Looks for the mark in clear text in the first bytes of every arriving packet. Commands on
// standard input: "reset" answers {}, "read" answers one line of JSON: packets of each flow with
// the times of the first and last one, and `lost`, the packets that the kernel could not hand over.
// A count is only worth something while `lost` is 0. Ends when standard input ends.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX 256
#define LOOK_BYTES 256
#define RECEIVE_BUFFER_BYTES (64 * 1024 * 1024)
// More than the receive buffer holds, so that an answer covers everything that came before it.
#define BATCH_MAX (1 << 20)
#define COMMAND_BYTES 64
#define SAMPLE_BYTES 96

static const char MARK[8] = { 'A', 'D', 'I', 'T', 'L', 'E', 'A', 'K' };

struct flow {
	uint64_t packets;
	uint64_t first_us;
	uint64_t last_us;
	uint8_t sample[SAMPLE_BYTES]; /* Head of the first packet, to tell what leaked. */
	size_t sample_size;
};

struct counter {
	struct flow flows[FLOWS_MAX];
	uint64_t seen;
	uint64_t lost;
};

static uint64_t now_us(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int bytes = RECEIVE_BUFFER_BYTES;
	int fd = -1;

	address.sll_ifindex = (int)if_nametoindex(name);
	if (address.sll_ifindex == 0)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static void count_packet(struct counter *counter, const uint8_t *bytes, size_t size)
{
	const uint8_t *mark = memmem(bytes, size, MARK, sizeof(MARK));
	struct flow *flow = NULL;
	uint32_t number = 0;

	counter->seen++;
	if (mark == NULL || (size_t)(bytes + size - mark) < sizeof(MARK) + sizeof(number))
		return;
	memcpy(&number, mark + sizeof(MARK), sizeof(number));
	flow = &counter->flows[ntohl(number) % FLOWS_MAX];
	flow->last_us = now_us();
	if (flow->packets++ > 0)
		return;
	flow->first_us = flow->last_us;
	flow->sample_size = size < SAMPLE_BYTES ? size : SAMPLE_BYTES;
	memcpy(flow->sample, bytes, flow->sample_size);
}

// Our own answers leave through the same interface; only what arrives can be a leak.
static void drain(int fd, struct counter *counter)
{
	uint8_t bytes[LOOK_BYTES];
	int round;

	for (round = 0; round < BATCH_MAX; round++) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from,
					&from_size);

		if (size < 0)
			return;
		if (from.sll_pkttype != PACKET_OUTGOING)
			count_packet(counter, bytes, (size_t)size);
	}
}

static void collect_lost(int fd, struct counter *counter)
{
	struct tpacket_stats stats = { 0 };
	socklen_t size = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		counter->lost += stats.tp_drops;
}

static void print_flow(int number, const struct flow *flow)
{
	size_t at;

	printf("{\"flow\":%d,\"packets\":%llu,\"first_us\":%llu,\"last_us\":%llu,\"sample\":\"",
	       number, (unsigned long long)flow->packets, (unsigned long long)flow->first_us,
	       (unsigned long long)flow->last_us);
	for (at = 0; at < flow->sample_size; at++)
		printf("%02x", flow->sample[at]);
	printf("\"}");
}

static void print_counts(const struct counter *counter)
{
	const char *separator = "";
	int number;

	printf("{\"seen\":%llu,\"lost\":%llu,\"flows\":[", (unsigned long long)counter->seen,
	       (unsigned long long)counter->lost);
	for (number = 0; number < FLOWS_MAX; number++) {
		const struct flow *flow = &counter->flows[number];

		if (flow->packets == 0)
			continue;
		printf("%s", separator);
		print_flow(number, flow);
		separator = ",";
	}
	printf("]}\n");
	fflush(stdout);
}

// Returns 0 at the end of input.
static int obey(int fd, struct counter *counter)
{
	char line[COMMAND_BYTES] = { 0 };

	if (fgets(line, sizeof(line), stdin) == NULL)
		return 0;
	collect_lost(fd, counter);
	if (strcmp(line, "reset\n") == 0) {
		*counter = (struct counter){ 0 };
		printf("{}\n");
		fflush(stdout);
	} else {
		print_counts(counter);
	}
	return 1;
}

int main(int argc, char **argv)
{
	static struct counter counter;
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	int fd = argc == 2 ? open_interface(argv[1]) : -EINVAL;

	if (fd < 0) {
		fprintf(stderr, "probe-count: %s: %s\n", argc == 2 ? argv[1] : "expected INTERFACE",
			strerror(-fd));
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	fds[1].fd = fd;
	printf("{}\n");
	fflush(stdout);
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		drain(fd, &counter);
		if (fds[0].revents != 0 && obey(fd, &counter) == 0)
			break;
	}
	close(fd);
	return 0;
}
