/* A decider that was taken over: a native program that speaks the contract asks a real mover for
 * what no honest one does. What the mover let through is looked at from outside. */
#define _GNU_SOURCE 1
/* The kernel walks over all rules for each one more. */
#define SCENE_MS_MAX 120000
#include "scene.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "mover/quota.h"
#include "sys/nft.h"
#include "sys/nl_route.h"
#include "sys/nl_socket.h"

#define DONE 7
#define FOREIGN "taken0"
#define FOREIGN_MTU 1400
#define PORT_CLOSED 47031
#define PORT_NAMED 47032
#define LOG_LINES 20000
/* So many more than a quota are asked for, and the first number that nobody asked for. */
#define BEYOND 50
#define FLOOD (QUOTA_RULES_MAX + BEYOND)

static char run_file[96], authorities[96], binary_key[96];

/* ------------------------------------------------------------------ the decider's side */

static struct inet_ip address_of(const char *text)
{
	struct inet_ip ip = { .family = strchr(text, ':') ? 6 : 4 };

	NEED(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.bytes) == 1);
	return ip;
}

/* So the mover knows the words of the configuration. */
static int read_file(const char *path)
{
	struct msg_file_read message = { 0 };
	struct msg_file_data data = { 0 };
	uint8_t bytes[1024];
	int length;

	snprintf(message.path, sizeof(message.path), "%s", path);
	length = msg_file_read_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	await(MSG_FILE_DATA);
	NEED(DECODE(file_data, &data));
	return data.error;
}

static int set_sysctl(const char *key, const char *value)
{
	struct msg_sysctl_set message = { 0 };
	uint8_t bytes[512];
	int length;

	snprintf(message.key, sizeof(message.key), "%s", key);
	snprintf(message.value, sizeof(message.value), "%s", value);
	length = msg_sysctl_set_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	return result_of();
}

static void scene_settings(void)
{
	static const char *const keys[] = {
		"net/ipv4/conf/" FOREIGN "/forwarding",
		"net/ipv4/conf/" FOREIGN "/rp_filter",
		"net/ipv4/conf/" FOREIGN "/route_localnet",
		"net/ipv4/conf/all/route_localnet",
		"net/ipv4/conf/all/rp_filter",
		"net/ipv4/conf/default/rp_filter",
		"net/ipv4/conf/lo/accept_redirects",
		"net/ipv4/conf/lo/send_redirects",
		"net/ipv4/conf/lo/src_valid_mark",
		"net/ipv6/conf/" FOREIGN "/accept_ra",
		"net/ipv6/conf/" FOREIGN "/disable_ipv6",
		"net/ipv6/conf/lo/disable_ipv6",
		"net/ipv6/conf/all/accept_ra",
		"net/ipv6/conf/lo/forwarding",
		"net/ipv4/tcp_syncookies",
		"net/netfilter/nf_conntrack_max",
	};

	NEED(set_sysctl("net/ipv4/conf/lo/rp_filter", "2") == -EPERM);
	NEED(read_file(state.config_path) == 0);
	/* The control: the configuration names it. */
	NEED(set_sysctl("net/ipv4/conf/lo/rp_filter", "2") == 0);
	NEED(set_sysctl("net/ipv4/conf/lo/rp_filter", "7") == -EPERM);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		NEED(set_sysctl(keys[i], "1") == -EPERM);
	end(DONE);
}

static void scene_device(void)
{
	struct msg_tun_opened opened = { 0 };
	struct inet_prefix prefix = { address_of("10.77.0.1"), 24 };

	SEND(tun_open, SEQ, { .name = FOREIGN });
	await(MSG_TUN_OPENED);
	NEED(DECODE(tun_opened, &opened) && opened.error == -EBUSY);
	SEND(link_set, SEQ, { .name = FOREIGN, .up = true, .mtu = 9000 });
	NEED(result_of() == -EPERM);
	SEND(address_set, SEQ, { .name = FOREIGN, .prefix = prefix });
	NEED(result_of() == -EPERM);
	SEND(tun_open, SEQ, { .name = "own0" });
	await(MSG_TUN_OPENED);
	NEED(DECODE(tun_opened, &opened) && opened.error == 0);
	SEND(link_set, SEQ, { .name = FOREIGN, .up = true, .mtu = 9000 });
	NEED(result_of() == -EPERM);
	SEND(link_set, SEQ, { .name = "own0", .up = true, .mtu = 1400 });
	NEED(result_of() == 0);
	end(DONE);
}

