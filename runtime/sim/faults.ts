/**
 * Faults by chance. Each run switches a random subset on (swarm testing: a fault that is absent
 * lets others run deeper), then draws from it until faults stop.
 */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { CageFault } from "./cage.js";
import { askProtect } from "./api-client.js";
import { errno, iff, nud, ours, rtprot, table } from "./constants.js";
import { BundleGateway } from "./gateways.js";
import { emptyRule } from "./kernel.js";
import type { Kernel } from "./kernel.js";
import {
  addForeignRoute, announce, locations, plugUplink, TUN, unplugUplink,
} from "./topology.js";
import { leadAgain } from "./uplinks.js";
import type { World } from "./world.js";

export interface Fault {
  readonly name: string;
  run(world: World): void;
}

export const DAY_MS = 86_400_000;
const YEARS_MS = 10 * 365 * DAY_MS;
/** Commands that a failing kernel or a full table may refuse. */
export const REFUSABLE = new Set<DeciderMessage["type"]>([
  "link_set", "address_set", "route_set", "rule_set", "sysctl_get", "sysctl_set", "nft_apply",
  "nft_list", "conntrack_delete", "forward_set", "session_open", "session_start",
  "tun_open", "listen_unix",
]);
const ERRORS = [errno.EIO, errno.ENOMEM, errno.ENOBUFS, errno.EBUSY, errno.EAGAIN];

export const faults: readonly Fault[] = [
  { name: "command fails", run: failCommands },
  { name: "events lost", run: loseEvents },
  { name: "decider killed", run: killDecider },
  { name: "all killed", run: killAll },
  { name: "rules deleted", run: deleteRules },
  { name: "routes deleted", run: deleteRoutes },
  { name: "table flushed", run: flushTable },
  { name: "elements deleted", run: deleteElement },
  { name: "foreign routes", run: toggleForeignRoute },
  { name: "foreign rules", run: toggleForeignRule },
  { name: "gateway down", run: stopGateway },
  { name: "gateway lost", run: loseGateway },
  { name: "gateway's decider killed", run: killGatewayDecider },
  { name: "neighbours", run: changeNeighbour },
  { name: "addresses change", run: changeAddress },
  { name: "wall clock jumps", run: jumpClock },
  { name: "location switched", run: switchLocation },
  { name: "uplink unplugged", run: unplug },
  { name: "flash broken", run: breakFlash },
  { name: "cage fails", run: breakCages },
  { name: "tun stolen", run: stealTun },
  { name: "routes flood", run: floodRoutes },
];

function failCommands(world: World): void {
  const { mover } = world.router;
  if (mover === undefined) return;
  let after = world.random.between(1, 12);
  const error = world.random.pick(ERRORS);
  const burst = world.random.between(1, 4);
  mover.intercept = (message) => {
    if (!REFUSABLE.has(message.type) || --after > 0) return 0;
    if (after <= -burst) mover.intercept = () => 0;
    return -error;
  };
}

function loseEvents(world: World): void {
  const { mover } = world.router;
  if (mover === undefined || !mover.watching) return;
  mover.overflowing = true;
  // Edits are made while nobody hears of them, or the loss would not matter.
  world.random.pick([deleteRules, deleteRoutes, changeNeighbour, changeAddress])(world);
  world.clock.after(world.random.between(1, 300), () => mover.recover());
}

function killDecider(world: World): void {
  if (world.random.chance(50)) world.router.killDecider("killed: signal 9");
  else world.router.effectsLeft = world.random.between(1, 60);
}

function killAll(world: World): void {
  world.router.killAll();
  world.script?.onMoverEnd();
  world.clock.after(world.random.between(100, 5_000), () => world.router.boot());
}

function deleteRules(world: World): void {
  const { kernel } = world.router;
  const own = kernel.rules.filter((rule) => rule.protocol === ours.PROTOCOL);
  if (own.length === 0) return;
  world.damage.hit("routing", world.clock.nowMs);
  const doomed = world.random.chance(50) ? own : [world.random.pick(own)];
  for (const rule of doomed) kernel.removeRule((item) => item === rule);
}

function deleteRoutes(world: World): void {
  const { kernel } = world.router;
  const own = kernel.routes.filter((route) => route.protocol === ours.PROTOCOL);
  if (own.length === 0) return;
  world.damage.hit("routing", world.clock.nowMs);
  const doomed = world.random.chance(30) ? own : [world.random.pick(own)];
  for (const route of doomed) kernel.removeRoute((item) => item === route);
}

