/** The answers of a policy and the effects that it may ask for. */
import { aText, expect, freeze, isText, keeper } from "./check.js";
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
  const whenDown = options?.whenDown;
  const why = options?.why;
  if (!isText(where) && where?.key !== undefined) return ownVia(where, whenDown, why);
  const words = options === undefined ? [where] : [where, whenDown, why];
  return kept(words).value ??= newVia(where, whenDown, why);
}

const kept = keeper<Via>();

/** Each device makes its own choice of `balance`: to keep those would drive out all others. */
function ownVia(location: Pick, whenDown?: WhenDown, why?: string): Via {
  const isPlain = whenDown === undefined && why === undefined;
  return isPlain ? freeze({ action: "via", location }) : newVia(location, whenDown, why);
}

function newVia(location: Where, whenDown?: WhenDown, why?: string): Via {
  expect(isWhere(location), "via", location, expectedWhere);
  const isRight = whenDown === undefined || isWhere(whenDown);
  expect(isRight, "via: whenDown", whenDown, `"block", "direct", ${expectedWhere}`);
  return freeze({
    action: "via",
    location,
    ...(whenDown !== undefined && { whenDown }),
    ...reason("via", why),
  });
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
  return freeze({ action: "direct", ...reason("direct", options.why) });
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
  return freeze({ action: "block", ...reason("block", options.why) });
}

function reason(place: string, why?: string): { why?: string } {
  return why === undefined ? {} : { why: aText(`${place}: why`, why) };
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
