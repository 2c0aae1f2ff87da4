/* All that the decider's renderer writes about table inet adit, as nft_check.c holds scripts
 * against it. Alternatives stand on lines of their own. In them:
 *   %i name of an interface   %d number, at most 5 digits   %x mark, 0x and at most 8 digits
 *   %m MAC                    %4 IPv4 address or prefix     %6 IPv6 address or prefix */
#ifndef ADIT_SYS_NFT_GRAMMAR_H
#define ADIT_SYS_NFT_GRAMMAR_H

#define TO_LOCATION "goto loc_%d\n"
#define TO_UPLINK "goto answer_%d"
#define MARK TO_LOCATION "goto loc_%d_shut\ngoto direct\ngoto blocked"
#define GUARD "goto guarded\ngoto guarded_shut\ngoto passed\ngoto barred"

/* Sets, and maps if there is a value. */
static const struct {
	const char *name;
	const char *type, *key;
	const char *value_type, *value; /* NULL in a set */
} nft_sets[] = {
	{ "mac_mark\nlate_mac_mark\nwhole_%d_mark", "ether_addr", "%m", "verdict", MARK },
	{ "mac_guard\nlate_mac_guard\nwhole_%d_guard", "ether_addr", "%m", "verdict", GUARD },
	{ "ip4_%d_mark", "ipv4_addr", "%4", "verdict", MARK },
	{ "ip4_%d_guard", "ipv4_addr", "%4", "verdict", GUARD },
	{ "ip6_%d_mark", "ipv6_addr", "%6", "verdict", MARK },
	{ "ip6_%d_guard", "ipv6_addr", "%6", "verdict", GUARD },
	{ "iface_mark\nlate_iface_mark", "ifname", "\"%i\"", "verdict", MARK },
	{ "iface_guard\nlate_iface_guard", "ifname", "\"%i\"", "verdict", GUARD },
	{ "quote4", "ipv4_addr", "%4", "verdict", TO_LOCATION },
	{ "quote6", "ipv6_addr", "%6", "verdict", TO_LOCATION },
	{ "answer", "mark", "%x", "verdict", TO_UPLINK },
	{ "snat4", "mark", "%x", "ipv4_addr", "%4" },
	{ "snat6", "mark", "%x", "ipv6_addr", "%6" },
	{ "own4\nbypass4_%d", "ipv4_addr", "%4", NULL, NULL },
	{ "own6\nbypass6_%d", "ipv6_addr", "%6", NULL, NULL },
	{ "lan\ninward\nuplink\nfree", "ifname", "\"%i\"", NULL, NULL },
};

#define OUTSIDE "iifname != { \"lo\", \"%i\" } "
#define FROM "iifname \"%i\" "
#define LOOKUP(layer)                                                                              \
	"ether saddr vmap @mac_" layer "\nether saddr vmap @late_mac_" layer                       \
	"\nether saddr vmap @whole_%d_" layer "\nip saddr vmap @ip4_%d_" layer                     \
	"\nip saddr & %4 vmap @ip4_%d_" layer "\nip6 saddr vmap @ip6_%d_" layer                    \
	"\nip6 saddr & %6 vmap @ip6_%d_" layer "\niifname vmap @iface_" layer                      \
	"\niifname vmap @late_iface_" layer "\n"
#define PAST(verdict)                                                                              \
	"ip daddr @bypass4_%d " verdict "\nip daddr & %4 @bypass4_%d " verdict                     \
	"\nip6 daddr @bypass6_%d " verdict "\nip6 daddr & %6 @bypass6_%d " verdict "\n"
#define ANSWERING "ct direction reply ct status dnat jump answering\n"
#define SET_MARK "meta mark set meta mark & %x | %x"
#define BEGINNING "tcp flags & (syn | ack) == syn return\n"
#define ERROR_ABOUT "ct state related ct direction original ct reply "
#define ELSEWHERE " fib saddr type local fib saddr . oif type != local counter drop"
#define CLAMP "tcp flags syn / syn,rst tcp option maxseg size set "
#define KEPT "oifname @lan accept\ncounter drop"
#define TO_TUNNEL "oifname \"%i\" meta mark & %x != 0 "

