/**
 * The second uplink that some lives have, and what two of them do together: defaults that move from
 * one to the other, a prefix that is delegated anew, an uplink that is up and carries nothing.
 */
import { rtn, rtprot, scope, table } from "./constants.js";
import type { Kernel } from "./kernel.js";
import { emptyRule } from "./kernel.js";
import type { Fault } from "./faults.js";
import type { ReferenceRule, SecondUse } from "./policy.js";
import { Random } from "./random.js";
import {
  addEthernet, addressOf, announce, plugUplink, SECOND, unplugUplink, UPLINK, UPLINKS,
} from "./topology.js";
import type { World } from "./world.js";

type Uplink = (typeof UPLINKS)[number];

const SECOND_ADDRESSES = ["192.0.2.2/24", "2001:db8:0:2::2/64"];
const GATEWAYS = {
  [UPLINK]: { 4: "203.0.113.1", 6: "2001:db8:0:1::1" },
  [SECOND]: { 4: "192.0.2.1", 6: "2001:db8:0:2::1" },
} as const;
/** Metrics of the default that leads, and of one that is there for when that is gone. */
const METRICS = { 4: { first: 0, spare: 100 }, 6: { first: 1_024, spare: 2_048 } } as const;
/** As mwan3 has it: a table for each uplink, to which a mark of its own leads. */
const BALANCED = { [UPLINK]: 101, [SECOND]: 102 } as const;
const BALANCED_BITS = 0x3f00;
const PRIORITY_BALANCED = 2_001;
const LAN = "br-lan";
const PREFIXES = ["fd00:1:", "fd00:11:"] as const;
const SHUT_PERCENT = 50;
/** One life in so many has a second uplink, of those in which a rule names whole devices. */
const SECOND_EVERY = 12;
const SECOND_FIRST = 5;

/** Which lives have one is told by the seed alone, so that others are as they were. */
export function secondOf(seed: number, forced = false): SecondUse | undefined {
  if (!forced && seed % SECOND_EVERY !== SECOND_FIRST) return undefined;
  return seed % (2 * SECOND_EVERY) < SECOND_EVERY ? "spare" : "balanced";
}

export function furnishSecond(kernel: Kernel, use: SecondUse): void {
  addEthernet(kernel, SECOND, "02:00:00:00:00:fd");
  kernel.masquerading.add(SECOND);
  plug(kernel, SECOND);
  if (use === "balanced") for (const family of [4, 6] as const) addBalancing(kernel, family);
  leadOver(kernel, UPLINK, use);
}

/** Some rule lets no connection from outside be answered. */
export function shutOne(rules: ReferenceRule[], seed: number): void {
  const random = new Random(seed);
  const at = random.below(rules.length);
  const rule = rules[at];
  if (rule !== undefined && random.chance(SHUT_PERCENT)) rules[at] = { ...rule, inbound: "block" };
}

/** The best defaults of main go there; both uplinks keep theirs. */
function leadOver(kernel: Kernel, leader: Uplink, use: SecondUse): void {
  const isDefault = ({ dst, protocol }: Kernel["routes"][number]): boolean =>
    (dst === "0.0.0.0/0" || dst === "::/0") && [rtprot.DHCP, rtprot.RA].includes(protocol as 9);
  while (kernel.removeRoute(isDefault) === 0);
  for (const name of UPLINKS) {
    for (const family of [4, 6] as const) {
      const metrics = METRICS[family];
      const isFirst = name === leader;
      if (isFirst || use === "spare") {
        addDefault(kernel, name, family, table.MAIN, isFirst ? metrics.first : metrics.spare);
      }
      if (use === "balanced") addDefault(kernel, name, family, BALANCED[name], metrics.first);
    }
  }
}

function plug(kernel: Kernel, name: Uplink): void {
  if (name === UPLINK) return plugUplink(kernel);
  kernel.setLink(kernel.linkNamed(name)?.index ?? 0, true, 0);
  addressOf(kernel, name, SECOND_ADDRESSES);
}

export const uplinkFaults: readonly Fault[] = [
  { name: "default moves", run: moveDefault },
  { name: "an uplink unplugged", run: unplugOne },
  { name: "an uplink dead", run: loseOne },
  { name: "prefix moves", run: movePrefix },
];

/** After an uplink came back: the defaults are where they were before. */
export function leadAgain({ router, leader, policy: { variation } }: World): void {
  if (variation.second !== undefined) leadOver(router.kernel, leader, variation.second);
}

/** Both are there and carry, and the first one leads, as nobody would dare to hope. */
export function mendUplinks(world: World): void {
  if (world.policy.variation.second === undefined) return;
  world.network.dead.clear();
  for (const name of UPLINKS) plug(world.router.kernel, name);
  world.leader = UPLINK;
  leadAgain(world);
}

function moveDefault(world: World): void {
  world.leader = world.random.pick(UPLINKS);
  leadAgain(world);
  world.foreignChanged();
}

function unplugOne(world: World): void {
  const { kernel } = world.router;
  const name = world.random.pick(UPLINKS);
  unplugUplink(kernel, name);
  world.foreignChanged();
  world.clock.after(world.random.between(100, 30_000), () => {
    plug(kernel, name);
    leadAgain(world);
    world.foreignChanged();
  });
}

function loseOne({ network, random, clock }: World): void {
  const name = random.pick(UPLINKS);
  network.dead.add(name);
  clock.after(random.between(500, 90_000), () => network.dead.delete(name));
}

/** Another prefix is delegated: the phone has an address of it, the others keep what they had. */
function movePrefix(world: World): void {
  const { router: { kernel }, devices: [phone], random } = world;
  const index = kernel.linkNamed(LAN)?.index ?? 0;
  const [from, to] = random.chance(50) ? PREFIXES : ([PREFIXES[1], PREFIXES[0]] as const);
  kernel.removeAddress(index, `${from}:1/64`);
  kernel.addAddress(index, `${to}:1/64`);
  if (phone === undefined) return;
  world.damage.neighbourChanged(phone.mac, world.clock.nowMs);
  phone.addr6 = `${to}:${random.between(100, 199)}`;
  announce(kernel, phone, random);
  world.foreignChanged();
}

function addDefault(
  kernel: Kernel, name: Uplink, family: 4 | 6, where: number, metric: number,
): void {
  kernel.addRoute({
    table: where, dst: family === 4 ? "0.0.0.0/0" : "::/0",
    oif: kernel.linkNamed(name)?.index ?? 0, gateway: GATEWAYS[name][family], metric,
    protocol: family === 4 ? rtprot.DHCP : rtprot.RA, kind: rtn.UNICAST, scope: scope.UNIVERSE,
    source: "",
  });
}

function addBalancing(kernel: Kernel, family: 4 | 6): void {
  for (const [at, name] of UPLINKS.entries()) {
    kernel.addRule({
      ...emptyRule(family), priority: PRIORITY_BALANCED + at, fwmark: (at + 1) << 8,
      fwmask: BALANCED_BITS, table: BALANCED[name], protocol: rtprot.STATIC,
    });
  }
}
