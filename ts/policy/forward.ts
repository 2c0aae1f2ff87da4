/** The mover's forward table of a router: which source address belongs to which tunnel. */
import type { RouterConfig } from "../model/config.js";
import type { DesiredForward } from "../model/desired.js";
import type { Ip, Prefix } from "../model/ip.js";
import { makePrefix, prefixAddress, prefixContains } from "../model/ip.js";
import { markIndexOwn } from "../model/kernel.js";
import { forwardEntriesMax } from "../model/limits.js";
import type { Welcome } from "../model/observed.js";
import type { DecidedRule } from "./elements.js";
import { placeholders } from "./elements.js";
import type { Connected } from "./lan.js";
import type { Outcome, States } from "./outcome.js";
import { stateAt } from "./outcome.js";

export interface ForwardInput {
  readonly config: RouterConfig;
  readonly states: States;
  readonly decided: readonly DecidedRule[];
  readonly fallback: Outcome | undefined;
  readonly connected: readonly Connected[];
}

export function routerForward(input: ForwardInput): DesiredForward {
  const slots = new Map<Prefix, number>();
  const add = (prefix: Prefix, slot: number): void => {
    if (prefix !== "" && !slots.has(prefix) && slots.size < forwardEntriesMax) {
      slots.set(prefix, slot);
    }
  };
  addLocations(input, add);
  if (input.config.noIptables) addDevices(input, add);
  const entries = [...slots].map(([prefix, slot]) => ({ prefix, slot }));
  return { byDestination: false, hairpin: false, entries };
}

type Add = (prefix: Prefix, slot: number) => void;

/** Addresses in force before remembered ones: a gateway may have given ours to another location. */
function addLocations({ config, states }: ForwardInput, add: Add): void {
  const each = (pick: (index: number) => readonly Ip[]): void => {
    config.locations.forEach((_, at) => {
      for (const address of pick(at + 1)) add(address && makePrefix(address), at + 1);
    });
  };
  each((index) => welcomeAddresses(stateAt(config, states, index)?.welcome));
  each((index) => welcomeAddresses(stateAt(config, states, index)?.lastWelcome));
  each((index) => {
    const { addr4, addr6 } = placeholders(index);
    return [addr4, addr6];
  });
}

function welcomeAddresses(welcome: Welcome | undefined): Ip[] {
  return welcome === undefined ? [] : [welcome.addr4, welcome.addr6].map(prefixAddress);
}

/**
 * Without firewall rules packets keep their source: MAC before address before interface. No tunnel
 * ever serves the slot of what is blocked.
 */
function addDevices(input: ForwardInput, add: Add): void {
  for (const kind of ["mac", "address", "iface"] as const) {
    for (const row of input.decided) {
      const { rule, outcome } = row;
      if (rule.match.kind !== kind || outcome.kind === "direct") continue;
      const slot = outcome.kind === "tunnel" ? outcome.index : markIndexOwn;
      for (const prefix of sourcesOf(row, input)) add(prefix, slot);
    }
  }
  const { fallback, config } = input;
  if (fallback?.kind !== "tunnel") return;
  if (!config.noSocketSetup) add(makePrefix(config.tunAddr), fallback.index);
  for (const { prefix } of uncovered(input)) add(prefix, fallback.index);
}

function sourcesOf({ rule, ifnames, addresses }: DecidedRule, input: ForwardInput): Prefix[] {
  const { match } = rule;
  switch (match.kind) {
    case "mac":
      return addresses.map((address) => makePrefix(address));
    case "address":
      return [match.prefix];
    case "iface":
      return uncovered(input)
        .filter(({ ifname }) => ifnames.includes(ifname))
        .map(({ prefix }) => prefix);
  }
}

/** The longest prefix wins in the mover, so a network below an address rule must not be listed. */
function uncovered({ connected, decided }: ForwardInput): Connected[] {
  return connected.filter(({ prefix }) =>
    decided.every(
      ({ rule: { match } }) => match.kind !== "address" || !prefixContains(match.prefix, prefix),
    ),
  );
}
