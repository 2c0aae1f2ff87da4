/* The real kernel, in a network namespace of the test's own. Needs root; skipped without. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/caps.h"
#include "sys/ct.h"
#include "sys/exec.h"
#include "sys/nft.h"
#include "sys/nl_route.h"
#include "sys/nl_set.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "test.h"

#define TABLE 47

static char text[NL_SET_TEXT_MAX];
static struct nl_socket *netlink;
static struct loop *loop;

static struct inet_prefix prefix_of(const char *address, uint8_t length)
{
	struct inet_prefix prefix = { .length = length };

	prefix.ip.family = strchr(address, ':') ? 6 : 4;
	inet_pton(prefix.ip.family == 4 ? AF_INET : AF_INET6, address, prefix.ip.bytes);
	return prefix;
}

static struct msg_route_set route_of(const char *dst, uint8_t length, uint32_t metric)
{
	return (struct msg_route_set){ .table = TABLE, .dst = prefix_of(dst, length),
				       .metric = metric, .kind = RTN_UNICAST,
				       .scope = RT_SCOPE_LINK, .oif = "lo" };
}

static int set_route(struct msg_route_set route, bool remove)
{
	route.remove = remove;
	return nl_set_route(netlink, &route, if_nametoindex(route.oif), text);
}

struct counter {
	uint32_t table;
	int routes;
	int rules;
	int foreign_rules;
};

static int count_object(void *arg, const struct nl_message *message)
{
	struct counter *counter = arg;
	struct nl_object object;

	if (nl_route_parse(message, &object) <= 0)
		return 0;
	if (object.id == MSG_ROUTE && object.route.table == counter->table)
		counter->routes++;
	if (object.id == MSG_RULE && object.rule.priority >= 8 && object.rule.priority <= 255) {
		counter->rules += object.rule.protocol == NL_ROUTE_PROTOCOL;
		counter->foreign_rules += object.rule.protocol != NL_ROUTE_PROTOCOL;
	}
	return 0;
}

static struct counter count_all(uint16_t type)
{
	struct counter counter = { .table = TABLE };
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));

	for (uint8_t family = 4; family <= 6; family += 2) {
		int length = nl_build_dump(type, family, request);

		EXPECT_EQUAL(nl_socket_dump(netlink, request, (size_t)length, count_object,
					    &counter), 0);
	}
	return counter;
}

/* Installs what the builder gives, but under another protocol. */
static void put_foreign(void *request, int length, bool rule)
{
	struct nl_cursor cursor = { request, (size_t)length };
	struct nl_message message;
	struct nl_attr attr;

	EXPECT_EQUAL(nl_next(&cursor, &message), 1);
	if (!rule) {
		((struct rtmsg *)message.payload)->rtm_protocol = RTPROT_STATIC;
	} else {
		EXPECT_EQUAL(nl_body(&message, sizeof(struct fib_rule_hdr), &cursor), 0);
		while (nl_attr_next(&cursor, &attr) > 0)
			if (attr.type == FRA_PROTOCOL)
				*(uint8_t *)attr.data = RTPROT_STATIC;
	}
	EXPECT_EQUAL(nl_socket_request(netlink, request, (size_t)length, NULL), 0);
}

static void the_loopback_comes_up(void)
{
	struct msg_link_set link = { .name = "lo", .up = true };
	struct msg_address_set address = { .name = "lo", .prefix = prefix_of("10.9.0.1", 24) };

	EXPECT_EQUAL(nl_set_link(netlink, &link, if_nametoindex(link.name), text), 0);
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	address.prefix = prefix_of("fd00:9::1", 64);
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	address.remove = true;
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	EXPECT_EQUAL(nl_set_address(netlink, &address, if_nametoindex(address.name), text), 0);
	snprintf(link.name, sizeof(link.name), "none");
	EXPECT_EQUAL(nl_set_link(netlink, &link, if_nametoindex(link.name), text), -ENODEV);
	EXPECT(strstr(text, "none") != NULL);
}

