// What stands in /etc/config of a router, as sections of the stand-in for uci: adit's from its JSON
// form, and a new router's network and firewall.

const singular = { protected_mac_addrs: "protected_mac_addr", protected_ip_addrs:
  "protected_ip_addr", protected_ifaces: "protected_iface" };

const words = (object) => Object.fromEntries(Object.entries(object).map(([key, value]) =>
  [key, Array.isArray(value) ? value.map(String) : String(value)]));

const isScalar = (value) => typeof value !== "object" ||
  (Array.isArray(value) && value.every((one) => typeof one !== "object"));

export function sectionsOf(config) {
  const scalars = Object.entries(config).filter(([, value]) => isScalar(value));
  const named = (type, name, options) =>
    ({ name, type, anonymous: false, options: words(options) });
  let count = 0;
  const unnamed = (type, options) =>
    ({ ...named(type, `cfg${++count}`, options), anonymous: true });
  const inner = ["policy", "api"].flatMap((outer) => Object.entries(config[outer])
    .map(([key, value]) => [`${outer}_${key}`, value]));
  const main = { enabled: 1, ...Object.fromEntries([...scalars, ...inner]) };
  return [
    named("adit", "main", main),
    ...config.locations.map(({ name, peers: _peers, ...options }) =>
      named("location", name, options)),
    ...config.locations.flatMap(({ name, peers }) =>
      peers.map((peer) => unnamed("peer", { location: name, ...peer }))),
    ...Object.entries(singular).flatMap(([list, type]) =>
      config[list].map((rule) => unnamed(type, rule))),
  ];
}

const section = (type, name, options) =>
  ({ name, type, anonymous: name.startsWith("cfg"), options });

/** `network`, `firewall` and `luci` as OpenWrt comes with them; `lan` are the devices there. */
export const routerOf = ({ wan, lan }) => ({
  luci: [section("core", "main", { lang: "auto" })],
  network: [
    section("interface", "loopback", { device: "lo", proto: "static" }),
    section("interface", "lan", { device: lan, proto: "static" }),
    section("interface", "wan", { device: wan, proto: "dhcp" }),
  ],
  firewall: [
    section("zone", "cfg0101", { name: "lan", network: ["lan"], input: "ACCEPT",
      output: "ACCEPT", forward: "ACCEPT" }),
    section("zone", "cfg0102", { name: "wan", network: ["wan"], input: "REJECT",
      output: "ACCEPT", forward: "REJECT", masq: "1" }),
    section("forwarding", "cfg0103", { src: "lan", dest: "wan" }),
  ],
});

/** The same with the tunnels let in. */
export const zonedOf = (links) => {
  const { network, firewall, ...rest } = routerOf(links);
  return { ...rest, network: [...network, section("interface", "vpn", { proto: "adit" })],
    firewall: [...firewall,
      section("zone", "cfg0104", { name: "vpn", network: ["vpn"], input: "REJECT",
        output: "ACCEPT", forward: "REJECT" }),
      section("forwarding", "cfg0105", { src: "lan", dest: "vpn" })] };
};

/** What `ubus call network.interface dump` says of that router. */
export const dumpOf = ({ wan, lan }) => [
  { interface: "loopback", up: true, proto: "static", l3_device: "lo", device: "lo", route: [] },
  { interface: "lan", up: true, proto: "static", l3_device: lan, device: lan, route: [] },
  { interface: "wan", up: true, proto: "dhcp", l3_device: wan, device: wan,
    route: [{ target: "0.0.0.0", mask: 0, nexthop: "198.51.100.1" }] },
];
