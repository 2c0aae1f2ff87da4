/**
 * Rules of the configuration as elements of the firewall's maps. Addresses are kept in one map for
 * each prefix length, so that lookup is exact, nesting prefixes need no splitting, and the cost for
 * a packet grows with the number of different lengths, never with the number of rules.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { FirewallElement } from "../model/desired.js";
import type { Ip, Prefix } from "../model/ip.js";
import { prefixAddress, prefixFamily, prefixHostBits, prefixLength } from "../model/ip.js";
import type { LocationState } from "../model/observed.js";
import { hex32, locationBits } from "./marks.js";
import type { Outcome, States } from "./outcome.js";
import { stateAt } from "./outcome.js";

export interface DecidedRule {
  readonly rule: Rule;
  readonly outcome: Outcome;
  /** Interfaces that a rule by interface holds for. */
  readonly ifnames: readonly string[];
  /** Known addresses that a rule by MAC decides for. */
  readonly addresses: readonly Ip[];
}

/** The two layers that look a packet up: which location, and whether it may leave elsewhere. */
export type Layer = "mark" | "guard";

/** Name of the map that a rule's element is in, without the layer. */
function mapStem(rule: Rule): string {
  const { match, wholeOf } = rule;
  if (wholeOf !== undefined) return wholeStem(prefixHostBits(wholeOf));
  if (match.kind !== "address") return `${rule.isLate ? "late_" : ""}${match.kind}`;
  return `ip${prefixFamily(match.prefix)}_${prefixLength(match.prefix)}`;
}

/** The maps of devices that rules with so many host bits cover whole. */
export function wholeStem(hostBits: number): string {
  return `whole_${hostBits}`;
}

function elementKeysOf({ rule, ifnames }: DecidedRule): readonly string[] {
  const { match } = rule;
  switch (match.kind) {
    case "mac":
      return [match.mac];
    case "address":
      return [prefixAddress(match.prefix)];
    case "iface":
      return ifnames;
  }
}

export function ruleElements(decided: readonly DecidedRule[]): FirewallElement[] {
  return decided.flatMap((row) => {
    const stem = mapStem(row.rule);
    const suffix = row.rule.inbound === "block" ? "_shut" : "";
    const [mark, guard] = verdictsOf(row.outcome, suffix);
    return elementKeysOf(row).flatMap((key) => [
      { map: `${stem}_mark`, key, value: `goto ${mark}` },
      { map: `${stem}_guard`, key, value: `goto ${guard}` },
    ]);
  });
}

function verdictsOf(outcome: Outcome, suffix: string): readonly [mark: string, guard: string] {
  if (outcome.kind === "tunnel") return [`loc_${outcome.index}${suffix}`, `guarded${suffix}`];
  return outcome.kind === "direct" ? ["direct", "passed"] : ["blocked", "barred"];
}

/** The address that traffic of a location has inside the tunnel, v4 and v6. */
export interface InnerAddresses {
  readonly addr4: string;
  readonly addr6: string;
}

/** Stands in until a gateway has assigned an address: the mover sees by it who wants to dial. */
export function placeholders(index: number): InnerAddresses {
  return { addr4: `100.73.1.${index}`, addr6: `fdad:17::${index.toString(16)}` };
}

/** All of them: locations are numbered from 1 to 126. */
export const placeholderNetworks: readonly Prefix[] = ["100.73.1.0/24", "fdad:17::/121"];

/** A family that the gateway does not carry keeps its placeholder, which the mover drops. */
export function innerAddresses(state: LocationState | undefined, index: number): InnerAddresses {
  const welcome = state?.welcome ?? state?.lastWelcome;
  const standIn = placeholders(index);
  return {
    addr4: (welcome && prefixAddress(welcome.addr4)) || standIn.addr4,
    addr6: (welcome && prefixAddress(welcome.addr6)) || standIn.addr6,
  };
}

/** What gateways assigned to a location, in force or last. */
export function welcomeAddresses(state: LocationState | undefined): Ip[] {
  const welcome = state?.welcome ?? state?.lastWelcome;
  if (welcome === undefined) return [];
  return [welcome.addr4, welcome.addr6].filter((prefix) => prefix !== "").map(prefixAddress);
}

export function addressElements(config: RouterConfig, states: States): FirewallElement[] {
  return config.locations.flatMap((_, at) => {
    const index = at + 1;
    const key = hex32(locationBits(config, index));
    const { addr4, addr6 } = innerAddresses(stateAt(config, states, index), index);
    return [
      { map: "snat4", key, value: addr4 },
      { map: "snat6", key, value: addr6 },
    ];
  });
}

/** Every address by which the mover may know the location. */
export function locationAddresses(state: LocationState | undefined, index: number): Ip[] {
  const { addr4, addr6 } = placeholders(index);
  return [...new Set([...welcomeAddresses(state), addr4, addr6])];
}

/** The element of a pair of maps, one for each family. */
export function familyElement(stem: string, address: Ip, value: string): FirewallElement {
  return { map: `${stem}${prefixFamily(address)}`, key: address, value };
}
