/**
 * Advice as rules: what a script answered, laid over the configuration. A script may move a device
 * between tunnels and block it. What it sends direct becomes a late rule, asked after every rule of
 * the owner's, so that by construction it opens nothing that one of those protects.
 */
import type { Advice, RouteAdvice, WorldDevice } from "../model/advice.js";
import { adviceDevicesMax } from "../model/advice.js";
import type { RouterConfig, Rule } from "../model/config.js";
import type { Mac, Prefix } from "../model/ip.js";
import { whenDownOf } from "../config/router.js";
import { readAdvice } from "./advice.js";
import { indexRules, matchingRules, ruleName } from "./match.js";
import type { States } from "./outcome.js";

/** The answers in force: of each device the last one that was good. */
export interface HeldAdvice {
  /** Undefined if the script routes nobody. */
  readonly routes: ReadonlyMap<Mac, RouteAdvice> | undefined;
  readonly bypass: readonly Prefix[];
  readonly peers: ReadonlyMap<string, readonly string[]>;
}

export const nothingHeld: HeldAdvice = { routes: new Map(), bypass: [], peers: new Map() };

/**
 * Takes an answer over. A device that was asked about and has no answer loses its former one,
 * unless its function failed or its answer was refused; devices that are away keep theirs.
 */
export function holdAdvice(
  held: HeldAdvice,
  advice: Advice,
  asked: readonly { readonly mac: Mac }[],
): HeldAdvice {
  const failed = new Set(advice.failed.map((one) => one.in));
  const { bypass = [], peers = new Map<string, readonly string[]>() } = advice;
  return {
    routes: advice.routes && holdRoutes(held.routes, advice, advice.routes, asked),
    bypass: failed.has("bypass") ? held.bypass : bypass,
    peers: failed.has("selectPeer") ? new Map([...held.peers, ...peers]) : peers,
  };
}

function holdRoutes(
  before: HeldAdvice["routes"],
  advice: Advice,
  answers: ReadonlyMap<Mac, RouteAdvice>,
  asked: readonly { readonly mac: Mac }[],
): ReadonlyMap<Mac, RouteAdvice> {
  const routes = new Map(before);
  const isUnsure = advice.failedMore > 0 || advice.issues.some(({ path }) => /^routes/.test(path));
  const failed = new Set(advice.failed.map((one) => one.mac));
  for (const { mac } of asked) if (!isUnsure && !failed.has(mac)) routes.delete(mac);
  for (const [mac, route] of answers) {
    routes.delete(mac);
    routes.set(mac, route);
  }
  for (const mac of routes.keys()) if (routes.size > adviceDevicesMax) routes.delete(mac);
  return routes;
}

/** What is kept for another decider: who goes where, without the reasons. */
export function heldToJson({ routes, bypass }: HeldAdvice): object {
  const kept = [...(routes?.values() ?? [])].map(({ mac, action, location, whenDown }) =>
    [mac, action, location, whenDown].join(" "),
  );
  return { routes: routes && kept, bypass };
}

/** Reads what `heldToJson` wrote; undefined if it was nothing. */
export function heldFromJson(
  content: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
): HeldAdvice | undefined {
  const { routes, bypass } = content;
  if (bypass === undefined) return undefined;
  const items = Array.isArray(routes) ? (routes as unknown[]) : undefined;
  const advice = readAdvice({ routes: items?.map(readKept), bypass }, names);
  return advice && holdAdvice(nothingHeld, advice, []);
}

function readKept(line: unknown): object {
  const [mac, action, location, down] = String(line).split(" ");
  return { mac, action, location, when_down: down };
}

/** The configuration as the script's answers make it; undefined is a script without an answer. */
export function adviseConfig(
  config: RouterConfig,
  held: HeldAdvice | undefined,
  states: States,
): RouterConfig {
  const { routes, bypass } = held ?? nothingHeld;
  const names = new Set(config.locations.map(({ name }) => name));
  const keepShut = shutter(config);
  const advised = [...(routes?.values() ?? [])]
    .flatMap((route) => ruleOf(route, names, states))
    .map(keepShut);
  const replaced = new Set(advised.filter(({ isLate }) => !isLate).map(macOf));
  const kept = config.rules.filter((rule) => !replaced.has(macOf(rule)) || macOf(rule) === "");
  const unanswered = routes === undefined ? [] : unansweredRules(config);
  return { ...config, rules: [...kept, ...advised, ...unanswered], bypass };
}

/** Devices that a script sends direct in vain, with the rule of the owner's that stays. */
export function overruled(
  config: RouterConfig,
  routes: HeldAdvice["routes"],
  devices: readonly Pick<WorldDevice, "mac" | "addresses" | "iface">[],
): readonly string[] {
  const rules = indexRules(config);
  return devices.flatMap(({ mac, addresses, iface }) => {
    if (routes?.get(mac)?.action !== "direct") return [];
    const deciding = addresses.map((address) => matchingRules(rules, { mac, address, iface })[0]);
    const rule = deciding.find((one) => one !== undefined && one.target.kind !== "direct");
    return rule === undefined ? [] : [`${mac} stays with the rule for ${ruleName(rule)}`];
  });
}

function macOf({ match }: Rule): Mac {
  return match.kind === "mac" ? match.mac : "";
}

function ruleOf(route: RouteAdvice, names: ReadonlySet<string>, states: States): Rule[] {
  const { mac, action, location, whenDown, why } = route;
  const rule = { match: { kind: "mac", mac }, whenDown: { kind: "block" }, why } as const;
  const direct: Rule = { ...rule, target: { kind: "direct" }, isLate: true };
  if (action === "direct") return [direct];
  if (action === "block") return [{ ...rule, target: { kind: "block" } }];
  if (!names.has(location)) return [];
  if (whenDown === "direct" && states.get(location)?.state === "down") return [direct];
  const isOther = names.has(whenDown);
  const target = { kind: "location", name: location } as const;
  return [{ ...rule, target, ...(isOther && { whenDown: whenDownOf(whenDown) }) }];
}

/**
 * Who may not answer connections from outside by the owner's rule may not wherever a script sends
 * him. A rule on an address or an interface may be that of any device without a rule by MAC.
 */
function shutter({ rules }: RouterConfig): (advised: Rule) => Rule {
  const byMac = new Map(rules.map((rule) => [macOf(rule), rule.inbound]));
  const isAnyShut = rules.some((rule) => macOf(rule) === "" && rule.inbound === "block");
  return (advised) => {
    const mac = macOf(advised);
    const isShut = byMac.has(mac) ? byMac.get(mac) === "block" : isAnyShut;
    return isShut ? { ...advised, inbound: "block" } : advised;
  };
}

/** Whoever has neither an answer nor a rule waits for one. */
function unansweredRules({ policy }: RouterConfig): Rule[] {
  if (policy.unanswered === "builtin") return [];
  return policy.ifnames.map((iface) => ({
    match: { kind: "iface", iface },
    target: { kind: "block" },
    whenDown: { kind: "block" },
    why: "no answer yet",
    isLate: true,
  }));
}
