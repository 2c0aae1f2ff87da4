/** Routing policy rules: which source looks at which table. */
import type { RouterConfig, Rule } from "../model/config.js";
import type { DesiredRule } from "../model/desired.js";
import { makePrefix, prefixAddress, prefixFamily, prefixHostBits } from "../model/ip.js";
import {
  actionGoto,
  actionNothing,
  actionTable,
  actionUnreachable,
  markDocumented,
  priorityAddress,
  priorityBypass,
  priorityDefault,
  priorityIface,
  priorityLate,
  priorityLocal,
  priorityMac,
  priorityMarked,
  priorityOwn,
  priorityPast,
  priorityQuote,
  priorityWhole,
  protocolOurs,
} from "../model/kernel.js";
import type { Observed } from "../model/observed.js";
import type { DecidedRule } from "./elements.js";
import { placeholderNetworks, welcomeAddresses } from "./elements.js";
import type { Interfaces } from "./interfaces.js";
import { ownMark, uplinkMark } from "./marks.js";
import type { States } from "./outcome.js";
import { stateAt } from "./outcome.js";
import { directTable, uplinkTable } from "./routes.js";
import { tunSources } from "./tun-addresses.js";

const families = [4, 6] as const;
const prioritiesOfMacs: readonly number[] = [priorityMac, priorityWhole];

const blank = {
  src: "",
  dst: "",
  iif: "",
  fwmark: 0,
  fwmask: 0,
  action: actionTable,
  invert: false,
};

export interface RulesInput {
  readonly config: RouterConfig;
  readonly observed: Observed;
  readonly states: States;
  readonly decided: readonly DecidedRule[];
  readonly interfaces: Interfaces;
}

export function routerRules(input: RulesInput): DesiredRule[] {
  const { config, observed, states, decided, interfaces } = input;
  return [
    ...innerRules(config, states),
    ...families.flatMap((family) => fixedRules(config, family)),
    ...quoteRules(config),
    ...interfaces.uplinks.flatMap((name, rank) =>
      families.map((family) => wayRule(config, family, name, rank)),
    ),
    ...(config.bypass ?? []).map((dst) => ({
      ...blank,
      family: prefixFamily(dst),
      priority: priorityBypass,
      dst,
      table: directTable(config),
      why: "past all tunnels",
    })),
    ...decided.flatMap((row) => sourceRules(config, row)),
    ...inheritedRules(config, observed),
  ];
}

/**
 * An address from inside a tunnel is nobody's source: the mover would take a packet that has one
 * for that tunnel's, whatever rule its sender is under.
 */
function innerRules(config: RouterConfig, states: States): DesiredRule[] {
  const assigned = config.locations.flatMap((_, at) =>
    welcomeAddresses(stateAt(config, states, at + 1)).map((address) => makePrefix(address)),
  );
  return [...placeholderNetworks, ...new Set(assigned)].map((src) => ({
    ...fromRule(src, priorityOwn, 0),
    action: actionUnreachable,
    why: "an address from inside a tunnel",
  }));
}

/** What the router itself says about packets out of a tunnel has the TUN's address. */
function quoteRules(config: RouterConfig): DesiredRule[] {
  return tunSources(config).map((address) => ({
    ...fromRule(makePrefix(address), priorityQuote, config.table),
    iif: "lo",
    why: "the router's own words about a tunnel's packets",
  }));
}

/**
 * Without a firewall nothing else stands for an address whose owner a decider before this one knew:
 * its rule stays until the address is seen.
 */
function inheritedRules(config: RouterConfig, { rules, owners }: Observed): DesiredRule[] {
  if (!config.noIptables) return [];
  const kept = [...rules.values()].filter(({ protocol, priority, table, src }) => {
    const isOurs = protocol === protocolOurs && prioritiesOfMacs.includes(priority);
    return isOurs && table === config.table && !owners.has(prefixAddress(src));
  });
  return kept.map(({ src, priority, table }) => ({
    ...fromRule(src, priority, table),
    why: "address of nobody known",
  }));
}

function fixedRules(config: RouterConfig, family: 4 | 6): DesiredRule[] {
  const own = ownMark(config);
  const table = config.table;
  const rules: DesiredRule[] = [
    {
      ...blank,
      family,
      priority: priorityOwn,
      fwmark: own,
      fwmask: config.markMask,
      table: directTable(config),
      why: "own tunnel sockets and traffic sent direct",
    },
    {
      ...blank,
      family,
      priority: priorityMarked,
      fwmark: markDocumented,
      fwmask: markDocumented,
      table,
      why: "marked for a tunnel",
    },
  ];
  rules.push(...ownTrafficRules(family));
  if (config.defaultGateway) {
    rules.push({ ...blank, family, priority: priorityDefault, table, why: "default gateway" });
  }
  return rules;
}

/** What the router itself sends is under no rule on a source, whatever prefix that names. */
function ownTrafficRules(family: 4 | 6): DesiredRule[] {
  const past = { ...blank, family, priority: priorityPast, action: actionNothing, table: 0 };
  const own = { ...blank, family, priority: priorityLocal, action: actionGoto };
  return [
    { ...past, why: "where the router's own traffic goes on" },
    { ...own, iif: "lo", table: priorityPast, why: "own traffic passes the rules on sources" },
  ];
}

/** What carries an uplink's mark looks at a table that knows no other. */
function wayRule(config: RouterConfig, family: 4 | 6, name: string, rank: number): DesiredRule {
  return {
    ...blank,
    family,
    priority: priorityOwn,
    fwmark: uplinkMark(config, rank),
    fwmask: config.markMask,
    table: uplinkTable(config, rank),
    why: `answers and own sockets by ${name}`,
  };
}

function sourceRules(
  config: RouterConfig,
  { rule, outcome, ifnames, addresses }: DecidedRule,
): DesiredRule[] {
  const { match } = rule;
  const table = outcome.kind === "direct" ? directTable(config) : config.table;
  switch (match.kind) {
    case "mac":
      return addresses.map((address) => ({
        ...fromRule(makePrefix(address), priorityOfMac(rule), table),
        why: `address of ${match.mac}`,
      }));
    case "address":
      return [addressRule(match.prefix, table)];
    case "iface":
      return ifnames.flatMap((iif) =>
        families.map((family) => ({
          ...blank,
          family,
          priority: rule.isLate ? priorityLate + 1 : priorityIface,
          iif,
          table,
          why: `from interface ${match.iface}`,
        })),
      );
  }
}

/** Addresses of a device that is covered whole are only those that no rule by address decides. */
function priorityOfMac({ isLate, wholeOf }: Rule): number {
  if (isLate) return priorityLate;
  return wholeOf === undefined ? priorityMac : priorityWhole;
}

function addressRule(prefix: string, table: number): DesiredRule {
  const priority = priorityAddress + prefixHostBits(prefix);
  return { ...fromRule(prefix, priority, table), why: `from ${prefix}` };
}

function fromRule(src: string, priority: number, table: number): Omit<DesiredRule, "why"> {
  return { ...blank, family: prefixFamily(src), priority, src, table };
}
