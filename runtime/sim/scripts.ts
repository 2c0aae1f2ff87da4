/**
 * The policy scripts of simulated lives, each with its meaning written down a second time: what it
 * answers for a device at an hour is predicted here without running it.
 */

/** A device as far as these scripts look at it. */
export interface Seen {
  readonly mac: string;
  readonly iface: string;
  /** From the lease file, "" for none. */
  readonly name: string;
}

export type ScriptAnswer =
  /** `whenDown` is `block`, `direct` or a location. */
  | { readonly kind: "via"; readonly location: string; readonly whenDown: string }
  | { readonly kind: "direct" }
  | { readonly kind: "block" }
  /** Left to the rules of the configuration. */
  | { readonly kind: "none" }
  /** The function fails for this device; what was answered before stays. */
  | { readonly kind: "throws" };

export interface ReferenceScript {
  readonly name: string;
  readonly text: string;
  readonly bypass: readonly string[];
  /** False if it must never come into force: it does not load, or fails for everybody. */
  readonly isGood: boolean;
  readonly answer: (device: Seen, hour: number) => ScriptAnswer;
}

type Answerer = ReferenceScript["answer"];

const DIRECT: ScriptAnswer = { kind: "direct" };
const BLOCK: ScriptAnswer = { kind: "block" };
const NONE: ScriptAnswer = { kind: "none" };
const THROWS: ScriptAnswer = { kind: "throws" };
const BYPASS = ["192.0.2.0/24", "2001:db8:99::/48"];

const via = (location: string, whenDown = "block"): ScriptAnswer => ({
  kind: "via", location, whenDown,
});

function text(body: string, names: string): string {
  const first = `import { definePolicy, ${names} } from "adit:policy";`;
  return `${first}\nexport default definePolicy({${body}});\n`;
}

function good(
  name: string, body: string, answer: Answerer, bypass: readonly string[] = [],
): ReferenceScript {
  return { name, text: text(body, "block, direct, via"), bypass, isGood: true, answer };
}

function bad(name: string, source: string): ReferenceScript {
  return { name, text: source, bypass: [], isGood: false, answer: () => THROWS };
}

export const scripts: readonly ReferenceScript[] = [
  good(
    "by hash of the MAC",
    `route({ mac }) {
      const digits = mac.split("").map((letter) => parseInt(letter, 16) || 0);
      return via(["us", "de"][digits.reduce((sum, digit) => sum + digit) % 2]);
    }`,
    ({ mac }) => via(oddBits(mac) ? "de" : "us"),
  ),
  good(
    "by hour",
    `route(device, { now }) {
      return now.hour >= 7 && now.hour < 19 ? via("us") : via("de", { whenDown: "us" });
    }`,
    (_device, hour) => (hour < 7 || hour > 18 ? via("de", "us") : via("us")),
  ),
  good(
    "each hour another",
    'route: (device, { now }) => now.hour % 3 === 0 ? direct() : via(["us", "de"][now.hour % 2])',
    (_device, hour) => (hour % 3 === 0 ? DIRECT : via(hour % 2 === 0 ? "us" : "de")),
  ),
  good(
    "by interface",
    'route: ({ iface }) => iface === "br-guest" ? block() : via("de", { whenDown: "direct" })',
    ({ iface }) => (iface === "br-lan" ? via("de", "direct") : BLOCK),
  ),
  good(
    "blocks some",
    `route({ mac, iface }, { now }) {
      if (mac.endsWith(":20")) return block();
      return iface === "br-guest" && (now.hour >= 22 || now.hour < 6) ? block() : direct();
    }`,
    ({ mac, iface }, hour) => {
      const night = [22, 23, 0, 1, 2, 3, 4, 5].includes(hour);
      return mac.slice(-2) === "20" || (night && iface !== "br-lan") ? BLOCK : DIRECT;
    },
  ),
  good(
    "opens some destinations",
    `route: () => via("us"), bypass: () => ${JSON.stringify(BYPASS)}`,
    () => via("us"),
    BYPASS,
  ),
  good(
    "by name",
    'route: ({ name }) => name === undefined ? undefined : via(name === "tv" ? "de" : "us")',
    ({ name }) => (name === "" ? NONE : via(name === "tv" ? "de" : "us")),
  ),
  good(
    "fails for one",
    `route({ mac }, { now }) {
      if (!mac.endsWith(":40")) return via("de", { whenDown: "us" });
      if (now.hour % 2 === 1) throw new Error("an odd hour");
      return direct();
    }`,
    ({ mac }, hour) => {
      if (mac.slice(-2) !== "40") return via("de", "us");
      return hour % 2 === 0 ? DIRECT : THROWS;
    },
  ),
  good(
    "leaves one out",
    'route: ({ mac }) => mac.endsWith(":40") ? undefined : direct()',
    ({ mac }) => (mac.slice(-2) === "40" ? NONE : DIRECT),
  ),
];

/** What an owner may send by mistake; each is refused before it has any effect on a device. */
export const badScripts: readonly ReferenceScript[] = [
  bad("no program", "export default definePolicy({"),
  bad("imports too much", 'import { x } from "adit:host";\nexport default {};\n'),
  bad("fails for everybody", text('route() { throw new Error("never"); }', "via")),
  bad("answers rubbish", text('route: () => ({ action: "via", location: "mars" })', "via")),
];

/** True if the hexadecimal digits have an odd sum: those are odd whose last bit is set. */
function oddBits(mac: string): boolean {
  const odd = [...mac].filter((letter) => "13579bdf".includes(letter));
  return odd.length % 2 === 1;
}

/** What a lease file names, by MAC. */
export function leasesText(names: ReadonlyMap<string, string>): string {
  const lines = [...names].map(([mac, name]) => `1999999999 ${mac} 192.168.1.9 ${name} *`);
  return [...lines, "rubbish", ""].join("\n");
}

/** A time zone as the configuration has it, with the offset that holds at a time. */
export interface Zone {
  readonly text: string;
  readonly offsetMin: (unixS: number) => number;
}

export const zones: readonly Zone[] = [
  { text: "UTC0", offsetMin: () => 0 },
  { text: "<+0530>-5:30", offsetMin: () => 330 },
  {
    text: "CET-1CEST,M3.5.0,M10.5.0/3",
    offsetMin: (unixS) => {
      const year = new Date(unixS * 1_000).getUTCFullYear();
      return unixS >= summerS(year, 2) && unixS < summerS(year, 9) ? 120 : 60;
    },
  },
];

export function hourAt(zone: Zone, unixS: number): number {
  return new Date((unixS + zone.offsetMin(unixS) * 60) * 1_000).getUTCHours();
}

/** The last Sunday of a month, at one o'clock in Greenwich: when summer begins and ends. */
export function summerS(year: number, month: number): number {
  const lastDay = new Date(Date.UTC(year, month + 1, 0, 1));
  return lastDay.getTime() / 1_000 - lastDay.getUTCDay() * 86_400;
}
