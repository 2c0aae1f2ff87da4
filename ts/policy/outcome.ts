/** Where a rule's traffic goes now, given the state of its tunnel. */
import type { RouterConfig, Target, WhenDown } from "../model/config.js";
import type { LocationState } from "../model/observed.js";

/** A location's index is its position in the configuration, from 1. */
export type Outcome =
  | { readonly kind: "direct" }
  | { readonly kind: "block" }
  /** Blocked traffic stays with its tunnel: the mover drops it until a session serves the slot. */
  | { readonly kind: "tunnel"; readonly index: number; readonly blocked: boolean };

export type States = ReadonlyMap<string, LocationState>;

export function statesByName(locations: readonly LocationState[]): States {
  return new Map(locations.map((state) => [state.name, state]));
}

/**
 * Index of a location, from 1; an empty name is the default one. Parsing has checked that it
 * exists.
 */
export function indexOf(config: RouterConfig, name: string): number {
  const wanted = name || config.vlDefault;
  if (wanted === "") return 1;
  const at = config.locations.findIndex((location) => location.name === wanted);
  if (at < 0) throw new Error(`location ${wanted} is not configured`);
  return at + 1;
}

/** Only a tunnel known to be down gives way: a redial moves nothing in the kernel. */
export function decideOutcome(
  config: RouterConfig,
  states: States,
  target: Target,
  whenDown: WhenDown,
): Outcome {
  if (target.kind !== "location") return target;
  const index = indexOf(config, target.name);
  if (!isDown(config, states, index) || whenDown.kind === "block") {
    return via(config, states, index);
  }
  if (whenDown.kind === "direct") return whenDown;
  const other = indexOf(config, whenDown.name);
  return via(config, states, isDown(config, states, other) ? index : other);
}

function via(config: RouterConfig, states: States, index: number): Outcome {
  return { kind: "tunnel", index, blocked: stateAt(config, states, index)?.state !== "up" };
}

function isDown(config: RouterConfig, states: States, index: number): boolean {
  return stateAt(config, states, index)?.state === "down";
}

export function stateAt(
  config: RouterConfig,
  states: States,
  index: number,
): LocationState | undefined {
  return states.get(config.locations[index - 1]?.name ?? "");
}
