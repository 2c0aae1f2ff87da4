/**
 * Configurations that their owners got wrong: what stands in the text, and what has to be said of
 * it. In each of them somebody meant to protect a device, so none may be taken for a configuration.
 */
import { locationJson, pin, routerJson } from "./configs.js";

export interface WrongConfig {
  readonly name: string;
  /** The whole text, JSON or UCI. */
  readonly text: string;
  readonly path: string;
  readonly value: string;
  /** Part of the expectation, with the right word if there is one. */
  readonly expected: string;
}

type Json = Record<string, unknown>;

const tv = "02:00:5e:00:00:01";
const us = locationJson("us", 10);

/** Of a configuration that is good but for these keys. */
function json(
  name: string,
  change: Json,
  path: string,
  expected: string,
  value: unknown = undefined,
): WrongConfig {
  const text = JSON.stringify({ ...routerJson, ...change });
  return { name, text, path, value: value === undefined ? "" : JSON.stringify(value), expected };
}

const macRule = (rule: Json): Json => ({ protected_mac_addrs: [rule] });
const ipRule = (ip_addr: unknown): Json => ({ protected_ip_addrs: [{ ip_addr, vl: "us" }] });
const location = (change: Json): Json => ({ locations: [{ ...us, ...change }] });
const rules = [{ mac_addr: tv }];
const first = "protected_mac_addrs[0]";
const ip = "protected_ip_addrs[0].ip_addr";

function keysInJson(): WrongConfig[] {
  const ruleKeys = "mac_addr, vl, country_code, when_down";
  return [
    json("letter left out", { protected_mac_adresses: rules }, "protected_mac_adresses",
      "did you mean protected_mac_addrs?"),
    json("half a word", { protected_mac: rules }, "protected_mac", "protected_mac_addrs?"),
    json("without plural", { protected_ip_addr: [] }, "protected_ip_addr", "protected_ip_addrs?"),
    json("in full", { protected_interfaces: [{ iface: "br-lan" }] }, "protected_interfaces",
      "did you mean protected_ifaces?"),
    json("words turned round", { mac_addrs_protected: rules }, "mac_addrs_protected",
      "did you mean protected_mac_addrs?"),
    json("of another program", { devices: rules }, "devices", "protected_mac_addrs?"),
    json("invented list", { sheltered: rules }, "sheltered", "a known key"),
    json("capital letters", { Protected_Ifaces: [] }, "Protected_Ifaces", "protected_ifaces?"),
    json("hyphens", { "default-gateway": 1 }, "default-gateway", "did you mean default_gateway?"),
    json("no gap", { defaultgateway: 1 }, "defaultgateway", "did you mean default_gateway?"),
    json("stop word", { onstop: "block" }, "onstop", "did you mean on_stop?"),
    json("uplink by its name", { uplink: "eth0" }, "uplink", "did you mean uplinks?"),
    json("rule without subject", macRule({ vl: "us" }), `${first}.mac_addr`, "a MAC address"),
    json("rule as text", { protected_mac_addrs: [tv] }, first, "an object", tv),
    json("rules as object", { protected_mac_addrs: { tv } }, "protected_mac_addrs", "a list",
      { tv }),
    json("rules as null", { protected_ifaces: null }, "protected_ifaces", "a list", null),
    json("subject by another word", macRule({ mac: tv, vl: "us" }), `${first}.mac`,
      "did you mean mac_addr?"),
    json("location by its name", macRule({ mac_addr: tv, location: "us" }), `${first}.location`,
      "did you mean vl?"),
    json("switched off", macRule({ mac_addr: tv, enabled: 0 }), `${first}.enabled`, ruleKeys),
    json("while it is down", macRule({ mac_addr: tv, whendown: "block" }), `${first}.whendown`,
      "did you mean when_down?"),
  ];
}

