// The lab's network: namespaces, cables, addresses, and what is not adit on the router.
//
//   phone  .10 ┐ br-lan 192.168.1.0/24                                203.0.113.0/24
//   tv     .20 ┼──────────┐                                        ┌── us       .10
//   laptop .30 ┘       ┌──┴─────┐ 198.51.100.0/24  ┌────────┐      ├── de       .20
//                      │ router ├ eth1 ───────── w0 ┤ uplink ├ i0 ──┤
//   guest  .40 ────────┴────────┘ .2            .1 └────────┘ .1   └── internet .80
//            br-guest 192.168.2.0/24
//
// Every address has an IPv6 twin with the same last number: 2001:db8:1a:1::/64 on br-lan, 1a:2 on
// br-guest, 2001:db8:51::/64 on the uplink cable and 2001:db8:cafe::/64 on the internet side.

import { nsIp, nsRun, nsSysctl, run } from "./sh.mjs";

export const NET = {
  lan: { v4: "192.168.1", v6: "2001:db8:1a:1:", dev: "br-lan" },
  guest: { v4: "192.168.2", v6: "2001:db8:1a:2:", dev: "br-guest" },
  wan: { v4: "198.51.100", v6: "2001:db8:51:" },
  inet: { v4: "203.0.113", v6: "2001:db8:cafe:" },
};

/** `host` follows the device's address when setDeviceAddress changes it; the MAC never changes. */
export const DEVICES = {
  phone: { net: NET.lan, host: 10, mac: "02:00:00:00:00:10" },
  tv: { net: NET.lan, host: 20, mac: "02:00:00:00:00:20" },
  laptop: { net: NET.lan, host: 30, mac: "02:00:00:00:00:30" },
  guest: { net: NET.guest, host: 40, mac: "02:00:00:00:00:40" },
};

export const GATEWAYS = { us: { host: 10, pool: 64 }, de: { host: 20, pool: 65 } };
/** A network that no router has any more, of which devices still hold addresses. */
export const STALE_NET = { v4: "10.77.0", v6: "2001:db8:dead:" };
/** Addresses that exist inside tunnels only: pools, placeholders, and the router's own in there. */
export const INNER_PREFIXES = ["10.64.0.0/16", "10.65.0.0/16", "100.73.0.0/16", "fd00:64::/64",
  "fd00:65::/64", "fdad:17::/32"];
export const WEB = { v4: "203.0.113.80", v6: "2001:db8:cafe::80" };
export const WAN_DEV = "eth1";

const NAMESPACES = ["phone", "tv", "laptop", "guest", "router", "uplink", "us", "de", "internet"];

/** The IPv4 and IPv6 address of host number `host` in `net`. */
export const addressOf = (net, host) => ({ v4: `${net.v4}.${host}`, v6: `${net.v6}:${host}` });

export const macOf = (device) => DEVICES[device].mac;

/** Where packets of a location, or of no location (`direct`), appear on the internet. */
export function exitOf(location, device) {
  if (location !== "direct") return addressOf(NET.inet, GATEWAYS[location].host);
  const own = addressOf(DEVICES[device].net, DEVICES[device].host);
  return { v4: addressOf(NET.wan, 2).v4, v6: own.v6 };
}

/** Builds everything; the sandbox around us makes sure that it vanishes with us. */
export function buildTopology() {
  for (const name of NAMESPACES) run(["ip", "netns", "add", name]);
  for (const name of NAMESPACES) prepareNamespace(name);
  buildInternet();
  buildUplink();
  buildRouter();
  for (const device of Object.keys(DEVICES)) buildDevice(device);
  connectUplink();
  applySystemFirewall();
}

// Duplicate address detection would keep every IPv6 address tentative for a second or two.
export function prepareNamespace(name) {
  nsSysctl(name, {
    "net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.all.accept_ra": 0, "net.ipv6.conf.default.accept_ra": 0,
    "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
  });
  nsIp(name, ["link set lo up"]);
}

function buildInternet() {
  nsIp("internet", ["link add br0 type bridge", "link set br0 up", ...addressLines(WEB, "br0")]);
  const outside = addressOf(NET.inet, 1);
  for (const name of ["us", "de"]) plugIntoInternet(name, "eth1", GATEWAYS[name].host);
  for (const name of ["us", "de", "internet"]) nsIp(name, routeLines(outside));
}

