/** What there is to tell about scripts: who would move, how devices fare, what runs, its limits. */
import type { PolicyView } from "../api/policy-routes.js";
import type { Advice } from "../model/advice.js";
import { adviceDevicesMax, bypassMax, scriptBytesMax } from "../model/advice.js";
import type { RouterConfig } from "../model/config.js";
import { routerOf } from "../model/config.js";
import type { Ip } from "../model/ip.js";
import type { Module } from "../model/slots.js";
import { adviseConfig, holdAdvice, nothingHeld, overruled } from "../policy/advise.js";
import type { LocationState } from "../model/observed.js";
import type { Device } from "../policy/device.js";
import { decideSource, decisionWords, devicesOf } from "../policy/device.js";
import { indexRules } from "../policy/match.js";
import { statesByName } from "../policy/outcome.js";
import { coverWhole } from "../policy/whole.js";
import type { Probe } from "../policy/probe.js";
import { minuteCpuUsMax } from "./advice.js";
import type { Cage } from "./cage.js";
import { cageErrorText } from "./cage.js";
import type { Engine } from "./engine-state.js";
import { configInForce, routerInForce } from "./in-force.js";
import { issueLines } from "./issues.js";
import { locationStates } from "./tunnels.js";

/**
 * Share of the devices in tunnels whose tunnel carries, or would once somebody asks for it; 1 if
 * there is none. A device that belongs to no location is blocked on purpose, and so not counted.
 */
export function healthOf(engine: Engine): number {
  const { core, tunnels } = engine;
  const config = routerInForce(engine);
  if (config === undefined) return 1;
  const states = locationStates(tunnels);
  const idle = new Set(states.filter(({ state }) => state === "idle").map(({ name }) => name));
  const all = devicesOf(config, core.store, states);
  const bound = all.filter(({ outcome, location }) => {
    return outcome === "tunnel" || (outcome === "blocked" && location !== "");
  });
  const well = bound.filter(({ outcome, location }) => outcome === "tunnel" || idle.has(location));
  return bound.length === 0 ? 1 : well.length / bound.length;
}

export function shareText(now: number, before: number): string {
  const [is, was] = [now, before].map((share) => `${Math.round(share * 100)} %`);
  return `${is} of devices have a way out, ${was} before`;
}

/** Where every device goes and would go; a script's own words and what is wrong with them. */
export function movesOf(
  engine: Engine,
  cage: Cage,
  { advice, probe }: { readonly advice: Advice; readonly probe: Probe },
  onlyMoves: boolean,
): object {
  const { core, tunnels, advice: runner } = engine;
  const config = core.config as RouterConfig;
  const states = locationStates(tunnels);
  const { devices: seen } = runner.worldNow();
  const held = holdAdvice(nothingHeld, advice, probe.world.devices);
  const before = configInForce(runner, config);
  const after = adviseConfig(config, held, statesByName(states));
  const named = [...seen, ...probe.silent];
  const names = new Map(named.map(({ mac, name }) => [mac, name ?? ""]));
  const waysIn = (config: RouterConfig): ReadonlyMap<string, Way> =>
    waysOf([...devicesOf(config, core.store, states), ...silentOf(config, states, probe)]);
  const old = waysIn(before);
  const all = [...waysIn(after).values()].map((next) => {
    const { mac, iface, way } = next;
    const { why = "" } = advice.routes?.get(mac) ?? {};
    const was = old.get(`${mac} ${iface}`)?.way ?? "";
    const rule = next.rule.replace(/^policy: .*/, "script");
    return { mac, name: names.get(mac) ?? "", iface, old: was, new: way, why, rule };
  });
  const moved = all.filter((device) => device.old !== device.new);
  const [had, has] = [before.bypass ?? [], after.bypass ?? []];
  const { script, usage } = cage;
  return {
    sha256: script.sha256,
    version: script.version,
    known: all.length,
    moves: moved.length,
    devices: onlyMoves ? moved : all,
    bypass: { added: without(has, had), removed: without(had, has) },
    peers: Object.fromEntries(advice.peers ?? []),
    warnings: warningsOf(advice, probe.labels),
    notes: overruled(coverWhole(config, core.store, statesByName(states)), advice.routes, seen),
    log: advice.log,
    cpu_us: usage.lastCpuUs,
    memory_bytes: usage.memoryBytes,
  };
}

