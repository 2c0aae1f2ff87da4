/** What stays in the kernel when a program of either role ends. */
import type { Config } from "../../../ts/model/config.js";
import type { Desired } from "../../../ts/model/desired.js";
import type { Observed } from "../../../ts/model/observed.js";
import { desireGatewayStopped } from "../../../ts/policy/gateway.js";
import { desireRouterStopped } from "../../../ts/policy/stop.js";

export function desireStopped(
  config: Config,
  observed: Observed,
  originals: ReadonlyMap<string, string>,
): Desired {
  return config.role === "router"
    ? desireRouterStopped(config, observed, originals)
    : desireGatewayStopped(config, observed, originals);
}
