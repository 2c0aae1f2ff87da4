/** The parts of a running decider, held together. Only ts/engine.ts makes one. */
import type { MoverMessage } from "../host/contract.gen.js";
import type { Runner } from "./advice.js";
import type { ApiSocket } from "./api-socket.js";
import type { Bus } from "./bus.js";
import type { Configuration } from "./configuration.js";
import type { Core } from "./core.js";
import type { Roles } from "./role.js";
import type { Settler } from "./settle.js";
import type { Swap } from "./swap.js";
import type { Originals } from "./state-files.js";
import type { Tunnels } from "./tunnels.js";

export interface Engine {
  readonly core: Core;
  readonly roles: Roles;
  readonly settler: Settler;
  readonly tunnels: Tunnels;
  readonly advice: Runner;
  readonly swap: Swap;
  readonly configuration: Configuration;
  readonly api: ApiSocket;
  readonly bus: Bus;
  originals: Originals;
  /** Sessions that the mover holds, until the configuration tells whose they are. */
  held: Extract<MoverMessage, { type: "session_held" }>[];
  heldExpected: number;
  phase: "starting" | "running" | "stopping";
  /** Where each device's traffic went when last looked at, by device. */
  moves: Map<string, string>;
}
