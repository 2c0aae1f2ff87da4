// /etc/config/adit for a router's configuration, as sections of the stand-in for uci.

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