static int dial(const char *peer, uint16_t port, const char *ca_file)
{
	struct msg_session_open message = { .name = "x", .slot = 1, .peer = address_of(peer),
					    .port = port, .server_name = "x",
					    .connect_ms = 1000, .keepalive_ms = 1000,
					    .greeting = { (const uint8_t *)"{}", 2 } };
	static const uint8_t digest[32];
	struct msg_pin pin = { { digest, sizeof(digest) } };
	struct msg_session_opened opened = { 0 };
	uint8_t bytes[4096];
	int length;

	snprintf(message.ca_file, sizeof(message.ca_file), "%s", ca_file);
	message.pins = &pin;
	message.pins_count = !ca_file[0];
	length = msg_session_open_encode(&message, SEQ, bytes, sizeof(bytes));
	NEED(send(VM_CHANNEL_FD, bytes, (size_t)length, 0) == length);
	await(MSG_SESSION_OPENED);
	NEED(DECODE(session_opened, &opened));
	return opened.error;
}

static void scene_dialling(void)
{
	static const char *const peers[] = {
		"127.0.0.1", "127.255.0.9", "0.0.0.0",	  "10.0.0.9",	"172.16.0.1",
		"172.31.9.9", "192.168.1.1", "169.254.1.1", "224.0.0.1",	"255.255.255.255",
		"::1",	     "::",	    "fe80::1",	  "fd00::1",	"ff02::1",
		"::ffff:127.0.0.1",
	};
	char file[300];

	NEED(dial("127.0.0.1", PORT_NAMED, "") == -EPERM);
	NEED(read_file(state.config_path) == 0);
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		NEED(dial(peers[i], PORT_CLOSED, "") == -EPERM);
	/* The control: the configuration names it. */
	NEED(dial("127.0.0.2", PORT_NAMED, "") == 0);
	snprintf(file, sizeof(file), "%.200s/authorities", state.run_dir);
	NEED(dial("127.0.0.2", PORT_NAMED, file) == -EPERM);
	snprintf(file, sizeof(file), "%.*s/authorities",
		 (int)(strrchr(state.config_path, '/') - state.config_path), state.config_path);
	NEED(dial("127.0.0.2", PORT_NAMED, file) == -EPERM);
	end(DONE);
}

static void scene_keys(void)
{
	char file[300];

	NEED(read_file(state.config_path) == 0);
	snprintf(file, sizeof(file), "%.*s/key.der",
		 (int)(strrchr(state.config_path, '/') - state.config_path), state.config_path);
	NEED(read_file(file) == -EPERM);
	end(DONE);
}

static void scene_talk(void)
{
	for (int i = 0; i < LOG_LINES; i++)
		SEND(log, 0, { .level = i % 2 ? 3 : 6, .text = "noise" });
	SEND(sysctl_get, SEQ, { .key = "net/ipv4/ip_forward" });
	await(MSG_SYSCTL_VALUE);
	end(DONE);
}

/* How many the mover took before it took no more. */
static int fill(int (*add)(int number), int quota)
{
	int taken = 0;

	for (int i = 0; i < quota + BEYOND; i++) {
		int error = add(i);

		if (error == 0)
			taken++;
		else
			NEED(error == -EDQUOT);
	}
	return taken;
}

static struct inet_prefix host(int number)
{
	return (struct inet_prefix){ .ip = { 4, { 10, (uint8_t)(number >> 16),
						  (uint8_t)(number >> 8), (uint8_t)number } },
				     .length = 32 };
}

static int add_route(int number)
{
	SEND(route_set, SEQ, { .table = 50, .dst = host(number), .kind = RTN_BLACKHOLE });
	return result_of();
}

/* Pretends to take it back: what is not there is removed with success. */
static int add_route_and_remove_none(int number)
{
	SEND(route_set, SEQ, { .remove = true, .table = 51, .dst = host(number),
			       .kind = RTN_BLACKHOLE });
	NEED(result_of() == 0);
	return add_route(number);
}

static int add_rule(int number)
{
	SEND(rule_set, SEQ, { .family = 4, .priority = 20 + (uint32_t)(number % 100),
			      .src = host(number), .table = 47, .action = FR_ACT_TO_TBL });
	return result_of();
}

