/** What stays in the kernel when the program ends. */
import type { Config } from "../model/config.js";
import type { Desired, DesiredFirewall, DesiredRoute, FirewallElement } from "../model/desired.js";
import { flowsPast } from "../model/desired.js";
import { protocolOurs, routeBlackhole } from "../model/kernel.js";
import type { Observed } from "../model/observed.js";
import { desireGateway } from "./gateway.js";
import { desireRouter } from "./router.js";

/** Originals are the sysctl values found before adit wrote its own, by key. */
export function desireStopped(
  config: Config,
  observed: Observed,
  originals: ReadonlyMap<string, string>,
): Desired {
  const nothing: Desired = {
    tun: undefined,
    addresses: [],
    routes: [],
    rules: [],
    firewall: undefined,
    sysctls: originals,
    forward: { byDestination: config.role === "gateway", hairpin: false, entries: [] },
    flows: config.role === "router" && !config.noIptables ? flowsPast : undefined,
    listeners: [],
  };
  return config.onStop === "restore" ? nothing : { ...nothing, ...blocked(config, observed) };
}

/** The block alone: routes without an interface, the rules that lead to them, and the guard. */
function blocked(config: Config, observed: Observed): Partial<Desired> {
  if (config.role === "gateway") {
    const { firewall, sysctls } = desireGateway(config, observed, []);
    return { firewall, sysctls };
  }
  const { routes, rules, firewall, sysctls } = desireRouter(config, observed, [], 0);
  const computed = routes.filter(
    (route) => route.oif !== config.tunIfname && route.kind !== routeBlackhole,
  );
  return {
    routes: [...computed, ...blackholesOf(observed)],
    rules,
    flows: undefined,
    firewall: asFound(observed) ?? firewall,
    sysctls,
  };
}

/** Inner addresses that were in use: answers to them may still be on their way. */
function blackholesOf(observed: Observed): DesiredRoute[] {
  const found = [...observed.routes.values()].filter(
    (route) => route.protocol === protocolOurs && route.kind === routeBlackhole,
  );
  return found.map(({ protocol: _protocol, ...route }) => ({ ...route, oif: "" }));
}

/** The guard that is there holds without us: loading another one would only be a risk. */
function asFound({ firewall }: Observed): DesiredFirewall | undefined {
  if (firewall.kind !== "present") return undefined;
  const elements = new Map<string, FirewallElement>();
  for (const [text, value] of firewall.elements) {
    const [map = "", key = ""] = text.split(" ");
    elements.set(text, { map, key, value });
  }
  return { script: "", structure: firewall.structure, elements };
}
