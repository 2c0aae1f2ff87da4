// The first run without a browser: what is missing is told, and each step makes what it says. Goal:
// networks as people have them (PPPoE, VLAN, a modem, a Wi-Fi client, none), and firewalls as they
// leave them.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dumpOf, routerOf } from "./configured.mjs";
import { load } from "./load.mjs";
import { createUci } from "./uci.mjs";

const L = { toArray: (value) => (value == null ? [] : [value].flat()) };
const LINKS = { wan: "eth1", lan: "br-lan" };
const DEFAULT = { target: "0.0.0.0", mask: 0 };
const PIN = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/** LuCI's uci as far as the steps use it, over the stand-in for rpcd's. */
function clientOf(configs) {
  const { methods, staged } = createUci({ configs });
  const values = (config) => Object.values(methods.get({ config })[1].values);
  const client = { staged, load: () => Promise.resolve() };
  client.sections = (config, type) => values(config)
    .filter((one) => type === undefined || one[".type"] === type);
  client.get = (config, name, option) => values(config)
    .find((one) => one[".name"] === name)?.[option];
  client.set = (config, section, option, value) =>
    methods.set({ config, section, values: { [option]: value } });
  client.unset = (config, section, option) =>
    methods.delete({ config, section, options: [option] });
  client.add = (config, type, name) => methods.add({ config, type, name })[1].section;
  return client;
}

function bench({ main = {}, more = [], change = () => undefined } = {}) {
  const configs = { ...routerOf(LINKS), adit: [{ name: "main", type: "adit", anonymous: false,
    options: { enabled: "0", tun_ifname: "wrt0", lan_ifnames: ["br-lan"], ...main } }, ...more] };
  change(configs);
  const uci = clientOf(configs);
  const calls = [];
  const loaded = new Map();
  const stubs = { uci, L };
  const setup = load("adit.setup", { stubs, calls, loaded });
  return { uci, calls, setup, zone: loaded.get("adit.zone"), netifd: loaded.get("adit.netifd"),
    token: loaded.get("adit.token") };
}

const network = suite("luci: the uplink");
const { netifd } = bench();
const wan = (more) => [...dumpOf(LINKS).slice(0, 2), { interface: "wan", up: true, route: [DEFAULT],
  ...more }];

network("is where netifd sends packets, whatever lies below", () => {
  const cases = [
    [wan({ proto: "pppoe", device: "eth0.7", l3_device: "pppoe-wan" }), "pppoe-wan"],
    [wan({ proto: "dhcp", device: "eth0.10", l3_device: "eth0.10" }), "eth0.10"],
    [wan({ proto: "qmi", device: "/dev/cdc-wdm0", l3_device: "wwan0" }), "wwan0"],
    [wan({ interface: "wwan", proto: "dhcp", l3_device: "phy0-sta0" }), "phy0-sta0"],
    [wan({ proto: "dhcpv6", l3_device: "eth1", route: [{ target: "::", mask: 0 }] }), "eth1"],
  ];
  for (const [dump, device] of cases) assert.is(netifd.uplinkOf(dump, "wrt0"), device);
});

network("is none without a default route, and never the tunnel", () => {
  assert.is(netifd.uplinkOf([], "wrt0"), null);
  assert.is(netifd.uplinkOf(wan({ l3_device: "eth1", route: [] }), "wrt0"), null);
  assert.is(netifd.uplinkOf(wan({ l3_device: "eth1", up: false }), "wrt0"), null);
  assert.is(netifd.uplinkOf(wan({ l3_device: "wrt0" }), "wrt0"), null);
  assert.is(netifd.uplinkOf(wan({ l3_device: "tun9", proto: "adit" }), "wrt0"), null);
});

network("is the one with the lowest metric of two", () => {
  const at = (device, metric) => ({ up: true, l3_device: device, route: [{ ...DEFAULT, metric }] });
  assert.is(netifd.uplinkOf([at("wwan0", 20), at("eth1", 10)], "wrt0"), "eth1");
  assert.is(netifd.uplinkOf([at("wwan0", 20), at("eth1")], "wrt0"), "eth1");
});

network("lists each device once, with all its names", () => {
  const dump = [...dumpOf(LINKS), { interface: "wan6", l3_device: "eth1" }, { interface: "off" }];
  assert.equal(netifd.devicesOf(dump), [{ device: "br-lan", names: ["lan"] },
    { device: "eth1", names: ["wan", "wan6"] }]);
});

network("is told as it is configured", () => {
  const dump = dumpOf(LINKS);
  const told = (main) => bench({ main }).setup.uplink({ dump });
  assert.equal(told({}), { names: [], present: "eth1", isKnown: false });
  assert.equal(told({ wan_ifname: "eth0" }), { names: ["eth0"], present: "eth1", isKnown: false });
  assert.ok(told({ wan_ifname: "eth1" }).isKnown);
  assert.ok(told({ wan_ifname: "eth0", uplinks: ["wwan*", "eth*"] }).isKnown);
  assert.not.ok(told({ wan_ifname: "eth0", uplinks: "wwan*" }).isKnown);
});

network.run();

const joining = suite("luci: the line of a gateway");

