// Configurations that nobody would write in one piece: good and bad values, words of a newer or an
// older version, lists where texts belong, names that no section can have. From a seed, so that a
// finding can be had again.

const WORDS = ["us", "us-east", "direct", "block", "now", "lazy", "1", "0", "yes", "off", "enabled",
  "restore", "builtin", "br-lan", "wrt0", "eth0.7", "br-*", "192.168.1.60/24", "192.168.1.60",
  "2001:db8::/32", "02-00-5E-10-00-01", "02:00:5e:10:00:01", "gw.example.net:443", "1280", "0x7f",
  "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "it's", "a b  c", "<b>&amp;</b>", "ü",
  "two\nlines", "/etc/adit/us.token", "constructor", "cfg04d91e", "-", "\"", "%s", " "];
const KEYS = {
  adit: ["enabled", "tun_ifname", "wan_ifname", "lan_ifnames", "uplinks", "reach_tables",
    "vl_default", "default_gateway", "whole_device",
    "dial", "on_stop", "tun_mtu", "offload", "no_iptables", "resolvers", "policy_file",
    "policy_timezone", "policy_unanswered", "policy_leases_file", "policy_confirm_s",
    "policy_memory_kib", "policy_public_keys", "policy_vars", "table", "colour"],
  location: ["name", "dial", "token", "token_file", "server_name", "ca_file", "capacity_mbit",
    "type", "carrier"],
  peer: ["location", "endpoint", "pin", "pins", "weight"],
  protected_mac_addr: ["mac_addr", "vl", "country_code", "when_down", "inbound", "note"],
  protected_ip_addr: ["ip_addr", "vl", "country_code", "when_down", "inbound", "whole_device",
    "note"],
  protected_iface: ["iface", "vl", "country_code", "when_down", "inbound", "note"],
  schedule: ["from", "to"],
};
const SECTIONS_MAX = 5;
const VALUES_MAX = 3;

/** Numbers from 0 up to below 1 (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Sections of the stand-in for uci. */
export function randomConfig(seed) {
  const random = randomOf(seed);
  const below = (most) => Math.floor(random() * most);
  const pick = (list) => list[below(list.length)];
  const value = () => (random() < 0.3
    ? Array.from({ length: 1 + below(VALUES_MAX) }, () => pick(WORDS)) : pick(WORDS));
  const options = (type) => Object.fromEntries(KEYS[type].filter(() => random() < 0.6)
    .map((key) => [key, value()]));
  const types = ["adit", ...Object.keys(KEYS).slice(1)
    .flatMap((type) => Array.from({ length: below(SECTIONS_MAX) }, () => type))];
  return types.map((type, index) => {
    const anonymous = index > 0 && random() < 0.5;
    const name = index === 0 ? "main" : `${anonymous ? "cfg" : type.slice(0, 3)}${index}`;
    return { name, type, anonymous, options: options(type) };
  });
}
