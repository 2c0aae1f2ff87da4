/** Commands by chance from a small world, so that they meet: the same keys come up again. */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Random } from "../../runtime/sim/random.js";
import type { Packet } from "../../runtime/sim/resolve.js";
import { routeSet, ruleSet, TABLE_SCRIPT } from "./messages.js";
import type { ForeignAct } from "./target.js";

export type Step =
  | { readonly kind: "command"; readonly message: DeciderMessage }
  | { readonly kind: "foreign"; readonly act: ForeignAct };

const TUN = "wrt0";
const TABLES = [47, 48, 254];
const NETWORKS4 = ["10.9.0.0/16", "10.9.1.0/24", "198.51.100.0/24", "0.0.0.0/0"];
const NETWORKS6 = ["fd09::/64", "2001:db8:7::/48", "::/0"];
const METRICS = [1_000, 2_000, 4_294_967_295];
const SOURCES4 = ["192.168.1.10", "192.168.1.20", "10.7.0.1"];
const SOURCES6 = ["fd00:1::10", "fd00:1::20", "2001:db8:70::1"];
const TARGETS4 = [
  "10.9.0.5", "10.9.1.5", "198.51.100.10", "192.0.2.7", "203.0.113.77", "10.64.7.7",
];
const TARGETS6 = [
  "fd09::5", "2001:db8:7::5", "2001:db8:99::1", "2001:db8:0:1::77", "fd00:64::77",
];
const MARKS = [0, 8, 0x0100_0008, 0x7f00_0000];
const REMOVE_PERCENT = 40;
const FOREIGN_PERCENT = 15;

export function randomStep(random: Random): Step {
  if (random.chance(FOREIGN_PERCENT)) return { kind: "foreign", act: randomAct(random) };
  const make = random.pick([
    randomRoute, randomRoute, randomRoute, randomRule, randomRule, randomRule, randomAddress,
    randomLink, randomTun, randomElements, randomElements, randomTable,
  ]);
  return { kind: "command", message: make(random) };
}

/** A packet for comparison with `ip route get`; one without interface is this machine's own. */
export function randomPacket(random: Random): Packet {
  const [sources, targets] = random.pick([[SOURCES4, TARGETS4], [SOURCES6, TARGETS6]] as const);
  const forwarded = random.chance(80);
  return {
    iif: forwarded ? random.pick(["br-lan", "eth1"]) : "",
    mac: "",
    src: forwarded ? random.pick(sources) : "",
    dst: random.pick(targets),
    mark: random.pick(MARKS),
  };
}

function randomRoute(random: Random): DeciderMessage {
  const six = random.chance(40);
  const dst = random.pick(six ? NETWORKS6 : NETWORKS4);
  const table = dst.endsWith("/0") ? random.pick([47, 48]) : random.pick(TABLES);
  const leads = random.chance(75);
  const oif = leads ? random.pick(["eth1", "br-lan", TUN, TUN]) : "";
  const routed = oif === "eth1" && random.chance(30);
  const gateway = routed ? (six ? "2001:db8:0:1::1" : "203.0.113.1") : "";
  return routeSet({
    remove: random.chance(REMOVE_PERCENT), table, dst, oif, gateway, metric: random.pick(METRICS),
    kind: leads ? 1 : 7, scope: leads && !six && !routed ? 253 : 0,
  });
}

/** Each priority carries one kind of rule, as the bundle makes them. */
function randomRule(random: Random): DeciderMessage {
  const six = random.chance(40);
  const family = six ? 6 : 4;
  const remove = random.chance(REMOVE_PERCENT);
  const action = random.chance(85) ? 1 : 7;
  const table = random.pick(TABLES);
  const common = { family, remove, action, table: action === 1 ? table : 0 };
  switch (random.below(3)) {
    case 0: {
      const mark = random.pick([[8, 8, 10], [0x7f00_0000, 0x7f00_0000, 8]] as const);
      return ruleSet({ ...common, src: "", fwmark: mark[0], fwmask: mark[1], priority: mark[2] });
    }
    case 1:
      return ruleSet({ ...common, src: "", iif: random.pick(["br-lan", TUN]), priority: 200 });
    default: {
      const source = random.pick(six ? SOURCES6 : SOURCES4);
      const src = `${source}/${six ? 128 : 32}`;
      return ruleSet({ ...common, src, priority: random.pick([11, 20, 30]) });
    }
  }
}

function randomAddress(random: Random): DeciderMessage {
  const prefix = random.pick(["100.73.0.73/32", "10.64.0.5/16", "fd00:64::5/64", "fdad:17::1/128"]);
  return { type: "address_set", remove: random.chance(REMOVE_PERCENT), name: TUN, prefix };
}

function randomLink(random: Random): DeciderMessage {
  const mtu = random.pick([0, 1_400, 1_500]);
  return { type: "link_set", name: TUN, up: random.chance(80), mtu };
}

function randomTun(random: Random): DeciderMessage {
  if (random.chance(15)) return { type: "tun_close" };
  return { type: "tun_open", name: TUN, offload: true };
}

function randomTable(random: Random): DeciderMessage {
  const text = random.chance(80) ? TABLE_SCRIPT : "delete table inet adit\n";
  return { type: "nft_apply", last: true, script: Buffer.from(text) };
}

function randomElements(random: Random): DeciderMessage {
  const lines: string[] = [];
  for (let i = random.between(1, 3); i > 0; i--) {
    const somewhere = random.pick(["goto blocked", "goto loc_1"]);
    const [map, key, value] = random.pick([
      ["mac_mark", `02:00:00:00:00:0${random.between(1, 4)}`, somewhere],
      ["snat4", `0x0${random.between(1, 3)}000000`, `10.64.0.${random.between(5, 6)}`],
      ["own6", `fd00:64::${random.between(5, 7)}`, ""],
      ["ip4_16_mark", "10.9.0.0", random.pick(["goto blocked", "goto direct"])],
    ]);
    const removed = random.chance(REMOVE_PERCENT);
    const element = removed || value === "" ? key : `${key} : ${value}`;
    lines.push(`${removed ? "delete" : "add"} element inet adit ${map} { ${element} }\n`);
  }
  return { type: "nft_apply", last: true, script: Buffer.from(lines.join("")) };
}

function randomAct(random: Random): ForeignAct {
  const remove = random.chance(REMOVE_PERCENT);
  if (random.chance(50)) {
    const dst = random.pick(["10.9.0.0/16", "198.51.100.0/24", "2001:db8:7::/48"]);
    const oif = random.pick(["eth1", "br-lan"]);
    const route = { dst, oif, table: random.pick([47, 254]), metric: random.pick([1_000, 2_000]) };
    return { kind: "route", remove, route };
  }
  const src = random.pick(["192.168.1.10/32", "192.168.1.20/32"]);
  const priority = random.pick([20, 150, 900]);
  const table = random.pick([47, 254]);
  return { kind: "rule", remove, rule: { family: 4, priority, src, table } };
}