function flushTable(world: World): void {
  const { kernel } = world.router;
  if (kernel.firewall.table === undefined) return;
  world.damage.hit("firewall", world.clock.nowMs);
  kernel.firewall.table = undefined;
  kernel.emit({ type: "nft_changed" });
}

function deleteElement(world: World): void {
  const { kernel } = world.router;
  const current = kernel.firewall.table;
  const sets = [...(current?.sets.values() ?? [])].filter((set) => set.elements.size > 0);
  if (current === undefined || sets.length === 0) return;
  const set = world.random.pick(sets);
  const elements = new Map(set.elements);
  elements.delete(world.random.pick([...elements.keys()]));
  world.damage.hit("firewall", world.clock.nowMs);
  const changed = new Map(current.sets).set(set.name, { ...set, elements });
  kernel.firewall.table = { ...current, sets: changed };
  kernel.emit({ type: "nft_changed" });
}

/** Option 121 and LocalNet: routes in main that attract traffic to the uplink. */
function toggleForeignRoute(world: World): void {
  const { kernel } = world.router;
  const dst = world.random.pick(["0.0.0.0/1", "192.0.2.0/24", "192.0.2.77/32", "2001:db8:99::/48"]);
  const matches = (route: Kernel["routes"][number]): boolean =>
    route.dst === dst && route.protocol === rtprot.DHCP;
  if (kernel.removeRoute(matches) !== 0) addForeignRoute(kernel, dst, table.MAIN, rtprot.DHCP);
  world.foreignChanged();
}

function toggleForeignRule(world: World): void {
  const { kernel } = world.router;
  const priority = world.random.pick([12, 30, 150, 5_000]);
  const rule = {
    ...emptyRule(4), priority, src: "10.97.0.0/16", table: 100, protocol: rtprot.STATIC,
  };
  if (kernel.addRule(rule) !== 0) {
    kernel.removeRule((item) => item.priority === priority && item.protocol === rtprot.STATIC);
  }
  world.foreignChanged();
}

function stopGateway(world: World): void {
  const gateway = world.random.pick(world.gateways);
  gateway.kill();
  world.clock.after(world.random.between(200, 20_000), () => gateway.start());
}

function killGatewayDecider(world: World): void {
  const gateway = world.random.pick(world.gateways);
  if (gateway instanceof BundleGateway) gateway.machine.killDecider("killed: signal 9");
}

function loseGateway(world: World): void {
  const { name } = world.random.pick(locations);
  world.network.fates.set(name, world.random.pick(["lost", "refuse"]));
  world.clock.after(world.random.between(500, 90_000), () => world.network.fates.delete(name));
}

function changeNeighbour(world: World): void {
  const { kernel } = world.router;
  const device = world.random.pick(world.devices);
  world.damage.neighbourChanged(device.mac, world.clock.nowMs);
  if (world.random.chance(60)) return announce(kernel, device, world.random);
  const index = kernel.linkNamed(device.iface)?.index ?? 0;
  for (const addr of [device.addr4, device.addr6]) {
    const known = kernel.neighbours.get(`${index} ${addr}`);
    if (known === undefined) continue;
    if (world.random.chance(50)) kernel.removeNeighbour(index, addr);
    else kernel.setNeighbour({ ...known, state: nud.FAILED, mac: "" });
  }
}

/** The phone gets another lease; the rule by MAC must follow. */
function changeAddress(world: World): void {
  const { kernel } = world.router;
  const [phone] = world.devices;
  if (phone === undefined) return;
  const host = world.random.between(100, 199);
  world.damage.neighbourChanged(phone.mac, world.clock.nowMs);
  forgetLater(world);
  phone.addr4 = `192.168.1.${host}`;
  if (world.random.chance(50)) phone.addr6 = `fd00:1::${host}`;
  announce(kernel, phone, world.random);
}

/** Neighbours that nobody hears of any more are collected after a while. */
function forgetLater(world: World): void {
  world.clock.after(world.random.between(1_000, 120_000), () => {
    if (world.faulty) forgetUnused(world);
  });
}