function valuesInJson(): WrongConfig[] {
  return [
    json("no such location", macRule({ mac_addr: tv, vl: "su" }), `${first}.vl`,
      "one of direct, us, de, fr", "su"),
    json("a location as its own rescue", macRule({ mac_addr: tv, vl: "us", when_down: "us" }),
      `${first}.when_down`, "another location than vl", "us"),
    json("short MAC", macRule({ mac_addr: "02:00:5e:00:00", vl: "us" }), `${first}.mac_addr`,
      "a MAC address such as", "02:00:5e:00:00"),
    json("MAC of a group", macRule({ mac_addr: "01:00:5e:00:00:01" }), `${first}.mac_addr`,
      "of one device", "01:00:5e:00:00:01"),
    json("MAC of everybody", macRule({ mac_addr: "FF:FF:FF:FF:FF:FF" }), `${first}.mac_addr`,
      "of one device", "ff:ff:ff:ff:ff:ff"),
    json("MAC twice", { protected_mac_addrs: [...rules, ...rules] },
      "protected_mac_addrs[1].mac_addr", `of its own (${first}.mac_addr has the same)`, tv),
    json("host bits", ipRule("192.168.1.60/24"), ip, "without host bits", "192.168.1.60/24"),
    json("everybody's addresses", ipRule("0.0.0.0/0"), ip, "longer than /0", "0.0.0.0/0"),
    json("range", ipRule("192.168.1.10-20"), ip, "address or prefix", "192.168.1.10-20"),
    json("own address", ipRule("127.0.0.1"), ip, "addresses of devices", "127.0.0.1/32"),
    json("group address", ipRule("224.0.0.0/4"), ip, "addresses of devices", "224.0.0.0/4"),
    json("address of one link", ipRule("fe80::1"), ip, "addresses of devices", "fe80::1/128"),
    json("the uplink", { protected_ifaces: [{ iface: "eth1" }] }, "protected_ifaces[0].iface",
      "on the LAN side", "eth1"),
    json("the router itself", { protected_ifaces: [{ iface: "lo" }] },
      "protected_ifaces[0].iface", "on the LAN side", "lo"),
    json("long name", { protected_ifaces: [{ iface: "a-very-long-name" }] },
      "protected_ifaces[0].iface", "1 to 15 characters", "a-very-long-name"),
    json("the uplink as LAN", { lan_ifnames: ["eth1"] }, "lan_ifnames[0]",
      "neither an uplink nor the TUN", "eth1"),
    json("one LAN interface", { lan_ifnames: "br-lan" }, "lan_ifnames", "a list", "br-lan"),
    json("no uplink", { wan_ifname: undefined }, "wan_ifname", "required"),
    json("yes", { default_gateway: "yes" }, "default_gateway", "0 or 1", "yes"),
  ];
}

function locationsInJson(): WrongConfig[] {
  return [
    json("no locations", { locations: [] }, "locations", "1 to 118 items", 0),
    json("locations twice", { locations: [us, us] }, "locations[1].name", "of its own", "us"),
    json("location named direct", location({ name: "direct" }), "locations[0].name",
      "not direct or block", "direct"),
    json("no token", location({ token_file: undefined }), "locations[0].token_file",
      "token_file or token, one of them"),
    json("no pin", location({ peers: [{ endpoint: "192.0.2.1:443" }] }),
      "locations[0].peers[0].pin", "a pin, or ca_file instead"),
    json("no port", location({ peers: [{ endpoint: "192.0.2.1", pin }] }),
      "locations[0].peers[0].endpoint", "host:port", "192.0.2.1"),
    json("script without rules", { policy: { unanswerd: "block" } }, "policy.unanswerd",
      "did you mean unanswered?"),
  ];
}

function otherFormats(): WrongConfig[] {
  return [
    { name: "key twice", text: '{"protected_ifaces": [{"iface": "br-a"}], "protected_ifaces": []}',
      path: "1:43", value: "", expected: 'the key "protected_ifaces" only once' },
    { name: "comma at the end", text: '{"role": "router",\n}', path: "2:1", value: "",
      expected: "a key in quotes" },
    { name: "list as a file", text: `[${JSON.stringify(routerJson)}]`, path: "1", value: "",
      expected: "begins with {" },
    { name: "YAML", text: `# mine\nrole: router\nprotected_mac_addrs:\n  - mac_addr: ${tv}\n`,
      path: "2", value: "", expected: "this looks like YAML" },
    { name: "INI", text: "[adit]\nrole = router\n", path: "1", value: "",
      expected: "this looks like an INI or TOML file" },
    { name: "TOML", text: 'role = "router"\n[[protected_ifaces]]\niface = "br-lan"\n', path: "1",
      value: "", expected: "this looks like an INI or TOML file" },
  ];
}

/** Line 1 to 14; what is added begins in line 15. */
const uciHead = `config adit 'main'
	option enabled '1'
	option tun_ifname 'adit0'
	option wan_ifname 'wan'
	list lan_ifnames 'br-lan'

config location 'us'
	option token_file '/etc/adit/us.token'

config peer
	option location 'us'
	option endpoint '192.0.2.1:443'
	option pin '${pin}'

`;

