/** The rows of the roles that this build has. */
import { hasGateway } from "../model/features.js";
import type { Config } from "../model/config.js";
import { gatewayRole } from "./gateway.js";
import type { ConfigRole } from "./role.js";
import { routerRole } from "./router-role.js";

const rows = { router: routerRole, gateway: hasGateway ? gatewayRole : undefined };

/** Undefined if this build has no such role. */
export function configRole(role: Config["role"]): ConfigRole<Config> | undefined {
  return rows[role] as ConfigRole<Config> | undefined;
}
