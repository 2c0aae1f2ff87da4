/**
 * Asks a policy about a world. A function of the script that throws or answers rubbish is reported
 * and costs only its own answer. The result is JSON text, put together by hand where it is long:
 * a thousand answers in the general serializer cost more than all the rest.
 */
import { aText, expect, isText, mistake } from "./check.js";
import { createFailures, type Failures } from "./failures.js";
import { bypassMax, peersMax, whyCharsMax } from "./limits.js";
import { takeLog, warn } from "./log.js";
import {
  createScene, expectedWhere, isPersonal, isWhere, namesIn, resolve, type Scene,
} from "./picks.js";
import { parsePrefix } from "./prefix.js";
import { during } from "./schedule.js";
import type {
  Device, Location, Pick, Policy, Route, Scheduled, Via, Where, World,
} from "./types.js";

/** Different answers whose text one call remembers; scripts use few. */
const tailsMax = 64;

/** The answer to a `decide` call, as JSON. */
export function decide(policy: Policy, world: World): string {
  const failures = createFailures();
  const parts: string[] = [];
  if (policy.route) parts.push(`"routes":[${decideRoutes(policy, world, failures)}]`);
  if (policy.bypass) addPart(parts, "bypass", decideBypass(policy, world, failures));
  if (policy.selectPeer) addPart(parts, "peers", decidePeers(policy, world, failures));
  if (failures.list.length > 0) addPart(parts, "failed", failures.list);
  addPart(parts, "log", takeLog());
  return `{${parts.join(",")}}`;
}

function addPart(parts: string[], name: string, value: unknown): void {
  if (value !== undefined) parts.push(`"${name}":${JSON.stringify(value)}`);
}

/** What describing the answers of one call needs besides the answer. */
interface Setting {
  readonly world: World;
  readonly scene: Scene;
  /** Answers that were described, by identity. */
  readonly tails: Map<Route, string>;
  /** For the members of a choice: what was answered for each location that it came to. */
  readonly chosen: Map<readonly Where[], Map<string, string>>;
  /** Names in choices that the world does not have. */
  readonly missing: Set<string>;
}

function decideRoutes(policy: Policy, world: World, failures: Failures): string {
  const scene = createScene(world.location);
  const setting: Setting = {
    world, scene, tails: new Map(), chosen: new Map(), missing: new Set(),
  };
  let text = "";
  for (const device of world.devices) {
    let isAnswered = false;
    try {
      const route = policy.route?.(device, world);
      if (route === undefined) continue;
      isAnswered = true;
      const tail = setting.tails.get(route) ?? describeRoute(route, device, setting);
      text += `${text === "" ? "" : ","}{"mac":"${device.mac}",${tail}}`;
    } catch (error) {
      failures.add({ in: "route", mac: device.mac }, error, isAnswered);
    }
  }
  for (const name of setting.missing) warn(`a choice names ${name}, which is no location here`);
  return text;
}

/** The answer as JSON without its braces and MAC. */
function describeRoute(route: Route, device: Device, setting: Setting): string {
  let final = route;
  let why: string | undefined;
  while (final?.action === "schedule") {
    const time = timeOf(final, setting.world);
    why = time?.span ?? why;
    final = time?.route ?? final.otherwise;
  }
  const action = final?.action;
  const isRoute = action === "via" || action === "direct" || action === "block";
  expect(isRoute, "route", final, "via(…), direct(), block(), schedule(…) or nothing");
  const tail = action === "via" ? describeVia(final as Via, device, setting, why)
    : `"action":"${action}"${describeWhy(final.why ?? why)}`;
  if (setting.tails.size < tailsMax && !isPersonalRoute(final) && Object.isFrozen(route)) {
    setting.tails.set(route, tail);
  }
  return tail;
}

const timeOf = ({ times }: Scheduled, { now }: World): Scheduled["times"][number] | undefined =>
  times.find(({ span }) => during(now, span));

const isPersonalRoute = (route: Route): boolean =>
  route.action === "via" && (isPersonal(route.location) || isPersonal(route.whenDown));

