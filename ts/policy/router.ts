/**
 * What a router's kernel should hold, from the configuration, the facts and the tunnels' states.
 */
import type { RouterConfig } from "../model/config.js";
import type { Desired } from "../model/desired.js";
import type { LocationState, Observed } from "../model/observed.js";
import type { DecidedRule } from "./elements.js";
import { routerFlows } from "./flows.js";
import { routerForward } from "./forward.js";
import { routerRules } from "./ip-rules.js";
import { classifyInterfaces } from "./interfaces.js";
import { whereIpv6Is } from "./ipv6.js";
import { addressesHeld, connectedOf } from "./lan.js";
import type { Outcome, States } from "./outcome.js";
import { decideOutcome, statesByName } from "./outcome.js";
import { routerFirewall } from "./router-firewall.js";
import { routerRoutes } from "./routes.js";
import { routerSysctls } from "./sysctls.js";
import { tunAddresses } from "./tun-addresses.js";
import { hasImpostor } from "./tun.js";
import type { Wards } from "./wards.js";
import { freeNames, wardsOf } from "./wards.js";

const mtuDefault = 1_500;
/** RFC 8200: every link that carries IPv6. */
const mtuMin = 1_280;

/** Pure: the same arguments give the same answer. */
export function desireRouter(
  config: RouterConfig,
  observed: Observed,
  locations: readonly LocationState[],
  _nowMs: number,
): Desired {
  const states = statesByName(locations);
  const wards = wardsOf(config, observed);
  const decided = decideRules(config, states, wards);
  const fallback = decideFallback(config, states);
  const addresses = addressesHeld(config, observed);
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
    rules: routerRules({ config, observed, states, decided, addresses, interfaces }),
    firewall: config.noIptables
      ? undefined
      : routerFirewall({ config, states, decided, fallback, ...guarded }),
    sysctls: routerSysctls(config, observed, interfaces),
    forward: routerForward({ config, states, decided, fallback, addresses, connected }),
    flows: config.noIptables
      ? undefined
      : routerFlows({ config, observed, states, decided, fallback, routes, addresses: own }),
    listeners: [],
  };
  return whereIpv6Is(config.tunIfname, desired, observed);
}

/** Every rule with where its traffic goes now. */
function decideRules(config: RouterConfig, states: States, wards: Wards): DecidedRule[] {
  return config.rules.map((rule) => ({
    rule,
    outcome: decideOutcome(config, states, rule.target, rule.whenDown),
    ifnames: wards.get(rule) ?? [],
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
