/** The configuration that policy is made from. */
import type { RouterConfig } from "../model/config.js";
import { routerOf } from "../model/config.js";
import { adviseConfig } from "../policy/advise.js";
import { statesByName } from "../policy/outcome.js";
import type { Runner } from "./advice.js";
import type { Core } from "./core.js";
import { locationStates } from "./tunnels.js";

interface Advised {
  readonly core: Core;
  readonly advice: Runner;
}

/** What the file says, and what the script says over it. */
export function configInForce(runner: Runner, config: RouterConfig): RouterConfig {
  if (!runner.isExpected) return config;
  return adviseConfig(config, runner.held, statesByName(locationStates(runner.hooks.tunnels)));
}

/** The same of a running decider; undefined unless it is a router's. */
export function routerInForce({ advice, core }: Advised): RouterConfig | undefined {
  const config = routerOf(core.config);
  return config && configInForce(advice, config);
}