static int add_address(int number)
{
	SEND(address_set, SEQ, { .name = "own0", .prefix = host(number) });
	return result_of();
}

static void scene_routes(void)
{
	NEED(fill(add_route_and_remove_none, QUOTA_ROUTES_MAX) ==
	     QUOTA_ROUTES_MAX);
	end(DONE);
}

static void scene_rules(void)
{
	NEED(fill(add_rule, QUOTA_RULES_MAX) == QUOTA_RULES_MAX);
	end(DONE);
}

static void scene_addresses(void)
{
	SEND(tun_open, SEQ, { .name = "own0" });
	await(MSG_TUN_OPENED);
	NEED(fill(add_address, QUOTA_ADDRESSES_MAX) <= QUOTA_ADDRESSES_MAX);
	end(DONE);
}

static int load(const char *script)
{
	SEND(nft_apply, SEQ, { .last = true, .script = { (const uint8_t *)script,
							 (uint32_t)strlen(script) } });
	return result_of();
}

#define ANEW "table inet adit {}\ndelete table inet adit\n"
#define TABLE(text) ANEW "table inet adit {\n" text "}\n"

static void scene_texts(void)
{
	static const char *const scripts[] = {
		"flush ruleset\n",
		"add rule inet adit guard accept\n",
		"add element inet adit own4 { localhost }\n",
		"add chain inet adit x { type nat hook prerouting priority -100; }\n",
		TABLE("  chain nat {\n    type nat hook prerouting priority -100; policy accept;\n"
		      "    dnat to 127.0.0.1 comment \"x\"\n  }\n"),
		TABLE("  chain nat {\n    type nat hook postrouting priority 100; policy accept;\n"
		      "    masquerade comment \"x\"\n  }\n"),
		TABLE("  chain outgoing {\n    type nat hook output priority -150; policy accept;\n"
		      "  }\n"),
		TABLE("  chain guard {\n    type filter hook input priority -5; policy drop;\n"
		      "  }\n"),
		TABLE("  chain shield {\n    type filter hook prerouting priority -300; policy "
		      "accept;\n    notrack comment \"x\"\n  }\n"),
		TABLE("  chain passed {\n    tproxy to :1 comment \"x\"\n  }\n"),
		TABLE("  chain passed {\n    log comment \"x\"\n  }\n"),
		TABLE("  chain passed {\n    synproxy comment \"x\"\n  }\n"),
		TABLE("  set own4 { type ipv4_addr; flags dynamic; }\n"),
	};

	/* The control. */
	NEED(load(TABLE("  set own4 { type ipv4_addr; }\n  chain passed {\n    accept comment "
			"\"x\"\n  }\n")) == 0);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		NEED(load(scripts[i]) == -EPERM);
	end(DONE);
}

/* As many elements in one script as fit into a message. */
#define ELEMENTS 2000

static int add_elements(int number)
{
	static char script[MSG_NFT_APPLY_SCRIPT_MAX];
	char *at = script + sprintf(script, "add element inet adit own4 { ");

	for (int i = number * ELEMENTS; i < (number + 1) * ELEMENTS; i++)
		at += sprintf(at, "10.%d.%d.%d, ", i >> 16, i >> 8 & 255, i & 255);
	memcpy(at - 2, " }\n", 4);
	return load(script);
}

static void scene_elements(void)
{
	NEED(load(TABLE("  set own4 { type ipv4_addr; }\n")) == 0);
	for (int i = 0; i < NFT_ELEMENTS_MAX / ELEMENTS; i++)
		NEED(add_elements(i) == 0);
	for (int i = 0; i < 3; i++)
		NEED(add_elements(1000 + i) == -EDQUOT);
	/* What fails takes nothing away. */
	NEED(load("delete element inet adit own4 { 192.0.2.1 }\n") == -ENOENT);
	NEED(add_elements(1000) == -EDQUOT);
	NEED(load(TABLE("  set own4 { type ipv4_addr; }\n")) == 0);
	NEED(add_elements(0) == 0);
	end(DONE);
}

static void scene_honest(void)
{
	NEED(add_route(FLOOD + 1) == 0);
	NEED(add_rule(FLOOD + 1) == 0);
	end(DONE);
}

