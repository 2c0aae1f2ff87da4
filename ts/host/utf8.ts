/**
 * UTF-8 (RFC 3629) where no host is at hand: QuickJS has no TextEncoder, but the functions for
 * addresses of the web know the encoding, and are as strict as one could wish.
 */

/** A lone surrogate has no encoding; U+FFFD stands for it. */
const loneSurrogates = /[\ud800-\udfff]/gu;

export function encodeUtf8(text: string): number[] {
  const escaped = encodeURIComponent(text.replace(loneSurrogates, "\ufffd"));
  const parts = escaped.match(/%..|./g) ?? [];
  return parts.map((part) => (part[1] ? Number(`0x${part.slice(1)}`) : part.charCodeAt(0)));
}

/** Undefined if the bytes are not well-formed: over-long forms and surrogates are refused. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (bytes.every((byte) => byte < 0x80)) return fromAscii(bytes);
  try {
    const escaped = Array.from(bytes, (byte) => `%${(byte + 0x100).toString(16).slice(1)}`);
    return decodeURIComponent(escaped.join(""));
  } catch {
    return undefined;
  }
}

/** Arguments of one call; engines bound them by their stack. */
const argumentsMax = 1_024;

function fromAscii(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += argumentsMax) {
    text += String.fromCharCode(...bytes.subarray(at, at + argumentsMax));
  }
  return text;
}