export function plugIntoInternet(name, dev, host) {
  run(`ip link add to-${name} netns internet type veth peer name ${dev} netns ${name}`);
  nsIp("internet", [`link set to-${name} master br0 up`]);
  nsIp(name, [...addressLines(addressOf(NET.inet, host), dev), `link set ${dev} up`]);
}

function buildRouter() {
  for (const net of [NET.lan, NET.guest]) {
    nsIp("router", [`link add ${net.dev} type bridge`, `link set ${net.dev} up`,
      ...addressLines(addressOf(net, 1), net.dev)]);
  }
  nsSysctl("router", { "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1 });
}

function buildDevice(device) {
  const { net, host } = DEVICES[device];
  run(`ip link add ${device} netns router type veth peer name eth0 netns ${device}`);
  nsIp("router", [`link set ${device} master ${net.dev} up`]);
  nsIp(device, [`link set eth0 address ${macOf(device)} up`]);
  setDeviceAddress(device, host);
}

/** Gives a device new addresses in its network, as a DHCP server would after an expired lease. */
export function setDeviceAddress(device, host) {
  const { net } = DEVICES[device];
  nsIp(device, ["addr flush dev eth0 scope global", ...addressLines(addressOf(net, host), "eth0"),
    ...routeLines(addressOf(net, 1))]);
  DEVICES[device].host = host;
}

// A bridge, so that whoever watches w0 goes on seeing everything when the cable is replaced.
function buildUplink() {
  plugIntoInternet("uplink", "i0", 1);
  nsIp("uplink", ["link add w0 type bridge", "link set w0 promisc on up",
    ...addressLines(addressOf(NET.wan, 1), "w0"),
    `route add ${NET.lan.v6}:/64 via ${addressOf(NET.wan, 2).v6}`,
    `route add ${NET.guest.v6}:/64 via ${addressOf(NET.wan, 2).v6}`]);
  // A hostile uplink answers for every address that a router asks for.
  nsSysctl("uplink", { "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.conf.w0.proxy_arp": 1, "net.ipv6.conf.w0.proxy_ndp": 1,
    "net.ipv4.neigh.w0.proxy_delay": 0, "net.ipv6.neigh.w0.proxy_delay": 0 });
  const hosts = [WEB, ...Object.values(GATEWAYS).map(({ host }) => addressOf(NET.inet, host))];
  nsIp("uplink", hosts.map(({ v6 }) => `neigh add proxy ${v6} dev w0`));
}

/** The cable between router and uplink, also after disconnectUplink: a new interface each time. */
export function connectUplink() {
  run(`ip link add ${WAN_DEV} netns router type veth peer name p0 netns uplink`);
  nsIp("uplink", ["link set p0 master w0 up"]);
  nsIp("router", [...addressLines(addressOf(NET.wan, 2), WAN_DEV), `link set ${WAN_DEV} up`,
    ...routeLines(addressOf(NET.wan, 1), WAN_DEV)]);
}

/** Removes the router's uplink interface altogether. */
export function disconnectUplink() {
  nsIp("router", [`link del ${WAN_DEV}`]);
}

/** Pulls the cable out of the uplink router's socket, or puts it back. */
export function setUplinkCable(isPlugged) {
  nsIp("uplink", [`link set p0 ${isPlugged ? "up" : "down"}`]);
}

/** The firewall that a router has without adit: it lets the LAN out, translated. */
export function applySystemFirewall() {
  nsRun("router", ["nft", "-f", "-"], { input: SYSTEM_FIREWALL });
}

/** What lets the LAN out by an uplink, translated, and nobody in. */
export const uplinkChains = (dev) => `
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${dev}" ct state new drop
  }
  chain srcnat {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${dev}" meta nfproto ipv4 masquerade
  }`;

/** Its script, to be loaded with what a package adds to it. */
export const SYSTEM_FIREWALL = `
table inet fw4
delete table inet fw4
table inet fw4 {${uplinkChains(WAN_DEV)}
}
`;

export const addressLines = (address, dev) =>
  [`addr add ${address.v4}/24 dev ${dev}`, `addr add ${address.v6}/64 dev ${dev} nodad`];

const routeLines = (via, dev) => [via.v4, via.v6].map((gateway, at) =>
  `route replace ${at === 0 ? "default" : "::/0"} via ${gateway}${dev ? ` dev ${dev}` : ""}`);
