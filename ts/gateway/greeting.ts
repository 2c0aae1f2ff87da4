/** What a client says first (docs/protocol.md), as strict about types as the page is. */
import { readObject } from "../model/json.js";
import { protocolVersion } from "../tunnel/welcome.js";
import type { Wish } from "./leases.js";

/** Bytes; the longest token that a router's configuration takes. */
const tokenMax = 512;
const nameMax = 64;

export interface ClientGreeting extends Wish {
  readonly token: Uint8Array;
  readonly segments: boolean;
}

/** A word for a refusal where it is none; any text is safe. */
export function readGreeting(
  text: string | undefined,
  utf8Encode: (text: string) => Uint8Array,
): ClientGreeting | "malformed" | "version" {
  const frame = readObject(text);
  if (frame === undefined) return "malformed";
  if (frame["v"] !== protocolVersion) return "version";
  const { token, name = "", segments, want4 = "", want6 = "" } = frame;
  if (typeof token !== "string" || typeof name !== "string") return "malformed";
  if (typeof want4 !== "string" || typeof want6 !== "string") return "malformed";
  const bytes = utf8Encode(token);
  const fits = bytes.length >= 1 && bytes.length <= tokenMax && utf8Encode(name).length <= nameMax;
  if (!fits || typeof segments !== "boolean") return "malformed";
  return { token: bytes, segments, want4, want6 };
}
