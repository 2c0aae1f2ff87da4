// The lab's configuration of a router as UCI: nested lists are sections, nested options have both
// names, an object's members are options.

const SECTIONS = {
  locations: "location", protected_mac_addrs: "protected_mac_addr",
  protected_ip_addrs: "protected_ip_addr", protected_ifaces: "protected_iface",
};

export function uciText(config) {
  const main = optionsOf({ enabled: 1, ...config });
  const rest = Object.entries(SECTIONS).flatMap(([list, type]) =>
    (config[list] ?? []).map((each) => section(type, each)));
  return [`config adit 'main'\n${main}`, ...rest].join("\n");
}

function section(type, { name, peers, ...options }) {
  const own = `config ${type}${name === undefined ? "" : ` '${name}'`}\n${optionsOf(options)}`;
  const inner = (peers ?? []).map((peer) => section("peer", { location: name, ...peer }));
  return [own, ...inner].join("\n");
}

function optionsOf(options) {
  return Object.entries(options).filter(([key]) => !(key in SECTIONS))
    .flatMap(([key, value]) => {
      if (Array.isArray(value)) return value.map((each) => `\tlist ${key} '${each}'\n`);
      if (typeof value !== "object") return [`\toption ${key} '${value}'\n`];
      return Object.entries(value).map(([inner, text]) => `\toption ${key}_${inner} '${text}'\n`);
    }).join("");
}
