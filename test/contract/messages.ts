/** Commands with defaults, and a table that has everything which the bundle renders. */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";

export type RouteSet = Extract<DeciderMessage, { type: "route_set" }>;
export type RuleSet = Extract<DeciderMessage, { type: "rule_set" }>;

export function routeSet(changes: Partial<RouteSet>): RouteSet {
  return {
    type: "route_set", remove: false, table: 47, dst: "10.9.0.0/16", oif: "eth1", gateway: "",
    metric: 1_000, kind: 1, scope: 253, source: "", ...changes,
  };
}

export function ruleSet(changes: Partial<RuleSet>): RuleSet {
  return {
    type: "rule_set", remove: false, family: 4, priority: 20, src: "10.9.0.1/32", dst: "", iif: "",
    fwmark: 0, fwmask: 0, table: 47, action: 1, invert: false, ...changes,
  };
}

export const TABLE_SCRIPT = `table inet adit {}
delete table inet adit
table inet adit {
  map mac_mark { type ether_addr : verdict; }
  map ip4_16_mark { type ipv4_addr : verdict; }
  map snat4 { type mark : ipv4_addr; }
  set own6 { type ipv6_addr; }
  set lan { type ifname; }
  chain loc_1 {
    meta mark set meta mark & 0x80fffff7 | 0x01000008 comment "adit: to us #1"
  }
  chain blocked {
    meta mark set meta mark & 0x80fffff7 | 0x00000008 comment "adit: to no location #2"
  }
  chain shield {
    type filter hook prerouting priority -300; policy accept;
    iifname != { "lo", "wrt0" } ip6 daddr @own6 drop comment "adit: probe #3"
  }
  chain marking {
    type filter hook prerouting priority -150; policy accept;
    iifname "wrt0" return comment "adit: comes out of a tunnel #4"
    ether saddr vmap @mac_mark comment "adit: by MAC #5"
    ip saddr & 255.255.0.0 vmap @ip4_16_mark comment "adit: by prefix #6"
  }
  chain guard {
    type filter hook forward priority -5; policy accept;
    iifname "wrt0" ip6 daddr @own6 drop comment "adit: an answer to nobody #7"
    goto guarded comment "adit: guard everything else #8"
  }
  chain guarded {
    oifname @lan accept comment "adit: LAN #9"
    counter drop comment "adit: outside its tunnel #10"
  }
  chain clamp {
    type filter hook forward priority -150; policy accept;
    oifname "wrt0" tcp flags syn / syn,rst tcp option maxseg size set rt mtu comment "adit: #11"
    iifname "wrt0" meta nfproto ipv4 tcp flags syn / syn,rst tcp option maxseg size set 1460 \
comment "adit: #12"
  }
  chain nat {
    type nat hook postrouting priority 100; policy accept;
    oifname "wrt0" meta mark & 0x7f000000 != 0 snat ip to meta mark & 0x7f000000 map @snat4 \
comment "adit: #13"
    ip saddr 10.64.0.0/16 oifname "eth1" masquerade comment "adit: #14"
  }
}
add element inet adit mac_mark { 02:00:00:00:00:01 : goto loc_1, 02:00:00:00:00:02 : goto blocked }
add element inet adit snat4 { 0x01000000 : 10.64.0.5 }
add element inet adit own6 { fd00:64::5 }
add element inet adit lan { "br-lan" }
`;
