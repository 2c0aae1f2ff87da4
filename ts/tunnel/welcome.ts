/** Control frames of a tunnel (docs/protocol.md): greeting, welcome and refusal, as JSON text. */
import type { Ip, Prefix } from "../model/ip.js";
import { parsePrefix, prefixFamily } from "../model/ip.js";
import type { Welcome } from "../model/observed.js";
import { isHostOfPool } from "../model/pool.js";
import { readObject } from "../model/json.js";

export const protocolVersion = 1;

/** RFC 8200 section 5: every link that carries IPv6. */
const mtuMin = 1_280;
const mtuMax = 65_535;
/** Characters of a refusal that are kept for people. */
const refusalLengthMax = 200;

export type GatewayAnswer =
  | { readonly kind: "welcome"; readonly welcome: Welcome }
  | { readonly kind: "refused"; readonly error: string; readonly text: string }
  | { readonly kind: "invalid"; readonly why: string };

export interface Greeting {
  readonly token: string;
  readonly segments: boolean;
  /** Inner addresses that the client would like, "" for any. */
  readonly want4: Ip;
  readonly want6: Ip;
}

export function greetingText(greeting: Greeting): string {
  const { token, segments, want4, want6 } = greeting;
  return JSON.stringify({
    v: protocolVersion,
    token,
    segments,
    ...(want4 === "" ? {} : { want4 }),
    ...(want6 === "" ? {} : { want6 }),
  });
}

export function welcomeText(welcome: Welcome): string {
  return JSON.stringify(welcomeFrame(welcome));
}

/** What the mover keeps of a session for the next decider. */
export function memoText(welcome: Welcome, uplink: string): string {
  return JSON.stringify({ ...welcomeFrame(welcome), uplink });
}

/** The uplink of a session's memo, "" if it tells none. */
export function readUplinkMemo(text: string | undefined): string {
  const uplink = readObject(text)?.["uplink"];
  return typeof uplink === "string" ? uplink : "";
}

function welcomeFrame({ addr4, addr6, mtu, segments }: Welcome): object {
  return {
    v: protocolVersion,
    ...(addr4 === "" ? {} : { addr4 }),
    ...(addr6 === "" ? {} : { addr6 }),
    mtu,
    segments,
  };
}

/** Reads what a gateway answered to the greeting; any text is safe. */
export function readGatewayAnswer(text: string | undefined): GatewayAnswer {
  const frame = readObject(text);
  if (frame === undefined) return { kind: "invalid", why: "not a JSON object" };
  if (frame["v"] !== protocolVersion) return { kind: "invalid", why: "not of version 1" };
  const error = frame["error"];
  if (error !== undefined) {
    return { kind: "refused", error: shortText(error), text: shortText(frame["text"] ?? "") };
  }
  return readWelcome(frame);
}

/** Reads a welcome that the mover kept for us as a memo; undefined if it is none. */
export function readWelcomeMemo(text: string | undefined): Welcome | undefined {
  const answer = readGatewayAnswer(text);
  return answer.kind === "welcome" ? answer.welcome : undefined;
}

function readWelcome(frame: Record<string, unknown>): GatewayAnswer {
  const addr4 = readInnerAddress(frame["addr4"], 4);
  const addr6 = readInnerAddress(frame["addr6"], 6);
  if (addr4 === undefined) return { kind: "invalid", why: "addr4 is no IPv4 host in a prefix" };
  if (addr6 === undefined) return { kind: "invalid", why: "addr6 is no IPv6 host in a prefix" };
  if (addr4 === "" && addr6 === "") return { kind: "invalid", why: "no address at all" };
  const mtu = frame["mtu"];
  const fits = typeof mtu === "number" && Number.isInteger(mtu) && mtu >= mtuMin && mtu <= mtuMax;
  if (!fits) return { kind: "invalid", why: `mtu is no number from ${mtuMin} to ${mtuMax}` };
  const { segments } = frame;
  if (typeof segments !== "boolean") return { kind: "invalid", why: "segments is no boolean" };
  for (const key of ["gateway4", "gateway6", "name"]) {
    if (!["undefined", "string"].includes(typeof frame[key])) {
      return { kind: "invalid", why: `${key} is no text` };
    }
  }
  return { kind: "welcome", welcome: { addr4, addr6, mtu, segments } };
}

/** "" if absent, undefined if it cannot be the address of a client. */
function readInnerAddress(value: unknown, family: 4 | 6): Prefix | undefined {
  if (value === undefined) return "";
  if (typeof value !== "string") return undefined;
  const prefix = parsePrefix(value);
  if (prefix === undefined || prefixFamily(prefix) !== family) return undefined;
  return isHostOfPool(prefix) ? prefix : undefined;
}

function shortText(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.slice(0, refusalLengthMax).replace(/[^ -~]/g, "?");
}
