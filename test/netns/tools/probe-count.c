// Counts packets of probe-send that arrive on an interface, whatever address translation did there.
//
//   probe-count INTERFACE [ADDRESS/BITS...]
//
// Looks for the mark in clear text in every arriving packet, also where an ICMP error quotes it.
// What has no mark but an address in one of the given prefixes as its source or destination counts
// as flow 0. Commands on standard input: "reset" answers {}, "read" answers one line of JSON:
// packets of each flow with the times of the first and last one, and `lost`, the packets that the
// kernel could not hand over.
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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX 256
#define LOOK_BYTES 2048
#define PREFIXES_MAX 16
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

struct prefix {
	int family;
	uint8_t bytes[16];
	unsigned int bits;
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

static struct prefix prefixes[PREFIXES_MAX];
static int prefix_count;

static int add_prefix(char *text)
{
	struct prefix *prefix = &prefixes[prefix_count];
	char *slash = strchr(text, '/');

	if (slash == NULL || prefix_count == PREFIXES_MAX)
		return -EINVAL;
	*slash = '\0';
	prefix->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	prefix->bits = (unsigned int)strtoul(slash + 1, NULL, 10);
	if (inet_pton(prefix->family, text, prefix->bytes) != 1)
		return -EINVAL;
	prefix_count++;
	return 0;
}

static int is_within(const struct prefix *prefix, const uint8_t *address)
{
	unsigned int whole = prefix->bits / 8;
	unsigned int rest = prefix->bits % 8;

	return memcmp(prefix->bytes, address, whole) == 0 &&
	       (rest == 0 || (prefix->bytes[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static int has_listed_address(const uint8_t *bytes, size_t size)
{
	int is6 = size > 0 && bytes[0] >> 4 == 6;
	size_t first = is6 ? 8 : 12;
	size_t length = is6 ? 16 : 4;
	int at;

	for (at = 0; at < prefix_count && size >= first + 2 * length; at++)
		if ((prefixes[at].family == AF_INET6) == is6 &&
		    (is_within(&prefixes[at], bytes + first) ||
		     is_within(&prefixes[at], bytes + first + length)))
			return 1;
	return 0;
}

// The number of the flow that a packet belongs to, or -1.
static int flow_of(const uint8_t *bytes, size_t size)
{
	const uint8_t *mark = memmem(bytes, size, MARK, sizeof(MARK));
	uint32_t number = 0;

	if (mark == NULL || (size_t)(bytes + size - mark) < sizeof(MARK) + sizeof(number))
		return has_listed_address(bytes, size) ? 0 : -1;
	memcpy(&number, mark + sizeof(MARK), sizeof(number));
	return (int)(ntohl(number) % FLOWS_MAX);
}

static void count_packet(struct counter *counter, const uint8_t *bytes, size_t size)
{
	struct flow *flow = NULL;
	int number = flow_of(bytes, size);

	counter->seen++;
	if (number < 0)
		return;
	flow = &counter->flows[number];
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
	int fd = argc >= 2 ? open_interface(argv[1]) : -EINVAL;
	int at;

	for (at = 2; at < argc && fd >= 0; at++)
		if (add_prefix(argv[at]) < 0)
			fd = -EINVAL;
	if (fd < 0) {
		fprintf(stderr, "probe-count: %s: %s\n", argc >= 2 ? argv[1] : "expected INTERFACE",
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
