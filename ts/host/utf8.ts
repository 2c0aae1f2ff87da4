/**
 * UTF-8 (RFC 3629) where no host is at hand: QuickJS has no TextEncoder, but the functions for
 * addresses of the web know the encoding, and are as strict as one could wish.
 */

/** A lone surrogate has no encoding; U+FFFD stands for it. */
const loneSurrogates = /[\ud800-\udfff]/gu;
/** Arguments of one call; engines bound them by their stack. */
const argumentsMax = 1_024;

export function encodeUtf8(text: string): number[] {
  const escaped = encodeURIComponent(text.replace(loneSurrogates, "\ufffd"));
  return Array.from(unescape(escaped), (character) => character.charCodeAt(0));
}

/** Undefined if the bytes are not well-formed: over-long forms and surrogates are refused. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; at < bytes.length; at += argumentsMax) {
    text += String.fromCharCode(...bytes.subarray(at, at + argumentsMax));
  }
  if (bytes.every((byte) => byte < 0x80)) return text;
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return undefined;
  }
}
