/**
 * The limits that policy scripts live within. The cage and the process that asks it hold the same
 * numbers: what is beyond them is refused on both sides, and the refusal names the constant.
 */

/** Version of the interface between a policy and adit; a policy is refused by another version. */
export const apiVersion = 1;

/** Devices in one world. */
export const devicesMax = 1024;

/** Locations in one world; the kernel scheme has room for no more. */
export const locationsMax = 126;

/** Peers of one location, offered to and returned by `selectPeer`. */
export const peersMax = 32;

/** Prefixes that `bypass` may return. */
export const bypassMax = 256;

/** Effects that one `onEvent` may return. */
export const effectsMax = 16;

/** Lines of log that one call keeps; further ones are counted, not kept. */
export const logLinesMax = 32;

/** Characters of one line of log; what is longer is cut. */
export const logCharsMax = 256;

/** Characters of a reason given with an answer; what is longer is cut. */
export const whyCharsMax = 128;

/** Characters of a notification; what is longer is cut. */
export const notifyCharsMax = 256;

/** Failures of one call that carry message and stack; further ones only say where. */
export const failuresMax = 32;

/** Characters of the message of a failure. */
export const messageCharsMax = 512;

/** Characters of the stack of a failure. */
export const stackCharsMax = 2048;

/** Seconds after which `redecide` may ask for another decision: a day. */
export const redecideSecondsMax = 86_400;

/** Bytes of a script. */
export const scriptBytesMax = 262_144;

/** Bytes of a call or an answer. */
export const worldBytesMax = 1_048_576;

/** The largest `version` that a policy may carry. */
export const scriptVersionMax = 4_294_967_295;
