/** Routing policy rules: which source looks at which table. */
import type { RouterConfig } from "../model/config.js";
import type { DesiredRule } from "../model/desired.js";
import type { Ip, Mac } from "../model/ip.js";
import { makePrefix, prefixFamily, prefixLength } from "../model/ip.js";
import {
  actionTable,
  markDocumented,
  priorityAddress,
  priorityBypass,
  priorityDefault,
  priorityIface,
  priorityLate,
  priorityMac,
  priorityMarked,
  priorityOwn,
} from "../model/kernel.js";
import type { DecidedRule } from "./elements.js";
import { ownMark } from "./marks.js";
import { directTable } from "./routes.js";

const families = [4, 6] as const;

const blank = {
  src: "",
  dst: "",
  iif: "",
  fwmark: 0,
  fwmask: 0,
  action: actionTable,
  invert: false,
};

export function routerRules(
  config: RouterConfig,
  decided: readonly DecidedRule[],
  addresses: ReadonlyMap<Mac, readonly Ip[]>,
): DesiredRule[] {
  return [
    ...families.flatMap((family) => fixedRules(config, family)),
    ...(config.bypass ?? []).map((dst) => ({
      ...blank,
      family: prefixFamily(dst),
      priority: priorityBypass,
      dst,
      table: directTable(config),
      why: "past all tunnels",
    })),
    ...decided.flatMap((row) => sourceRules(config, row, addresses)),
  ];
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
  if (config.defaultGateway) {
    rules.push({ ...blank, family, priority: priorityDefault, table, why: "default gateway" });
  }
  return rules;
}

function sourceRules(
  config: RouterConfig,
  { rule, outcome }: DecidedRule,
  addresses: ReadonlyMap<Mac, readonly Ip[]>,
): DesiredRule[] {
  const { match } = rule;
  const table = outcome.kind === "direct" ? directTable(config) : config.table;
  switch (match.kind) {
    case "mac":
      return (addresses.get(match.mac) ?? []).map((address) => ({
        ...fromRule(makePrefix(address), rule.isLate ? priorityLate : priorityMac, table),
        why: `address of ${match.mac}`,
      }));
    case "address":
      return [addressRule(match.prefix, table)];
    case "iface":
      return families.map((family) => ({
        ...blank,
        family,
        priority: rule.isLate ? priorityLate + 1 : priorityIface,
        iif: match.iface,
        table,
        why: `from interface ${match.iface}`,
      }));
  }
}

function addressRule(prefix: string, table: number): DesiredRule {
  const bits = prefixFamily(prefix) === 4 ? 32 : 128;
  const priority = priorityAddress + bits - prefixLength(prefix);
  return { ...fromRule(prefix, priority, table), why: `from ${prefix}` };
}

function fromRule(src: string, priority: number, table: number): Omit<DesiredRule, "why"> {
  return { ...blank, family: prefixFamily(src), priority, src, table };
}
