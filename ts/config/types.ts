/**
 * The scalar types of the configuration: what is expected, and the checked value of outside text.
 */
import { parseIp, parseMac, parsePrefix, prefixFamily, prefixNetwork } from "../model/ip.js";
import type { Ip } from "../model/ip.js";
import { isTimezone } from "../policy/local-time.js";

export interface ValueType {
  /** For people: continues "expected". */
  readonly expected: string;
  /** The value as the program uses it, undefined if it is none of this type. */
  readonly read: (value: unknown) => unknown;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Words that `vl` and `when_down` use themselves. */
const reservedNames: readonly string[] = ["direct", "block"];
/** Routing marks of ours besides the location: the documented bit. */
const documentedMark = 0x8;
const markBitsMin = 7;
/** sun_path of unix(7) without its NUL. */
const socketPathMax = 107;

const nameText = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ifaceText = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,14}$/;
const hostText = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_.])?$/;
const endpointText = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/;

export const types: Readonly<Record<string, ValueType>> = {
  text: string("a text of at most 1,024 characters", (text) =>
    text.length <= 1_024 ? text : undefined,
  ),
  flag: { expected: "0 or 1", read: readFlag },
  int: { expected: "a whole number", read: readInteger },
  mtu: {
    expected: "0, or bytes from 1280 to 65535",
    read: (value) => {
      const bytes = readInteger(value) ?? -1;
      return bytes === 0 || (bytes >= 1_280 && bytes <= 65_535) ? bytes : undefined;
    },
  },
  object: { expected: "an object", read: (value) => (isObject(value) ? value : undefined) },
  name: string(
    "letters, digits, dot, underscore and hyphen, at most 63, not direct or block",
    readName,
  ),
  vl: string("the name of a location, or an empty text", (text) =>
    text === "" || nameText.test(text) ? text : undefined,
  ),
  when: string("block, direct or the name of a location", matching(nameText)),
  iface: string("an interface name of 1 to 15 characters", matching(ifaceText)),
  ifpattern: string(
    "an interface name of 1 to 15 characters, or how some begin and an asterisk, such as wwan*",
    (text) => (ifaceText.test(text.replace(/\*$/, "")) && text.length <= 15 ? text : undefined),
  ),
  table: {
    expected: "a routing table from 1 to 4294967295 other than 255, the kernel's own",
    read: (value) => {
      const table = readInteger(value) ?? 0;
      return table >= 1 && table <= 0xffffffff && table !== 255 ? table : undefined;
    },
  },
  path: string("an absolute path of at most 255 ASCII characters", readPath),
  socket: string("an absolute path of at most 107 ASCII characters", (text) =>
    text.length <= socketPathMax ? readPath(text) : undefined,
  ),
  host: string("a host name", matching(hostText)),
  token: string(
    "1 to 512 letters, digits and . _ - ~ or percent-encoded bytes",
    matching(/^(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,512}$/),
  ),
  hex64: string("64 hexadecimal digits", (text) =>
    /^[0-9A-Fa-f]{64}$/.test(text) ? text.toLowerCase() : undefined,
  ),
  mac: string("a MAC address such as 02:00:5e:10:00:01", parseMac),
  ip: string("an IPv4 or IPv6 address", parseIp),
  ip4: string("an IPv4 address", (text) => addressOf(text, 4)),
  ip6: string("an IPv6 address", (text) => addressOf(text, 6)),
  prefix: string("an IPv4 or IPv6 address or prefix without host bits, longer than /0", readPrefix),
  pool4: string("an IPv4 prefix of /8 to /30", (text) => readPool(text, 4, 8, 30)),
  pool6: string("an IPv6 prefix of /32 to /126", (text) => readPool(text, 6, 32, 126)),
  endpoint: string("host:port or [IPv6 address]:port", readEndpoint),
  bind: string("[::]:443 or IPv4 address:port", readBind),
  pin: string("sha256/ and 44 characters of base64", readPin),
  mask: { expected: "a contiguous mask such as 0x7f000000, 7 bits or more", read: readMask },
  mode: { expected: "octal permission bits such as 0660", read: readMode },
  tunnel: {
    expected: 'the tunnel type "tls", the only one of this version (or its older name "hydra-tcp")',
    read: (value) => (value === "tls" || value === "hydra-tcp" ? "tls" : undefined),
  },
  timezone: string("a POSIX time zone such as CET-1CEST,M3.5.0,M10.5.0/3", (text) =>
    isTimezone(text) ? text : undefined,
  ),
  signkey: string(
    "a public key of usign or signify, 56 characters of base64",
    matching(/^RW[QRST][A-Za-z0-9+/]{53}$/),
  ),
  unanswered: oneOf("block", "builtin"),
  role: oneOf("router", "gateway"),
  stop: oneOf("restore", "block"),
  inbound: oneOf("allow", "block"),
  dial: oneOf("now", "lazy"),
  families: oneOf("legacy", "ipv4_only", "ipv6_only", "both"),
};

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `host:port`, `[v6]:port`; undefined if it is neither. */
function readEndpoint(text: string): Endpoint | undefined {
  const found = endpointText.exec(text);
  if (found === null) return undefined;
  const port = Number(found[3]);
  const host = found[1] === undefined ? readHost(found[2] ?? "") : addressOf(found[1], 6);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function string(expected: string, read: (text: string) => unknown): ValueType {
  return { expected, read: (value) => (typeof value === "string" ? read(value) : undefined) };
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

function oneOf(...words: string[]): ValueType {
  const read = (text: string): string | undefined => (words.includes(text) ? text : undefined);
  return string(words.join(" or "), read);
}

function readFlag(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  return value === 0 || value === 1 ? value === 1 : undefined;
}

function readInteger(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

function readName(text: string): string | undefined {
  return nameText.test(text) && !reservedNames.includes(text) ? text : undefined;
}

function readPath(text: string): string | undefined {
  return /^\/[ -~]{0,254}$/.test(text) ? text : undefined;
}

function addressOf(text: string, family: 4 | 6): Ip | undefined {
  const ip = parseIp(text);
  return ip !== undefined && ip.includes(":") === (family === 6) ? ip : undefined;
}

/** A name, or an IPv4 address; four numbers that are no address are no name either. */
function readHost(text: string): string | undefined {
  if (/^[\d.]+$/.test(text)) return addressOf(text, 4);
  return hostText.test(text) ? text : undefined;
}

function readPrefix(text: string): string | undefined {
  const whole = text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
  const prefix = parsePrefix(whole);
  return prefix === undefined || prefix.endsWith("/0") ? undefined : networkOnly(prefix);
}

/** Undefined for a prefix that has bits behind its length, because its meaning is not certain. */
function networkOnly(prefix: string): string | undefined {
  return prefixNetwork(prefix) === prefix ? prefix : undefined;
}

function readPool(
  text: string,
  family: 4 | 6,
  shortest: number,
  longest: number,
): string | undefined {
  const prefix = parsePrefix(text);
  if (prefix === undefined || prefixFamily(prefix) !== family) return undefined;
  const length = Number(prefix.split("/")[1]);
  return length >= shortest && length <= longest ? networkOnly(prefix) : undefined;
}

function readBind(text: string): Endpoint | undefined {
  const endpoint = readEndpoint(text);
  return endpoint !== undefined && parseIp(endpoint.host) !== undefined ? endpoint : undefined;
}

/** 32 bytes are 43 base64 digits, the last with two free bits that must be zero, and one `=`. */
function readPin(text: string): string | undefined {
  return /^sha256\/([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)$/.exec(text)?.[1];
}

function readMask(value: unknown): number | undefined {
  const isHex = typeof value === "string" && /^0x[0-9A-Fa-f]{1,8}$/.test(value);
  const mask = isHex ? Number(value) : readInteger(value);
  if (mask === undefined || mask <= 0 || mask > 0xffffffff || (mask & documentedMark) !== 0) {
    return undefined;
  }
  const digits = mask.toString(2).replace(/0*$/, "");
  return digits.length >= markBitsMin && !digits.includes("0") ? mask : undefined;
}

function readMode(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^0?[0-7]{3}$/.test(value)) return undefined;
  return Number.parseInt(value, 8);
}