joining("becomes a location, a gateway and a token in a file of root's", async () => {
  const { setup, uci, calls, token } = bench();
  const read = setup.readJoinLine(`  us-east 198.51.100.10:443 ${PIN}  s3cret-t0ken\n`);
  setup.join(read, { dump: [] });
  await token.flush();
  const text = uci.staged();
  assert.match(text, /config location 'us_east'\n\toption name 'us-east'/);
  assert.match(text, "option token_file '/etc/adit/us_east.token'");
  assert.match(text, "option location 'us-east'\n\toption endpoint '198.51.100.10:443'");
  assert.not.match(text, "s3cret");
  assert.equal(calls.filter(([kind]) => kind !== "ubus"),
    [["remove", "/etc/adit/us_east.token"], ["write", "/etc/adit/us_east.token"]]);
  assert.ok(setup.hasLocation());
});

joining("brings a name server along if the gateway has a name", () => {
  const dump = [{ up: true, "dns-server": ["192.0.2.53", "192.0.2.54"] },
    { up: false, "dns-server": ["192.0.2.9"] }];
  const named = bench();
  named.setup.join(named.setup.readJoinLine(`us gw.example.net:443 ${PIN} t`), { dump });
  assert.match(named.uci.staged(), "list resolvers '192.0.2.53'\n\tlist resolvers '192.0.2.54'");
  const known = bench({ main: { resolvers: ["9.9.9.9"] } });
  known.setup.join(known.setup.readJoinLine(`us gw.example.net:443 ${PIN} t`), { dump });
  assert.not.match(known.uci.staged(), "192.0.2.53");
  const numbered = bench();
  numbered.setup.join(numbered.setup.readJoinLine(`us [2001:db8::a]:443 ${PIN} t`), { dump });
  assert.not.match(numbered.uci.staged(), "resolvers");
});

joining("is refused with what is wrong", () => {
  const { setup } = bench({ more: [{ name: "us", type: "location", anonymous: false,
    options: {} }] });
  const cases = [["", "four words"], ["us 192.0.2.1:443", "four words"],
    [`us 192.0.2.1 ${PIN} t`, "four words"], [`us 192.0.2.1:443 ${PIN} t`, "already"],
    [`direct 192.0.2.1:443 ${PIN} t`, "not direct"], [`a/b 192.0.2.1:443 ${PIN} t`, "not a/b"],
    [`de 192.0.2.1:443 ${PIN} t;rm`, "a token of"]];
  for (const [line, words] of cases) assert.match(setup.readJoinLine(line).problem, words, line);
});

joining("takes no name of a section that is taken", () => {
  const { setup, uci } = bench();
  setup.join(setup.readJoinLine(`main 192.0.2.1:443 ${PIN} t`), { dump: [] });
  assert.match(uci.staged(), /config location 'main_2'\n\toption name 'main'/);
});

joining.run();

const firewall = suite("luci: the firewall");
const known = { dump: dumpOf(LINKS), hasFirewall: true };

firewall("of a new router lacks everything, and one step makes it", () => {
  const { setup, zone, uci } = bench();
  const found = setup.firewall(known);
  assert.equal([found.isDone, found.zone, found.network, found.sources],
    [false, undefined, undefined, ["lan"]]);
  zone.make(found);
  assert.match(uci.staged("network"), "config interface 'adit'\n\toption proto 'adit'");
  assert.match(uci.staged("firewall"), /config zone 'adit'[^]*list network 'adit'/);
  assert.match(uci.staged("firewall"), "option src 'lan'\n\toption dest 'adit'");
  assert.ok(setup.firewall(known).isDone);
  assert.ok(setup.firewall(known).sources.length === 0, "and once");
});

firewall("keeps what is there already", () => {
  const zoneOf = (options) => ({ name: "vpnz", type: "zone", anonymous: false, options });
  const vpn = { name: "vpn", type: "interface", anonymous: false, options: { proto: "adit" } };
  const { setup, zone, uci } = bench({ change: (configs) => {
    configs.network.push(vpn);
    configs.firewall.push(zoneOf({ name: "vpn", network: "wg0 vpn" }));
  } });
  const found = setup.firewall(known);
  assert.equal([found.network, found.zone, found.sources], ["vpn", "vpn", ["lan"]]);
  zone.make(found);
  assert.not.match(uci.staged("network"), "interface 'adit'");
  assert.match(uci.staged("firewall"), "option dest 'vpn'");
  assert.ok(setup.firewall(known).isDone);
});

firewall("counts a zone that names the device, or has the LAN in it", () => {
  const device = bench({ change: ({ firewall: rows }) => {
    rows[1].options.device = ["wrt0"];
  } });
  assert.ok(device.setup.firewall(known).isDone, "the uplink's zone, which the LAN may reach");
  const own = bench({ change: ({ firewall: rows }) => { rows[0].options.device = "wrt0"; } });
  assert.ok(own.setup.firewall(known).isDone, "the LAN's own zone");
});

firewall("sees a forwarding that is switched off, and a second LAN zone", () => {
  const { setup } = bench({ main: { lan_ifnames: ["br-lan", "br-guest"] },
    change: ({ network: nets, firewall: rows }) => {
      nets.push({ name: "guest", type: "interface", anonymous: false, options: {} });
      rows.push({ name: "g", type: "zone", anonymous: false, options: { name: "guest",
        network: ["guest"] } });
      rows[1].options.device = ["wrt0"];
      rows[2].options.enabled = "0";
    } });
  const dump = [...known.dump, { interface: "guest", l3_device: "br-guest", up: true }];
  assert.equal(setup.firewall({ ...known, dump }).sources, ["lan", "guest"]);
});

firewall("is not judged by who may not see it", () => {
  assert.is(bench().setup.firewall({ ...known, hasFirewall: false }), null);
});

firewall.run();