static void routes_of_both_families(const char *any, const char *net, uint8_t length)
{
	struct msg_route_set route = route_of(any, 0, 1000);
	struct msg_route_set block = route_of(any, 0, UINT32_MAX);
	struct msg_route_set plain = route_of(net, length, 0);

	block.kind = RTN_UNREACHABLE;
	block.scope = RT_SCOPE_UNIVERSE;
	block.oif[0] = '\0';
	EXPECT_EQUAL(set_route(block, false), 0);
	EXPECT_EQUAL(set_route(block, false), 0);
	EXPECT_EQUAL(set_route(route, false), 0);
	EXPECT_EQUAL(set_route(route, false), 0);
	EXPECT_EQUAL(set_route(plain, false), 0);
	EXPECT_EQUAL(set_route(plain, false), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 3);
	/* Removing one of a destination leaves the others. */
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 2);
	EXPECT_EQUAL(set_route(plain, true), 0);
	EXPECT_EQUAL(set_route(plain, true), 0);
	EXPECT_EQUAL(set_route(block, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 0);
}

/* A metric of 0 in a delete must not take a route of ours with another metric. */
static void a_metric_of_zero_is_exact(void)
{
	EXPECT_EQUAL(set_route(route_of("10.7.0.0", 16, 5), false), 0);
	EXPECT_EQUAL(set_route(route_of("10.7.0.0", 16, 0), true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 1);
	EXPECT_EQUAL(set_route(route_of("10.7.0.0", 16, 5), true), 0);
}

static void our_outdated_route_is_replaced(void)
{
	struct msg_route_set route = route_of("10.7.0.0", 16, 5);

	EXPECT_EQUAL(set_route(route, false), 0);
	route.kind = RTN_BLACKHOLE;
	route.scope = RT_SCOPE_UNIVERSE;
	route.oif[0] = '\0';
	EXPECT_EQUAL(set_route(route, false), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 1);
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 0);
}

static void foreign_routes_are_left_alone(const char *net, uint8_t length)
{
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct msg_route_set route = route_of(net, length, 7);
	uint32_t oif = if_nametoindex("lo");

	put_foreign(request, nl_build_route(&route, oif, NLM_F_CREATE, request), false);
	EXPECT_EQUAL(set_route(route, false), -EEXIST);
	EXPECT(strstr(text, "left alone") != NULL);
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 1);
	route.metric = 0;
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 1);
	route.metric = 7;
	route.remove = true;
	put_foreign(request, nl_build_route(&route, oif, 0, request), false);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 0);
}

/* Somebody put one before ours, and a replacement would hit that. */
static void a_foreign_route_before_ours_is_left_alone(void)
{
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct msg_route_set route = route_of("10.8.0.0", 16, 7);
	struct msg_route_set changed = route;
	uint32_t oif = if_nametoindex("lo");

	EXPECT_EQUAL(set_route(route, false), 0);
	put_foreign(request, nl_build_route(&route, oif, NLM_F_CREATE, request), false);
	changed.kind = RTN_BLACKHOLE;
	changed.scope = RT_SCOPE_UNIVERSE;
	changed.oif[0] = '\0';
	EXPECT_EQUAL(set_route(changed, false), -EEXIST);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 2);
	EXPECT_EQUAL(set_route(route, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 1);
	route.remove = true;
	put_foreign(request, nl_build_route(&route, oif, 0, request), false);
	EXPECT_EQUAL(count_all(RTM_GETROUTE).routes, 0);
}

static int set_rule(struct msg_rule_set rule, bool remove)
{
	rule.remove = remove;
	return nl_set_rule(netlink, &rule, text);
}

