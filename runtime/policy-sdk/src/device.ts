/** Who a device is: by its MAC, its maker or its name. */
import { expect, isText, memo } from "./check.js";
import type { Device } from "./types.js";

/**
 * Whether the device's MAC is one of these, in any spelling.
 *
 * @example
 * ```ts
 * byMac(device, "B8:27:EB:00:00:01", "b8-27-eb-00-00-02")
 * ```
 */
export function byMac(device: Device, ...macs: string[]): boolean {
  return macs.some((text) => {
    const mac = spellMac(text);
    expect(mac.length === macChars, "byMac", text, "a MAC such as b8:27:eb:00:00:01");
    return device.mac === mac;
  });
}

/**
 * Whether the device's MAC begins with one of these prefixes, as makers of network cards have them:
 * 6, 7 or 9 digits, in any spelling. Phones and laptops that invent their MAC have no maker; see
 * `isRandomized`.
 *
 * @example
 * ```ts
 * vendor(device, "b8:27:eb", "dc:a6:32", "2c:cf:67")
 * ```
 */
export function vendor(device: Device, ...prefixes: string[]): boolean {
  return prefixes.some((prefix) => device.mac.startsWith(spellMac(prefix)));
}

/**
 * Whether the MAC was made up by the device, as phones do for each network and virtual machines
 * always do: the bit for local administration is set.
 *
 * @example
 * ```ts
 * if (isRandomized(device)) return via("guest");
 * ```
 */
export function isRandomized(device: Device): boolean {
  return "2367abef".includes(device.mac[1] as string);
}

/**
 * Whether the name that the device gave to DHCP fits one of the patterns: `*` stands for any text,
 * `?` for one character, case does not count. A device without a name fits none. Names are claims:
 * what must be certain goes by MAC.
 *
 * @example
 * ```ts
 * byName(device, "tv-*", "chromecast*", "appletv?")
 * ```
 */
export function byName(device: Device, ...patterns: string[]): boolean {
  const name = device.name?.toLowerCase();
  if (name === undefined) return false;
  for (let i = 0; i < patterns.length; i += 1) {
    if (fits(name, lowerPattern(patterns[i] as string))) return true;
  }
  return false;
}

const lowerPattern = memo((pattern) => {
  expect(isText(pattern), "byName", pattern, "a pattern");
  return pattern.toLowerCase();
});

const macDigits = 12;
const macChars = 17;

/** A MAC or its beginning as worlds spell it: lower case, a colon after every second digit. */
export const spellMac = memo((text: string): string => {
  expect(isText(text), "MAC", text, expectedMac);
  const digits = [...text.toLowerCase()].filter((c) => c !== ":" && c !== "-" && c !== ".");
  const isRight = digits.length >= 1 && digits.length <= macDigits &&
    digits.every((c) => "0123456789abcdef".includes(c));
  expect(isRight, "MAC", text, expectedMac);
  return digits.map((c, i) => (i > 0 && i % 2 === 0 ? `:${c}` : c)).join("");
});

const expectedMac = "up to 12 hexadecimal digits such as b8:27:eb";

/** Greedy matching that goes back to the last star only: at most length times length steps. */
function fits(text: string, pattern: string): boolean {
  let at = 0;
  let p = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern[p] === "*") {
      star = p;
      starAt = at;
      p += 1;
    } else if (pattern[p] === "?" || pattern[p] === text[at]) {
      p += 1;
      at += 1;
    } else if (star >= 0) {
      p = star + 1;
      starAt += 1;
      at = starAt;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}