/** Devices that a rule or a lease names and that are not there, as `devicesOf` tells the others. */
function silentOf(
  config: RouterConfig,
  locations: readonly LocationState[],
  { silent }: Probe,
): readonly Device[] {
  const states = statesByName(locations);
  const rules = indexRules(config);
  return silent.map(({ mac }) => {
    const source = { mac, address: "", iface: "" };
    const words = decisionWords(config, decideSource(config, states, source, rules));
    return { mac, addresses: [], iface: "", ...words };
  });
}

/** Functions that failed and answers that were refused, in words; `labels` are names by MAC. */
export function warningsOf(
  { failed, failedMore, issues }: Advice,
  labels: Probe["labels"],
): readonly string[] {
  const causes = new Map<string, string[]>();
  for (const one of failed) {
    const text = `${one.in} @: ${cageErrorText(one)}`;
    const who = labels.get(one.mac ?? "") ?? one.mac ?? one.location ?? "";
    causes.set(text, [...(causes.get(text) ?? []), who]);
  }
  const failures = [...causes].map(([text, [first = "", ...rest]]) => {
    const more = rest.length > 0 ? ` and ${rest.length} more` : "";
    return text.replace(" @", first === "" ? "" : ` of ${first}${more}`);
  });
  const more = failedMore > 0 ? [`${failedMore} more devices failed`] : [];
  return [...failures, ...more, ...issueLines(issues)];
}

export function viewOf(engine: Engine, view: PolicyView): object {
  const { slots } = engine.swap;
  switch (view) {
    case "":
      return overview(engine);
    case "history":
      return { policy: slots.policy.history, control: slots.control.history };
    case "log":
      return { lines: engine.advice.lines };
    case "limits":
      return { limits: limitsOf(engine) };
  }
}

interface Way {
  readonly mac: string;
  readonly iface: string;
  readonly way: string;
  readonly rule: string;
}

/** One way for each device; one whose addresses go apart has several words in it. */
function waysOf(devices: readonly Device[]): ReadonlyMap<string, Way> {
  const ways = new Map<string, Way>();
  for (const { mac, iface, location, outcome, rule } of devices) {
    const key = `${mac} ${iface}`;
    const blocked = outcome === "blocked" && location !== "" ? " (blocked)" : "";
    const words = [ways.get(key)?.way ?? "", `${location || outcome}${blocked}`];
    const way = [...new Set(words.filter((word) => word !== ""))].join(" + ");
    ways.set(key, { mac, iface, way, rule });
  }
  return ways;
}

function without(list: readonly Ip[], other: readonly Ip[]): readonly Ip[] {
  return list.filter((one) => !other.includes(one));
}

function overview(engine: Engine): object {
  const { core, advice } = engine;
  const { script, status } = advice;
  const { module, trial } = core.facts;
  return {
    ...status,
    script: script === undefined ? null : {
      origin: script.origin,
      version: script.version,
      sha256: script.sha256,
    },
    module,
    trial,
    policy: slotsView(engine, "policy"),
    control: slotsView(engine, "control"),
  };
}

function slotsView(engine: Engine, module: Module): object {
  const { confirmed, pending, health: before, ...slots } = engine.swap.slots[module];
  const unixS = engine.core.native.wallMs() / 1_000;
  const left = Math.max(0, Math.round(slots.deadline_unix_s - unixS));
  return {
    confirmed,
    last: slots.history.at(-1) ?? null,
    pending: pending === "" ? null : {
      slot: pending,
      version: slots.script_version[pending],
      sha256: slots.sha256[pending],
      left_s: left,
      health: healthOf(engine),
      health_before: before,
    },
  };
}

function limitsOf({ core, advice }: Engine): object[] {
  const config = routerOf(core.config);
  if (config === undefined) return [];
  const { memoryKib, callMs } = config.policy;
  const { active, script, held } = advice;
  const { lastCpuUs = 0, memoryBytes } = active?.usage ?? {};
  const row = (name: string, unit: string, most: number, used?: number): object => {
    return { name, unit, used: used ?? null, most };
  };
  return [
    row("memory", "bytes", memoryKib * 1_024, memoryBytes),
    row("time of a call", "ms", callMs, lastCpuUs / 1_000),
    row("CPU in a minute", "ms", minuteCpuUsMax / 1_000, advice.minuteCpu() / 1_000),
    row("script", "bytes", scriptBytesMax, script?.text.length),
    row("devices", "", adviceDevicesMax, held?.routes?.size),
    row("bypass prefixes", "", bypassMax, held?.bypass.length),
  ];
}