static void rules_are_told_apart(uint8_t family, const char *address)
{
	uint8_t length = family == 4 ? 32 : 128;
	struct msg_rule_set any = { .family = family, .priority = 11, .table = TABLE,
				    .action = FR_ACT_TO_TBL };
	struct msg_rule_set from = any;
	struct msg_rule_set iif = any;

	from.src = prefix_of(address, length);
	snprintf(iif.iif, sizeof(iif.iif), "br-guest");
	EXPECT_EQUAL(set_rule(from, false), 0);
	EXPECT_EQUAL(set_rule(from, false), 0);
	EXPECT_EQUAL(set_rule(any, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).rules, 1);
	EXPECT_EQUAL(set_rule(any, false), 0);
	EXPECT_EQUAL(set_rule(any, false), 0);
	EXPECT_EQUAL(set_rule(iif, false), 0);
	EXPECT_EQUAL(set_rule(iif, false), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).rules, 3);
	EXPECT_EQUAL(set_rule(from, true), 0);
	EXPECT_EQUAL(set_rule(iif, true), 0);
	EXPECT_EQUAL(set_rule(iif, true), 0);
	EXPECT_EQUAL(set_rule(any, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).rules, 0);
}

static void foreign_rules_are_left_alone(void)
{
	uint8_t request[NL_ROUTE_REQUEST_BYTES] __attribute__((aligned(4)));
	struct msg_rule_set rule = { .family = 4, .priority = 20, .table = TABLE,
				     .src = prefix_of("10.1.2.3", 32), .action = FR_ACT_TO_TBL };

	put_foreign(request, nl_build_rule(&rule, NLM_F_CREATE, request), true);
	EXPECT_EQUAL(set_rule(rule, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).foreign_rules, 1);
	EXPECT_EQUAL(set_rule(rule, false), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).rules, 1);
	EXPECT_EQUAL(set_rule(rule, true), 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).rules, 0);
	EXPECT_EQUAL(count_all(RTM_GETRULE).foreign_rules, 1);
	rule.remove = true;
	put_foreign(request, nl_build_rule(&rule, 0, request), true);
}

static struct {
	int error;
	char errors[EXEC_ERRORS_BYTES_MAX];
	char output[8192];
} ran;

static void note_run(void *arg, const struct exec_result *result)
{
	(void)arg;
	ran.error = result->error;
	snprintf(ran.errors, sizeof(ran.errors), "%s", result->errors);
	snprintf(ran.output, sizeof(ran.output), "%.*s", (int)result->output_size,
		 result->output ? (const char *)result->output : "");
	loop_stop(loop);
}

