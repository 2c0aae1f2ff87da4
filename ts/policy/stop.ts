/** What stays in the router's kernel when the program ends. */
import type { RouterConfig } from "../model/config.js";
import type { Desired, DesiredFirewall, DesiredRoute, FirewallElement } from "../model/desired.js";
import { desireNothing, flowsPast } from "../model/desired.js";
import { protocolOurs, routeBlackhole } from "../model/kernel.js";
import type { Observed } from "../model/observed.js";
import { desireRouter } from "./router.js";

/** Nothing, or the block: routes without an interface, the rules to them, and the guard. */
export function desireRouterStopped(
  config: RouterConfig,
  observed: Observed,
  originals: ReadonlyMap<string, string>,
): Desired {
  const nothing = desireNothing(originals);
  const flows = config.noIptables ? undefined : flowsPast;
  if (config.onStop === "restore") return { ...nothing, flows };
  const { routes, rules, firewall, sysctls } = desireRouter(config, observed, [], 0);
  const computed = routes.filter(
    (route) => route.oif !== config.tunIfname && route.kind !== routeBlackhole,
  );
  return {
    ...nothing,
    routes: [...computed, ...blackholesOf(observed)],
    rules,
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
