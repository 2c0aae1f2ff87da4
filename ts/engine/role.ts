/** What a role makes of the engine. ts/roles has a row for each, and ts/engine.ts puts them in. */
import type { MoverMessage, SessionStats } from "../host/contract.gen.js";
import type { Config, GatewayConfig, RouterConfig } from "../model/config.js";
import type { Desired } from "../model/desired.js";

type Message<T extends MoverMessage["type"]> = Extract<MoverMessage, { type: T }>;

/** What the mover counted, by session. */
export type BySession = ReadonlyMap<number, SessionStats>;

/** Called while a configuration of this role is in force. */
export interface Role<C extends Config> {
  /** A configuration came in force, the first or another one. */
  readonly configure: (config: C) => void;
  /** A session that the mover held while the decider was restarted. */
  readonly takeOver: (held: Message<"session_held">) => void;
  /** The kernel is as desired for the first time, or was when another configuration came. */
  readonly start: () => void;
  /** Ends all sessions. */
  readonly stop: () => void;
  readonly desire: (config: C) => Desired;
  /** What stays in the kernel when the program ends. */
  readonly desireStopped: (config: C) => Desired;
  /** A plan is about to be carried out: what it relies on is written down first. */
  readonly beforeApply: (config: C, done: () => void) => void;
  /** A configuration begins to hold: warns of what it says and cannot have here. */
  readonly warn: (config: C) => void;
  /** The kernel is as desired, once more. */
  readonly onSettled: (config: C) => void;
  readonly onSession: (message: Message<"session_state">) => void;
  readonly onControl: (message: Message<"session_control">) => void;
  /** Its fields of the status. */
  readonly status: (config: C, bySession: BySession) => object;
}

export interface Roles {
  readonly router: Role<RouterConfig>;
  /** Undefined in a build without it; no configuration is read as one then. */
  readonly gateway: Role<GatewayConfig> | undefined;
}

/** The row of the configuration's role: the one place where a role is asked for by its name. */
export function roleOf(roles: Roles, { role }: Config): Role<Config> {
  const row = roles[role];
  if (row === undefined) throw new Error(`no ${role} in this build`);
  return row as Role<Config>;
}