static void run_program(const char *const *argv, const char *input, uint64_t deadline_us)
{
	struct exec_request request = { .argv = argv, .input = (const uint8_t *)input,
					.input_size = strlen(input), .deadline_us = deadline_us,
					.done = note_run };
	struct exec *exec = NULL;

	EXPECT_EQUAL(exec_start(loop, &request, &exec), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
}

static void programs_run_in_a_bare_environment(void)
{
	const char *const cat[] = { "/bin/cat", NULL };
	const char *const env[] = { "/usr/bin/env", NULL };
	const char *const fail[] = { "/bin/false", NULL };
	const char *const none[] = { "/bin/no-such-program", NULL };
	const char *const slow[] = { "/bin/sleep", "60", NULL };
	const char *const files[] = { "/bin/ls", "/proc/self/fd", NULL };
	const char *const score[] = { "/bin/cat", "/proc/self/oom_score_adj", NULL };
	int extra = dup(STDERR_FILENO);

	run_program(cat, "in and out", 5000000);
	EXPECT_EQUAL(ran.error, 0);
	EXPECT_TEXT(ran.output, "in and out");
	run_program(env, "", 5000000);
	EXPECT_TEXT(ran.output, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	run_program(files, "", 5000000);
	EXPECT_TEXT(ran.output, "0\n1\n2\n3\n");
	proc_set_oom_score(200);
	run_program(score, "", 5000000);
	EXPECT_TEXT(ran.output, "0\n");
	proc_set_oom_score(0);
	run_program(none, "", 5000000);
	EXPECT_EQUAL(ran.error, -ENOEXEC);
	EXPECT(strstr(ran.errors, "No such file") != NULL);
	run_program(fail, "", 5000000);
	EXPECT_EQUAL(ran.error, -ECHILD);
	EXPECT_TEXT(ran.errors, "exit status 1");
	run_program(slow, "", 50000);
	EXPECT_EQUAL(ran.error, -ETIMEDOUT);
	close(extra);
}

static struct {
	int error;
	bool table;
	uint32_t tag;
} nft_saw;

static void note_nft(void *arg, uint32_t tag, const struct nft_result *result)
{
	(void)arg;
	nft_saw.error = result->error;
	nft_saw.tag = tag;
	nft_saw.table = result->output && memmem(result->output, result->output_size,
						  "\"guard\"", 7) != NULL;
	if (tag >= 10)
		loop_stop(loop);
}

static int apply(struct nft *nft, const char *script, uint32_t tag)
{
	static const struct nft_amounts none;
	struct nft_asker asker = { note_nft, NULL, tag };

	return nft_apply(nft, (uint8_t *)strdup(script), strlen(script), &none, &asker);
}

/* Runs with the privileges of the mover, as it does in production. */
static void nft_runs_without_other_privileges(void)
{
	struct nft_asker list = { note_nft, NULL, 10 };
	struct nft *nft = NULL;

	EXPECT_EQUAL(nft_new(loop, &nft), 0);
	EXPECT_EQUAL(nft_list(nft, &list), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(nft_saw.error, -ENOENT);
	EXPECT_EQUAL(apply(nft, "table inet adit { chain guard { type filter hook forward "
				"priority 0; }\n}\n", 2), 0);
	list.tag = 11;
	EXPECT_EQUAL(nft_list(nft, &list), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(nft_saw.error, 0);
	EXPECT_EQUAL(nft_saw.tag, 11);
	EXPECT(nft_saw.table);
	EXPECT_EQUAL(apply(nft, "add rule inet adit none drop", 12), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(nft_saw.error, -ENOENT);
	EXPECT_EQUAL(apply(nft, "add rule inet adit guard dorp", 13), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(nft_saw.error, -EINVAL);
	for (uint32_t i = 0; i < NFT_WAITING_MAX; i++)
		EXPECT_EQUAL(apply(nft, "table inet adit", 0), 0);
	EXPECT_EQUAL(apply(nft, "table inet adit", 0), -EBUSY);
	nft_free(nft);
}

static void waiting_scripts_are_bounded(void)
{
	char *script = malloc(NFT_SCRIPT_BYTES_MAX + 1);
	struct nft *nft = NULL;

	EXPECT(script != NULL);
	memset(script, '\n', NFT_SCRIPT_BYTES_MAX);
	script[NFT_SCRIPT_BYTES_MAX] = '\0';
	EXPECT_EQUAL(nft_new(loop, &nft), 0);
	EXPECT_EQUAL(apply(nft, script, 0), 0);
	EXPECT_EQUAL(apply(nft, script, 10), 0);
	EXPECT_EQUAL(apply(nft, "table inet adit", 0), -EBUSY);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(apply(nft, script, 0), 0);
	nft_free(nft);
	free(script);
}

static int ct_error;
static int ct_count = -1;

static void note_ct(void *arg, uint32_t tag, int error, uint32_t count)
{
	(void)arg;
	EXPECT_EQUAL(tag, 77);
	ct_error = error;
	ct_count = (int)count;
	loop_stop(loop);
}

static int ct_counts[3], ct_told;

static void note_one_of_three(void *arg, uint32_t tag, int error, uint32_t count)
{
	(void)arg;
	EXPECT_EQUAL(error, 0);
	EXPECT_EQUAL(tag, ct_told); /* in the order in which they asked */
	ct_counts[ct_told++] = (int)count;
	if (ct_told == 3)
		loop_stop(loop);
}

static void send_from_three_ports(const struct inet_prefix *prefix)
{
	for (uint16_t port = 1; port <= 3; port++) {
		char refusal[SOCK_TEXT_MAX];
		int fd = sock_connect_udp(&prefix->ip, port, &(struct sock_way){ 0 }, refusal);

		EXPECT(fd >= 0);
		EXPECT_EQUAL(write(fd, "x", 1), 1);
		close(fd);
	}
}

/* A law by which flows of one source belong nowhere. */
static int forget_source(struct ct *ct, const struct inet_prefix *source,
			 const struct ct_asker *asker)
{
	struct flow_row row = { *source, UINT16_MAX };

	return ct_delete(ct, &(struct flow_law){ .rows = &row, .row_count = 1 }, asker);
}

/* Requests that wait together share one walk, of both families, and have their own numbers. */
static void one_walk_serves_many(struct ct *ct, const struct inet_prefix *prefix)
{
	struct inet_prefix asked[3] = { prefix_of("10.9.0.2", 32), *prefix,
					prefix_of("fd00::", 64) };

	send_from_three_ports(prefix);
	ct_told = 0;
	for (uint32_t i = 0; i < 3; i++) {
		struct ct_asker asker = { note_one_of_three, NULL, i };

		EXPECT_EQUAL(forget_source(ct, &asked[i], &asker), 0);
	}
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(ct_counts[0], 0);
	EXPECT_EQUAL(ct_counts[1], 3);
	EXPECT_EQUAL(ct_counts[2], 0);
}

/* A rule that looks at connections switches tracking on; three datagrams make one entry each. */
static void connections_of_an_address_are_forgotten(void)
{
	const char *const nft[] = { "/usr/sbin/nft", "-f", "-", NULL };
	struct ct_asker asker = { note_ct, NULL, 77 };
	struct inet_prefix prefix = prefix_of("10.9.0.1", 32);
	struct inet_prefix other = prefix_of("10.9.0.2", 32);
	struct ct *ct = NULL;

	run_program(nft, "table ip t { chain c { type filter hook output priority 0; ct state new "
			 "accept; }\n}\n", 5000000);
	EXPECT_TEXT(ran.errors, "");
	send_from_three_ports(&prefix);
	EXPECT_EQUAL(ct_new(loop, &ct), 0);
	EXPECT_EQUAL(forget_source(ct, &other, &asker), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(ct_error, 0);
	EXPECT_EQUAL(ct_count, 0);
	EXPECT_EQUAL(forget_source(ct, &prefix, &asker), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(ct_error, 0);
	EXPECT_EQUAL(ct_count, 3);
	EXPECT_EQUAL(forget_source(ct, &prefix, &asker), 0);
	EXPECT_EQUAL(loop_run(loop), 0);
	EXPECT_EQUAL(ct_count, 0);
	one_walk_serves_many(ct, &prefix);
	ct_free(ct);
}

static void only_dead_sockets_are_replaced(const char *dir)
{
	char path[128], refusal[SOCK_TEXT_MAX];
	struct stat stat_now;
	int first, second;
	FILE *file;

	snprintf(path, sizeof(path), "%s/socket", dir);
	first = sock_listen_unix(path, 0660, refusal);
	EXPECT(first >= 0);
	EXPECT_EQUAL(stat(path, &stat_now), 0);
	EXPECT_EQUAL(stat_now.st_mode & 0777, 0660);
	EXPECT_EQUAL(sock_listen_unix(path, 0660, refusal), -EADDRINUSE);
	close(first);
	second = sock_listen_unix(path, 0606, refusal);
	EXPECT(second >= 0);
	EXPECT_EQUAL(stat(path, &stat_now), 0);
	EXPECT_EQUAL(stat_now.st_mode & 0777, 0606);
	close(second);
	unlink(path);
	file = fopen(path, "w");
	EXPECT(file != NULL);
	fclose(file);
	EXPECT_EQUAL(sock_listen_unix(path, 0660, refusal), -EADDRINUSE);
	unlink(path);
	EXPECT_EQUAL(rmdir(dir), 0);
}

static void expect_status(const char *line)
{
	char status[4096] = "";
	FILE *file = fopen("/proc/self/status", "r");

	EXPECT(file && fread(status, 1, sizeof(status) - 1, file) > 0);
	if (file)
		fclose(file);
	if (!strstr(status, line))
		printf("missing: %s\n", line);
	EXPECT(strstr(status, line) != NULL);
}

/* The child of the mover must be killable by it, though CAP_KILL is gone. */
static void the_decider_has_nothing(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int failed_before = test_failed;

		EXPECT_EQUAL(caps_drop_decider(), 0);
		expect_status("Uid:\t30473\t30473\t30473\t30473");
		expect_status("Gid:\t30473\t30473\t30473\t30473");
		expect_status("CapEff:\t0000000000000000");
		expect_status("CapPrm:\t0000000000000000");
		EXPECT(setuid(0) < 0);
		raise(test_failed == failed_before ? SIGSTOP : SIGABRT);
		_exit(0);
	}
	EXPECT_EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	EXPECT(WIFSTOPPED(status));
	EXPECT_EQUAL(kill(pid, SIGKILL), 0);
	EXPECT_EQUAL(waitpid(pid, &status, 0), pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void the_mover_keeps_two_capabilities(void)
{
	EXPECT_EQUAL(caps_drop_mover(), 0);
	expect_status("Uid:\t30473\t0\t0\t0");
	expect_status("Gid:\t30473\t0\t0\t0");
	expect_status("CapInh:\t0000000000000000");
	expect_status("CapPrm:\t0000000000001400");
	expect_status("CapEff:\t0000000000001400");
	expect_status("CapBnd:\t0000000000001400");
	expect_status("NoNewPrivs:\t1");
}

static void with_all_privileges(void)
{
	the_loopback_comes_up();
	programs_run_in_a_bare_environment();
	connections_of_an_address_are_forgotten();
}

/* In a child, because who gave up so much cannot be searched for leaks at its end. */
static void with_the_privileges_of_the_mover(void)
{
	the_mover_keeps_two_capabilities();
	routes_of_both_families("0.0.0.0", "10.7.0.0", 16);
	routes_of_both_families("::", "fd00:7::", 32);
	a_metric_of_zero_is_exact();
	our_outdated_route_is_replaced();
	foreign_routes_are_left_alone("10.8.0.0", 16);
	foreign_routes_are_left_alone("fd00:8::", 32);
	a_foreign_route_before_ours_is_left_alone();
	rules_are_told_apart(4, "10.1.2.3");
	rules_are_told_apart(6, "fd00::3");
	foreign_rules_are_left_alone();
	nft_runs_without_other_privileges();
	waiting_scripts_are_bounded();
	the_decider_has_nothing();
}

static void in_a_child(void (*run)(void))
{
	int counts[2] = { 0, 1 };
	int ends[2];
	pid_t pid;

	EXPECT_EQUAL(pipe(ends), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_passed = test_failed = 0;
		run();
		fflush(stdout);
		counts[0] = test_passed;
		counts[1] = test_failed;
		_exit(write(ends[1], counts, sizeof(counts)) == sizeof(counts) ? 0 : 1);
	}
	close(ends[1]);
	EXPECT_EQUAL(read(ends[0], counts, sizeof(counts)), sizeof(counts));
	close(ends[0]);
	waitpid(pid, NULL, 0);
	test_passed += counts[0];
	test_failed += counts[1];
}

int main(void)
{
	char dir[] = "/tmp/adit-kernel-test-XXXXXX";

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	EXPECT(mkdtemp(dir) != NULL);
	EXPECT_EQUAL(loop_new(&loop), 0);
	EXPECT_EQUAL(nl_socket_open(NETLINK_ROUTE, &netlink), 0);
	with_all_privileges();
	only_dead_sockets_are_replaced(dir);
	in_a_child(with_the_privileges_of_the_mover);
	nl_socket_close(netlink);
	loop_free(loop);
	return test_summary();
}