static bool lists_a_block(void)
{
	struct msg_nft_text list = { 0 };
	bool found = false;

	SEND(nft_list, SEQ, { 0 });
	while (!list.last) {
		await(MSG_NFT_TEXT);
		NEED(DECODE(nft_text, &list) && list.error == 0);
		found |= list.data.size &&
			 memmem(list.data.data, list.data.size, "\"boot\"", 6) != NULL;
	}
	return found;
}

/* It may ask before the mover is done. */
static void scene_blocked(void)
{
	bool found = lists_a_block();

	for (int i = 0; i < 5 && !found; i++)
		found = lists_a_block();
	NEED(found);
	end(DONE);
}

static const struct scene scenes[] = {
	{ "settings", scene_settings }, { "device", scene_device },
	{ "dialling", scene_dialling }, { "keys", scene_keys },
	{ "talk", scene_talk },		{ "routes", scene_routes },
	{ "rules", scene_rules },	{ "addresses", scene_addresses },
	{ "honest", scene_honest },	{ "texts", scene_texts },
	{ "elements", scene_elements }, { "blocked", scene_blocked },
};

/* --------------------------------------------------------------------- the test's side */

static struct nl_socket *netlink;

static void request_link(const char *name, unsigned long call, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	EXPECT_EQUAL(ioctl(fd, call, ifr), 0);
	close(fd);
}

static void make_foreign_device(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", FOREIGN);
	EXPECT_EQUAL(ioctl(fd, TUNSETIFF, &ifr), 0);
	EXPECT_EQUAL(ioctl(fd, TUNSETPERSIST, 1), 0);
	close(fd);
	ifr = (struct ifreq){ .ifr_mtu = FOREIGN_MTU };
	request_link(FOREIGN, SIOCSIFMTU, &ifr);
	ifr = (struct ifreq){ .ifr_flags = IFF_UP };
	request_link("lo", SIOCSIFFLAGS, &ifr);
}

static void a_foreign_device_is_not_taken_over(void)
{
	struct ifreq ifr = { 0 };

	expect_scene("device", 0, DONE);
	request_link(FOREIGN, SIOCGIFMTU, &ifr);
	EXPECT_EQUAL(ifr.ifr_mtu, FOREIGN_MTU);
	request_link(FOREIGN, SIOCGIFFLAGS, &ifr);
	EXPECT_EQUAL(ifr.ifr_flags & IFF_UP, 0);
}

static int listen_on(const char *address, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, address, &name.sin_addr);
	EXPECT_EQUAL(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	EXPECT_EQUAL(listen(fd, 8), 0);
	return fd;
}

static bool was_dialled(int fd)
{
	int one = accept(fd, NULL, NULL);

	if (one >= 0)
		close(one);
	return one >= 0;
}

static void neither_router_nor_neighbours_are_scanned(void)
{
	int closed = listen_on("0.0.0.0", PORT_CLOSED);
	int named = listen_on("127.0.0.2", PORT_NAMED);

	expect_scene("dialling", 0, DONE);
	EXPECT(!was_dialled(closed));
	EXPECT(was_dialled(named));
	close(closed);
	close(named);
}

static void the_log_is_bounded(void)
{
	unsigned int lines = 0;

	expect_scene("talk", 0, DONE);
	for (const char *at = daemon_main.text; (at = strstr(at, "noise")); at++)
		lines++;
	EXPECT(lines >= 900 && lines <= 1200);
}

struct found {
	int routes, rules;
};

static int count_object(void *arg, const struct nl_message *message)
{
	struct found *found = arg;
	struct nl_object object;

	if (nl_route_parse(message, &object) <= 0)
		return 0;
	found->routes += object.id == MSG_ROUTE && object.route.protocol == NL_ROUTE_PROTOCOL;
	found->rules += object.id == MSG_RULE && object.rule.protocol == NL_ROUTE_PROTOCOL;
	return 0;
}

static struct found count_ours(void)
{
	static const uint16_t types[] = { RTM_GETROUTE, RTM_GETRULE };
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct found found = { 0 };

	for (int i = 0; i < 2; i++) {
		int length = nl_build_dump(types[i], 4, request);

		EXPECT_EQUAL(nl_socket_dump(netlink, request, (size_t)length, count_object,
					    &found), 0);
	}
	return found;
}

static void the_kernel_is_not_filled(void)
{
	expect_scene("routes", 0, DONE);
	EXPECT_EQUAL(count_ours().routes, QUOTA_ROUTES_MAX);
	expect_scene("rules", 0, DONE);
	EXPECT_EQUAL(count_ours().rules, QUOTA_RULES_MAX);
	expect_scene("addresses", 0, DONE);
	expect_scene("elements", 0, DONE);
}