/** Removes the neighbours whose address no device has. */
export function forgetUnused({ router, devices }: World): void {
  const used = new Set(devices.flatMap(({ addr4, addr6 }) => [addr4, addr6]));
  for (const { index, addr } of [...router.kernel.neighbours.values()]) {
    if (!used.has(addr)) router.kernel.removeNeighbour(index, addr);
  }
}

function jumpClock(world: World): void {
  const years = world.random.between(-1, 1) * YEARS_MS;
  world.clock.wallOffsetMs = Math.max(0, world.clock.wallOffsetMs + years);
  world.script?.onClockSet();
}

/** The owner moves a device by the API. */
function switchLocation(world: World): void {
  if (world.changing) return;
  const rule = world.random.pick(world.policy.rules);
  const vl = world.random.chance(10) ? "direct" : world.random.pick(locations).name;
  const whenDowns = ["block", "block", "direct", "us", "de"].filter((name) => name !== vl);
  const whenDown = world.random.pick(whenDowns);
  const next = { ...rule, vl, whenDown };
  world.expectChange(next);
  askProtect(world, next, (answer) => world.changeAnswered(next, answer));
}

function unplug(world: World): void {
  const { kernel } = world.router;
  unplugUplink(kernel);
  world.foreignChanged();
  world.clock.after(world.random.between(100, 30_000), () => {
    plugUplink(kernel);
    leadAgain(world);
    world.foreignChanged();
  });
}

/** What a script may do to its process, and what else may become of it. */
const CAGE_FAULTS: readonly CageFault[] = ["dies", "memory", "silent", "rubbish", "frame", "late"];

function breakCages(world: World): void {
  const { mover } = world.router;
  const [first] = mover?.cages.living() ?? [];
  if (mover === undefined || first === undefined) return;
  if (world.random.chance(20)) return mover.cages.kill(first);
  const fault = world.random.pick(CAGE_FAULTS);
  let left = world.random.between(1, 8);
  mover.cages.fault = () => {
    if (left-- <= 0) return "none";
    if (world.script !== undefined) world.script.troubleMs = world.clock.nowMs;
    return fault;
  };
}

/** Somebody takes our device away, or gives its name to one of his own. */
function stealTun(world: World): void {
  const { kernel, mover } = world.router;
  const index = mover?.tunnels.tunIndex ?? 0;
  if (world.random.chance(30)) kernel.renameLink(index, "stolen0");
  else kernel.deleteLink(index);
  if (world.random.chance(70)) addImpostor(kernel);
  world.foreignChanged();
  world.clock.after(world.random.between(10, 20_000), () => removeImpostor(world));
}

function addImpostor(kernel: Kernel): void {
  if (kernel.linkNamed(TUN) !== undefined) return;
  const flags = iff.POINTOPOINT | iff.NOARP | iff.MULTICAST;
  const { index } = kernel.addLink({ name: TUN, flags, mtu: 1_420, master: 0, mac: "" });
  kernel.setLink(index, true, 0);
}

export function removeImpostor({ router }: World): void {
  const link = router.kernel.linkNamed(TUN);
  if (link === undefined || link.index === router.mover?.tunnels.tunIndex) return;
  router.kernel.deleteLink(link.index);
}

/** A routing daemon fills main, or a table of its own, with what the decider must not drown in. */
function floodRoutes(world: World): void {
  const { kernel } = world.router;
  const where = world.random.pick([table.MAIN, 200]);
  const count = world.random.between(1_500, 2_500);
  for (let at = 0; at < count; at++) {
    addForeignRoute(kernel, `11.${at >> 8}.${at & 255}.0/24`, where, rtprot.STATIC);
  }
  world.foreignChanged();
  world.clock.after(world.random.between(100, 20_000), () => drainRoutes(world));
}

export function drainRoutes(world: World): void {
  const { kernel } = world.router;
  const isFlood = ({ dst }: Kernel["routes"][number]): boolean => dst.startsWith("11.");
  while (kernel.removeRoute(isFlood) === 0);
  world.foreignChanged();
}

function breakFlash(world: World): void {
  // What was found before the first change is kept in memory, which does not fail on a boot.
  if (!world.isReady) return;
  world.router.files.writeError = -world.random.pick([errno.ENOSPC, errno.EIO]);
  world.clock.after(world.random.between(1_000, 20_000), () => {
    world.router.files.writeError = 0;
  });
}
