/** The answers of a policy and the effects that it may ask for. */
import { aText, expect, freeze, isText, memo } from "./check.js";
import { redecideSecondsMax } from "./limits.js";
import { expectedWhere, isWhere } from "./picks.js";
import type {
  Block, Direct, Notify, Pick, Reconnect, Redecide, Via, WhenDown, Where,
} from "./types.js";

/** What may be said with any answer. */
export interface AnswerOptions {
  /** The reason, shown by `adit explain` and `adit policy try`. */
  readonly why?: string;
}

/** What may be said with `via`. */
export interface ViaOptions extends AnswerOptions {
  /** While the location is down: `block` (the default), `direct`, or another location. */
  readonly whenDown?: WhenDown;
}

const plainVia = memo((location): Via => freeze({ action: "via", location }));

/**
 * Sends a device through a location.
 *
 * @param where - the name of a location, or a choice: `firstUp`, `fastest`, `balance` and so on
 *
 * @example
 * ```ts
 * via("us")
 * via("us", { whenDown: "direct" })
 * via(fastest("us", "ca"), { whenDown: "de", why: "television" })
 * ```
 */
export function via(where: Where, options?: ViaOptions): Via {
  expect(isWhere(where), "via", where, expectedWhere);
  if (options === undefined) return isText(where) ? plainVia(where) : chosenVia(where);
  const { whenDown, why } = options;
  const route: Writable<Via> = { action: "via", location: where };
  if (whenDown !== undefined) {
    expect(isWhere(whenDown), "via: whenDown", whenDown, `"block", "direct", ${expectedWhere}`);
    route.whenDown = whenDown;
  }
  if (why !== undefined) route.why = aText("via: why", why);
  return freeze(route);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const chosenVias = new Map<Pick, Via>();
const chosenViasMax = 64;

/** One object for each choice, except where every device makes its own. */
function chosenVia(location: Pick): Via {
  const isOwn = location.key !== undefined;
  const old = isOwn ? undefined : chosenVias.get(location);
  if (old !== undefined) return old;
  const route: Via = freeze({ action: "via", location });
  if (isOwn) return route;
  if (chosenVias.size >= chosenViasMax) chosenVias.clear();
  chosenVias.set(location, route);
  return route;
}

const plainDirect: Direct = freeze({ action: "direct" });
const plainBlock: Block = freeze({ action: "block" });

/**
 * Sends a device past all tunnels, in clear. Where a rule of the configuration protects the device,
 * that rule stays: a script may not open what the configuration closed.
 *
 * @example
 * ```ts
 * byName(device, "printer-*") ? direct() : via("de")
 * ```
 */
export function direct(options?: AnswerOptions): Direct {
  if (options === undefined) return plainDirect;
  return freeze({ action: "direct", ...reason("direct", options) });
}

/**
 * Lets a device go nowhere.
 *
 * @example
 * ```ts
 * block({ why: "bedtime" })
 * ```
 */
export function block(options?: AnswerOptions): Block {
  if (options === undefined) return plainBlock;
  return freeze({ action: "block", ...reason("block", options) });
}

function reason(place: string, options?: AnswerOptions): { why?: string } {
  return options?.why === undefined ? {} : { why: aText(`${place}: why`, options.why) };
}

/**
 * Effect: tells the owner something.
 *
 * @example
 * ```ts
 * onEvent(event) {
 *   if (event.type === "joined") return notify(`${event.mac} is new here`);
 * }
 * ```
 */
export function notify(text: string): Notify {
  return freeze({ effect: "notify", text: aText("notify", text) });
}

/**
 * Effect: ends the tunnels of a location, so that they are dialled again.
 *
 * @example
 * ```ts
 * onEvent(event, world) {
 *   if (event.type === "uplink" && event.up) return world.locations.map((l) => reconnect(l.name));
 * }
 * ```
 */
export function reconnect(location: string): Reconnect {
  return freeze({ effect: "reconnect", location: aText("reconnect", location) });
}

/**
 * Effect: asks for another decision after some seconds, 1 to 86,400. Decisions are made anyway
 * when something changes, and once in a minute.
 *
 * @example
 * ```ts
 * onEvent(event) {
 *   if (event.type === "joined") return redecide(30);
 * }
 * ```
 */
export function redecide(afterS: number): Redecide {
  const isRight = Number.isInteger(afterS) && afterS >= 1 && afterS <= redecideSecondsMax;
  expect(isRight, "redecide", afterS, `whole seconds from 1 to ${redecideSecondsMax}`);
  return freeze({ effect: "redecide", afterS });
}