/* Chains with a hook, and such that others lead to. */
static const struct {
	const char *name;
	const char *hook; /* NULL without */
	const char *rules;
} nft_chains[] = {
	{ "shield", "filter hook prerouting priority -300",
	  OUTSIDE "ip daddr @own4 drop\n" OUTSIDE "ip6 daddr @own6 drop\n" OUTSIDE
		  "ip saddr @own4 drop\n" OUTSIDE "ip6 saddr @own6 drop\n" OUTSIDE
		  "ip saddr %4 drop\n" OUTSIDE "ip6 saddr %6 drop" },
	{ "marking", "filter hook prerouting priority -150",
	  LOOKUP("mark") PAST("goto direct") "iifname \"%i\" return\n"
	  "iifname != @uplink ct state related ct direction original meta l4proto != "
	  "{ icmp, icmpv6 } ct mark & %x != 0 ct mark set ct mark & %x\n"
	  "iifname @uplink goto arriving\ngoto loc_%d\ngoto direct" },
	{ "outgoing", "route hook output priority -150",
	  "meta mark & %x == %x return\n" ERROR_ABOUT "ip daddr vmap @quote4\n" ERROR_ABOUT
	  "ip6 daddr vmap @quote6\nct direction reply jump answering\n"
	  "oifname \"%i\" goto loc_%d\noifname \"%i\" goto direct" },
	{ "loc_%d\nloc_%d_shut\ndirect\nblocked", NULL, ANSWERING SET_MARK },
	{ "arriving", NULL, "iifname \"%i\" ct state new ct mark set ct mark & %x | %x" },
	{ "answer_%d", NULL, SET_MARK "\naccept" },
	{ "answering", NULL, BEGINNING "ct mark & %x vmap @answer" },
	{ "answered", NULL, BEGINNING "ct mark & %x == %x oifname \"%i\" accept" },
	{ "guard", "filter hook forward priority -5",
	  LOOKUP("guard") PAST("accept") "iifname \"%i\" oifname != @inward drop\n"
	  "iifname \"%i\" ip daddr @own4 drop\niifname \"%i\" ip6 daddr @own6 drop\n"
	  "iifname != @free goto guarded\ngoto guarded\n"
	  "iifname \"%i\" oifname \"%i\" counter drop" },
	{ "doors", "filter hook prerouting priority -150",
	  FROM "ip daddr %4 icmp type echo-request accept\n" FROM
	  "ip6 daddr %6 icmpv6 type echo-request accept\n" FROM "ip daddr %4 accept\n" FROM
	  "ip6 daddr %6 accept\n" FROM "fib daddr type local ct state != "
	  "{ established, related } counter drop" },
	{ "reach", "filter hook forward priority -4",
	  FROM "ip daddr %4 accept\n" FROM "ip6 daddr %6 accept\n" FROM
	  "ip daddr %4 counter drop\n" FROM "ip6 daddr %6 counter drop\n" FROM
	  "oifname != \"%i\" counter drop" },
	{ "guarded\nguarded_shut", NULL,
	  "ct direction reply ct status dnat jump answered\noifname \"%i\" accept\n" KEPT },
	{ "barred", NULL, KEPT },
	{ "passed", NULL, "accept" },
	{ "clamp", "filter hook forward priority -150",
	  "oifname \"%i\" " CLAMP "rt mtu\niifname \"%i\" " CLAMP "rt mtu\n"
	  "iifname \"%i\" meta nfproto ipv4 " CLAMP "%d\n"
	  "iifname \"%i\" meta nfproto ipv6 " CLAMP "%d" },
	{ "nat", "nat hook postrouting priority 100",
	  TO_TUNNEL "snat ip to meta mark & %x map @snat4\n" TO_TUNNEL
		    "snat ip6 to meta mark & %x map @snat6\n"
	  "ip saddr %4 oifname \"%i\" masquerade\nip6 saddr %6 oifname \"%i\" masquerade\n"
	  "ip saddr %4 oifname != \"%i\" masquerade\nip6 saddr %6 oifname != \"%i\" masquerade" },
	{ "leaving", "filter hook postrouting priority 110",
	  "oifname { \"lo\", \"%i\" } accept\nip saddr @own4 counter drop\n"
	  "ip6 saddr @own6 counter drop\n"
	  "icmp type { destination-unreachable, time-exceeded, parameter-problem }" ELSEWHERE "\n"
	  "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, "
	  "parameter-problem }" ELSEWHERE },
};

#endif