/* As a mover without limits left them: more than the next decider could bear. */
static void what_was_filled_is_cleared_at_the_start(void)
{
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct found found;

	for (int i = FLOOD; i < FLOOD + 100; i++) {
		struct msg_route_set route = { .table = 50, .dst = host(i),
					       .kind = RTN_BLACKHOLE };
		struct msg_rule_set rule = { .family = 4, .priority = 20, .src = host(i),
					     .table = 47, .action = FR_ACT_TO_TBL };

		nl_socket_request(netlink, request,
				  (size_t)nl_build_route(&route, 0, NLM_F_CREATE, request), NULL);
		nl_socket_request(netlink, request,
				  (size_t)nl_build_rule(&rule, NLM_F_CREATE, request), NULL);
	}
	found = count_ours();
	EXPECT(found.routes > QUOTA_ROUTES_MAX && found.rules > QUOTA_RULES_MAX);
	expect_scene("honest", 0, DONE);
	found = count_ours();
	EXPECT_EQUAL(found.routes, 1);
	EXPECT_EQUAL(found.rules, 1);
}

/* The same of the firewall: the decider gets to see the block that stands in its place. */
static void a_table_that_none_can_read_is_replaced(void)
{
	FILE *nft = popen("nft -f -", "w");

	EXPECT(nft != NULL);
	fprintf(nft, ANEW "table inet adit {\n set own4 { type ipv4_addr; elements = { 10.0.0.0");
	for (int i = 1; i < 4 * NFT_ELEMENTS_MAX; i++)
		fprintf(nft, ", 10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
	fprintf(nft, " }\n}\n}\n");
	EXPECT_EQUAL(pclose(nft), 0);
	expect_scene("blocked", 0, DONE);
	EXPECT(strstr(daemon_main.text, "more than any configuration needs") != NULL);
}

/* An Ed25519 key in DER (RFC 8410). */
static void write_binary_key(void)
{
	static const uint8_t head[16] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
					  0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };
	uint8_t key[48];
	int fd = open(binary_key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(key, 0x5a, sizeof(key));
	memcpy(key, head, sizeof(head));
	EXPECT_EQUAL(write(fd, key, sizeof(key)), sizeof(key));
	close(fd);
}

static void write_files(void)
{
	char config[512];

	snprintf(run_file, sizeof(run_file), "%s/authorities", run_path);
	snprintf(authorities, sizeof(authorities), "%s/authorities", dir);
	snprintf(binary_key, sizeof(binary_key), "%s/key.der", dir);
	snprintf(config, sizeof(config),
		 "{\"role\":\"gateway\",\"uplinks\":[\"lo\"],\"endpoint\":\"127.0.0.2:%d\","
		 "\"ca\":[\"%s\",\"%s\"],\"key\":\"%s\"}\n",
		 PORT_NAMED, run_file, authorities, binary_key);
	write_file(config_path, config);
	EXPECT_EQUAL(mkdir(run_path, 0755), 0);
	write_file(run_file, "x");
	write_file(authorities, "x");
	EXPECT_EQUAL(chown(authorities, 1000, 0), 0);
	write_binary_key();
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "run/aditd.lock", "run/authorities", "run",
					     "authorities", "key.der", "config.json", "module",
					     "" };

	if (argc == 1 && strcmp(argv[0], ENTRY_DECIDER_NAME) == 0)
		play_scene(scenes, sizeof(scenes) / sizeof(scenes[0]));
	if (!prepare_daemon())
		return 0;
	EXPECT_EQUAL(nl_socket_open(NETLINK_ROUTE, &netlink), 0);
	write_files();
	make_foreign_device();
	expect_scene("settings", 0, DONE);
	a_foreign_device_is_not_taken_over();
	neither_router_nor_neighbours_are_scanned();
	expect_scene("keys", 0, DONE);
	the_log_is_bounded();
	expect_scene("texts", 0, DONE);
	the_kernel_is_not_filled();
	what_was_filled_is_cleared_at_the_start();
	a_table_that_none_can_read_is_replaced();
	nl_socket_close(netlink);
	remove_files(names, sizeof(names) / sizeof(names[0]));
	return test_summary();
}