function describeVia(route: Via, device: Device, setting: Setting, time?: string): string {
  const { location: where, whenDown, why } = route;
  const isPlain = whenDown === undefined && why === undefined && time === undefined;
  if (isPlain && !isText(where)) return describeChoice(where, device, setting);
  const name = choose("via", where, device, setting);
  let text = describePlace(name);
  if (whenDown !== undefined) {
    const isWord = whenDown === "block" || whenDown === "direct";
    const down = isWord ? whenDown : choose("whenDown", whenDown, device, setting);
    // A location that stands in for itself blocks while it is down, as one without a stand-in.
    if (down !== name) text += `,"when_down":${JSON.stringify(down)}`;
  }
  if (!isText(where)) noteChoice(where, setting);
  const reasons = [time, isText(where) ? undefined : labelOf(where)];
  return text + describeWhy(why ?? reasons.filter((one) => one !== undefined).join(", "));
}

/** Each device has its own choice of `balance`, but all of them come to a few locations. */
function describeChoice(where: Pick, device: Device, setting: Setting): string {
  const known = setting.chosen.get(where?.of);
  const old = known?.get(resolve(where, setting.scene, device));
  if (old !== undefined) return old;
  const name = choose("via", where, device, setting);
  const text = describePlace(name) + describeWhy(labelOf(where));
  noteChoice(where, setting).set(name, text);
  return text;
}

const describePlace = (name: string): string => `"action":"via","location":${JSON.stringify(name)}`;

const labelOf = (where: Pick): string => `${where.pick} of ${namesIn(where).join(", ")}`;

/** Looks once at the names of a choice, for those that do not exist. */
function noteChoice(where: Pick, { world, chosen, missing }: Setting): Map<string, string> {
  const old = chosen.get(where.of);
  if (old !== undefined) return old;
  for (const name of namesIn(where)) if (!world.location(name)) missing.add(String(name));
  const texts = new Map<string, string>();
  if (chosen.size < tailsMax) chosen.set(where.of, texts);
  return texts;
}

function describeWhy(why: string | undefined): string {
  if (why === undefined || why === "") return "";
  return `,"why":${JSON.stringify(aText("why", why).slice(0, whyCharsMax))}`;
}

function choose(place: string, where: Where, device: Device, setting: Setting): string {
  const { world, scene } = setting;
  expect(isWhere(where), place, where, expectedWhere);
  const name = resolve(where, scene, device);
  if (world.location(name) !== undefined) return name;
  throw mistake(place, name, `one of ${world.locations.map((one) => one.name).join(", ")}`);
}

function decideBypass(policy: Policy, world: World, failures: Failures): string[] | undefined {
  let isAnswered = false;
  try {
    const prefixes = policy.bypass?.(world);
    isAnswered = true;
    return aList("bypass", prefixes, bypassMax, (prefix) => {
      parsePrefix(prefix as string);
      return prefix as string;
    });
  } catch (error) {
    failures.add({ in: "bypass" }, error, isAnswered);
    return undefined;
  }
}

function decidePeers(
  policy: Policy, world: World, failures: Failures,
): { [location: string]: string[] } {
  const chosen: [string, string[]][] = [];
  for (const location of world.locations) {
    if (location.peers.length === 0) continue;
    let isAnswered = false;
    try {
      const answer = policy.selectPeer?.(location, location.peers, world);
      isAnswered = true;
      if (answer !== undefined) chosen.push([location.name, peersOf(location, answer)]);
    } catch (error) {
      failures.add({ in: "selectPeer", location: location.name }, error, isAnswered);
    }
  }
  return Object.fromEntries(chosen);
}

function peersOf({ peers }: Location, answer: string | readonly string[]): string[] {
  const list = isText(answer) ? [answer] : answer;
  const chosen = aList("selectPeer", list, peersMax, (peer) => {
    expect(peers.includes(peer as string), "selectPeer", peer, `one of ${peers.join(", ")}`);
    return peer as string;
  });
  expect(chosen.length > 0, "selectPeer", list, "at least one peer, or nothing");
  return [...new Set(chosen)];
}

/** A bounded array whose members pass the check. */
export function aList<T>(
  place: string, value: unknown, lengthMax: number, check: (member: unknown) => T,
): T[] {
  expect(Array.isArray(value), place, value, "an array");
  const list = value as unknown[];
  expect(list.length <= lengthMax, `${place}: length`, list.length, `at most ${lengthMax}`);
  // Made here, so that it has the methods of arrays whatever the script's own array has.
  const result: T[] = [];
  for (let i = 0; i < list.length; i += 1) result.push(check(list[i]));
  return result;
}
