/**
 * Flows remember the path and the address that they began with. Whenever some may be elsewhere than
 * where they belong, all are compared with that, and those that are elsewhere are forgotten.
 */
import type {
  Desired,
  DesiredFlows,
  DesiredRule,
  FlowAside,
  FlowRow,
} from "../../model/desired.js";
import { placeNowhere, placePast } from "../../model/desired.js";
import type { Ip, Prefix } from "../../model/ip.js";
import { prefixContains, prefixFamily, prefixLength } from "../../model/ip.js";
import { any4, any6, priorityDefault, protocolOurs } from "../../model/kernel.js";
import { flowRowsMax, flowTunnelsMax } from "../../model/limits.js";
import type { Observed } from "../../model/observed.js";
import type { FlowPlace, Judgement, PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";
import { elementChanges } from "./firewall.js";

const none: ReadonlyMap<string, string> = new Map();

export function planConntrack(desired: Desired, observed: Observed): PlannedOperation[] {
  const { flows } = desired;
  if (flows === undefined || observed.firewall.kind === "unread") return [];
  const before = observed.flows;
  const rows = judgedRows(flows, desired, observed);
  const isDone = before !== undefined && !observed.flowsOwed && wasThere(desired, observed);
  if (isDone && !isNarrower(rows, flows, before) && !isElsewhere(flows, before)) return [];
  const judgement = judge(flows, rows, observed);
  const why = "forget flows that are not where they belong";
  return [{ operation: { kind: "conntrack", flows, judgement }, phase: phases.forgetFlows, why }];
}

/** Without all that leads flows they begin elsewhere, or untranslated, and stay so. */
function wasThere(desired: Desired, observed: Observed): boolean {
  if (desired.firewall === undefined) return true;
  if (observed.firewall.kind !== "present" || isDefaultMissing(desired, observed)) return false;
  const { added, removed } = elementChanges(desired.firewall, observed.firewall.elements);
  const isSame = observed.firewall.structure === desired.firewall.structure;
  return isSame && added.length + removed.length === 0;
}

function isDefaultMissing(desired: Desired, observed: Observed): boolean {
  const isDefault = (rule: Pick<DesiredRule, "priority">): boolean =>
    rule.priority === priorityDefault;
  const present = [...observed.rules.values()].filter(
    (rule) => rule.protocol === protocolOurs && isDefault(rule),
  );
  return present.length < desired.rules.filter(isDefault).length;
}

/** Destinations that were past every tunnel, or on our side, and are not; or the reverse. */
function isElsewhere(flows: DesiredFlows, before: DesiredFlows): boolean {
  const aside = new Set(flows.aside.map(asideText));
  const isGone = before.aside.some((one) => !aside.has(asideText(one)));
  return isGone || flows.past.join() !== before.past.join();
}

function asideText({ source, destination }: FlowAside): string {
  return `${source} ${destination}`;
}

interface JudgedRow {
  readonly source: Prefix;
  readonly places: readonly number[];
}

/** Sources that have a row, or had one. */
function judgedRows(flows: DesiredFlows, desired: Desired, observed: Observed): JudgedRow[] {
  const before = observed.flows;
  const sources = new Set([...flows.rows.keys(), ...(before?.rows.keys() ?? [])]);
  const fresh = isDefaultMissing(desired, observed);
  const unseen = unseenPlaces(observed, desired);
  const [now, former] = [finder(flows), before && finder(before)];
  return [...sources].map((source) => {
    const row = now(source);
    const old = former?.(source);
    const left = old && before && addressAt(before, old.place, source);
    const isLeft = (place: number): boolean =>
      addressAt(flows, place, source) === left ||
      unseen.has(place) ||
      (fresh && row.isOwn === true && place === placePast);
    return { source, places: [row.place, ...row.others.filter((place) => !isLeft(place))] };
  });
}

/** The row with the longest prefix. */
function finder({ rows }: DesiredFlows): (source: Prefix) => FlowRow {
  const networks = [...rows]
    .filter(([prefix]) => prefixLength(prefix) < (prefixFamily(prefix) === 4 ? 32 : 128))
    .sort(([left], [right]) => prefixLength(right) - prefixLength(left));
  const unruled: FlowRow = { place: placePast, others: [] };
  return (source) =>
    rows.get(source) ??
    networks.find(([prefix]) => prefixContains(prefix, source))?.[1] ??
    unruled;
}

const macMap = /^(late_)?mac_mark$/;

/**
 * Tunnels that a device has just left of which no address is known: its flows may be at any source
 * of which it is not known who is there.
 */
function unseenPlaces({ firewall, owners }: Observed, desired: Desired): ReadonlySet<number> {
  if (firewall.kind !== "present" || desired.firewall === undefined) return new Set();
  const { removed } = elementChanges(desired.firewall, firewall.elements);
  const moved = removed.filter(({ map }) => macMap.test(map));
  if (moved.length === 0) return new Set();
  const seen = new Set(owners.values());
  const left = moved.filter(({ key }) => !seen.has(key));
  const places = left.map(({ value }) => /^goto loc_(\d+)$/.exec(value)?.[1] ?? placeNowhere);
  return new Set(places.map(Number));
}

/** The address that flows of a place have: "" past the tunnels, `nowhere` if there are none. */
function addressAt({ tunnels }: DesiredFlows, place: number, source: Prefix): string {
  if (place === placePast) return "";
  const tunnel = tunnels[place - 1];
  if (tunnel === undefined) return "nowhere";
  return prefixFamily(source) === 4 ? tunnel.addr4 : tunnel.addr6;
}

/** Flows may be somewhere that was right before. */
function isNarrower(
  rows: readonly JudgedRow[],
  flows: DesiredFlows,
  before: DesiredFlows,
): boolean {
  const former = finder(before);
  return rows.some(({ source, places }) => {
    const old = former(source);
    const now = places.map((place) => addressAt(flows, place, source));
    return [old.place, ...old.others].some(
      (place) => !now.includes(addressAt(before, place, source)),
    );
  });
}

function judge(flows: DesiredFlows, rows: readonly JudgedRow[], observed: Observed): Judgement {
  const { tunnels, aside, past } = flows;
  const left = leftAddresses(flows, observed).map((address) => {
    return prefixFamily(address) === 4
      ? { addr4: address, addr6: "" }
      : { addr4: "", addr6: address };
  });
  const all = [...tunnels, ...left].slice(0, flowTunnelsMax);
  return { tunnels: all, aside, past, rows: bounded(rows) };
}

/** Where it is not known for certain who is there, the network's row says as much. */
function bounded(rows: readonly JudgedRow[]): readonly FlowPlace[] {
  const flat = (some: readonly JudgedRow[]): FlowPlace[] =>
    some.flatMap(({ source, places }) => places.map((place) => ({ source, place })));
  const all = flat(rows);
  if (all.length <= flowRowsMax) return all;
  const certain = flat(rows.filter(({ source, places }) => {
    return places.length === 1 || !/\/(32|128)$/.test(source);
  }));
  if (certain.length <= flowRowsMax) return certain;
  return [any4, any6].map((source) => ({ source, place: placeNowhere }));
}

/** Addresses that flows may have and none should. */
function leftAddresses({ tunnels }: DesiredFlows, observed: Observed): Ip[] {
  const { firewall, flows } = observed;
  const found = firewall.kind === "present" ? firewall.elements : none;
  const translations = [...found].filter(([key]) => /^snat[46] /.test(key));
  const before = flows?.tunnels.flatMap(({ addr4, addr6 }) => [addr4, addr6]) ?? [];
  const wanted = new Set(tunnels.flatMap(({ addr4, addr6 }) => [addr4, addr6]));
  const all = [...translations.map(([, address]) => address), ...before];
  return [...new Set(all)].filter((address) => address !== "" && !wanted.has(address));
}
