/**
 * What a router's kernel should hold, from the configuration, the facts and the tunnels' states.
 */
import type { RouterConfig, Rule } from "../model/config.js";
import type { Desired } from "../model/desired.js";
import type { Ip } from "../model/ip.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { DecidedRule } from "./elements.js";
import { routerFlows } from "./flows.js";
import { routerForward } from "./forward.js";
import { routerRules } from "./ip-rules.js";
import { classifyInterfaces } from "./interfaces.js";
import { whereIpv6Is } from "./ipv6.js";
import { addressesHeld, connectedOf } from "./lan.js";
import { indexRules, matchingRules } from "./match.js";
import type { Outcome, States } from "./outcome.js";
import { decideOutcome, statesByName } from "./outcome.js";
import { routerFirewall } from "./router-firewall.js";
import { routerRoutes } from "./routes.js";
import { routerSysctls } from "./sysctls.js";
import { tunAddresses } from "./tun-addresses.js";
import { hasImpostor } from "./tun.js";
import type { Wards } from "./wards.js";
import { freeNames, wardsOf } from "./wards.js";
import { coverWhole } from "./whole.js";

const mtuDefault = 1_500;
/** RFC 8200: every link that carries IPv6. */
const mtuMin = 1_280;

/** Pure: the same arguments give the same answer. */
export function desireRouter(
  configured: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[],
  _nowMs: number,
): Desired {
  const states = statesByName(locations);
  const config = coverWhole(configured, observed, states);
  const wards = wardsOf(config, observed);
  const decided = decideRules({ config, observed, states, wards });
  const fallback = decideFallback(config, states);
  const connected = connectedOf(config, observed);
  const mtu = tunnelMtu(config, locations);
  const interfaces = classifyInterfaces(config, observed);
  const own = tunAddresses(config);
  const routes = routerRoutes(config, observed, states, interfaces);
  const free = freeNames(config, observed, wards);
  const isTunForeign = hasImpostor(config.tunIfname, observed);
  const guarded = { interfaces, mtu, isTunForeign, free };
  const desired = {
    tun: { name: config.tunIfname, offload: config.offload, mtu },
    addresses: own,
    routes,
    rules: routerRules({ config, observed, states, decided, interfaces }),
    firewall: config.noIptables
      ? undefined
      : routerFirewall({ config, states, decided, fallback, ...guarded }),
    sysctls: routerSysctls(config, observed, interfaces),
    forward: routerForward({ config, states, decided, fallback, connected }),
    flows: config.noIptables
      ? undefined
      : routerFlows({ config, observed, states, decided, fallback, routes, addresses: own }),
    listeners: [],
  };
  return whereIpv6Is(config.tunIfname, desired, observed);
}

interface Deciding {
  readonly config: RouterConfig;
  readonly observed: Observed;
  readonly states: States;
  readonly wards: Wards;
}

/** Every rule with where its traffic goes now. */
function decideRules({ config, observed, states, wards }: Deciding): DecidedRule[] {
  const held = addressesHeld(config, observed);
  const index = indexRules(config, wards);
  const addressesOf = (rule: Rule): readonly Ip[] => {
    const { match, wholeOf } = rule;
    const all = match.kind === "mac" ? (held.get(match.mac) ?? []) : [];
    if (match.kind !== "mac" || wholeOf === undefined) return all;
    const { mac } = match;
    return all.filter((address) => matchingRules(index, { mac, address, iface: "" })[0] === rule);
  };
  return config.rules.map((rule) => ({
    rule,
    outcome: decideOutcome(config, states, rule.target, rule.whenDown),
    ifnames: wards.get(rule) ?? [],
    addresses: addressesOf(rule),
  }));
}

/** Where traffic without a rule goes; undefined if adit leaves it alone. */
export function decideFallback(config: RouterConfig, states: States): Outcome | undefined {
  if (!config.defaultGateway) return undefined;
  return decideOutcome(config, states, { kind: "location", name: "" }, { kind: "block" });
}

function tunnelMtu(config: RouterConfig, locations: readonly LocationState[]): number {
  if (config.tunMtu !== 0) return config.tunMtu;
  const offered = locations.map((state) => (state.welcome ?? state.lastWelcome)?.mtu ?? mtuDefault);
  return Math.max(mtuMin, Math.min(mtuDefault, ...offered));
}