function uci(
  name: string,
  more: string,
  path: string,
  expected: string,
  value: unknown = undefined,
): WrongConfig {
  const text = `${uciHead}${more}\n`;
  return { name, text, path, value: value === undefined ? "" : JSON.stringify(value), expected };
}

function main(
  name: string,
  from: string,
  to: string,
  row: Omit<WrongConfig, "name" | "text">,
): WrongConfig {
  return { name, text: uciHead.replace(from, to), ...row };
}

function inUci(): WrongConfig[] {
  const rule = `config protected_mac_addr\n\toption mac_addr '${tv}'\n`;
  const at = (line: number, option: string): string => {
    return `${line}: protected_mac_addr, option '${option}'`;
  };
  const known = "mac_addr, vl, country_code, when_down";
  const enabled = "2: adit 'main', option";
  return [
    uci("half a section", `config protected_mac\n\toption mac_addr '${tv}'`, "15: protected_mac",
      "did you mean protected_mac_addr?"),
    uci("plural", `config protected_mac_addrs\n\toption mac_addr '${tv}'`,
      "15: protected_mac_addrs", "did you mean protected_mac_addr?"),
    uci("in full", "config protected_interface\n\toption iface 'br-lan'",
      "15: protected_interface", "did you mean protected_iface?"),
    uci("in no list", "config shelter\n\toption iface 'br-lan'", "15: shelter",
      "a known section: adit, location, peer, protected_mac_addr"),
    uci("of the firewall", "config rule\n\toption src_mac '" + tv + "'", "15: rule",
      "a known section"),
    uci("switched off", `${rule}\toption enabled '0'`, at(17, "enabled"), known),
    uci("labelled", `${rule}\toption name 'TV'`, at(17, "name"), known),
    uci("by another word", `config protected_mac_addr\n\toption mac '${tv}'`, at(16, "mac"),
      "did you mean mac_addr?"),
    uci("without subject", "config protected_mac_addr\n\toption vl 'us'", at(15, "mac_addr"),
      "required"),
    uci("list of MACs", `config protected_mac_addr\n\tlist mac_addr '${tv}'`, at(16, "mac_addr"),
      "a MAC address", [tv]),
    uci("no such location", `${rule}\toption vl 'su'`, at(17, "vl"), "one of direct, us", "su"),
    uci("twice", `${rule}\n${rule}`, at(19, "mac_addr"),
      "of its own (16: protected_mac_addr, option 'mac_addr' has the same)", tv),
    uci("of a group", "config protected_mac_addr\n\toption mac_addr '33:33:00:00:00:01'",
      at(16, "mac_addr"), "of one device", "33:33:00:00:00:01"),
    uci("host bits", "config protected_ip_addr\n\toption ip_addr '192.168.1.60/24'",
      "16: protected_ip_addr, option 'ip_addr'", "without host bits", "192.168.1.60/24"),
    uci("peer of nobody", "config peer\n\toption location 'uk'\n", "15: peer, option 'location'",
      "the name of a location", "uk"),
    uci("open quote", "config protected_iface\n\toption iface 'br-lan", "16", "a closing quote",
      "option iface"),
    uci("misspelt command", `confg protected_mac_addr\n\toption mac_addr '${tv}'`, "15",
      "config TYPE NAME", "confg protected_mac_addr"),
    uci("second main section", "config adit 'second'\n\toption default_gateway '1'",
      "15: adit 'second'", "only one section of this type"),
    main("neither on nor off", "enabled '1'", "enabled 'ture'",
      { path: `${enabled} 'enabled'`, value: '"ture"', expected: "0 or 1" }),
    main("misspelt switch", "enabled '1'", "enbled '1'",
      { path: `${enabled} 'enbled'`, value: "", expected: "did you mean enabled?" }),
    main("inner option", "enabled '1'", "enabled '1'\n\toption policy_unanswerd 'block'",
      { path: "3: adit 'main', option 'policy_unanswerd'", value: "",
        expected: "did you mean policy_unanswered?" }),
    main("misspelt gateway mode", "enabled '1'", "enabled '1'\n\toption default_gatway '1'",
      { path: "3: adit 'main', option 'default_gatway'", value: "",
        expected: "did you mean default_gateway?" }),
  ];
}

export const wrongConfigs: readonly WrongConfig[] = [
  ...keysInJson(),
  ...valuesInJson(),
  ...locationsInJson(),
  ...otherFormats(),
  ...inUci(),
];
