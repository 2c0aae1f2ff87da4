/**
 * The one door to the C host. Everybody else takes a `Native` as an argument, so that tests give
 * one.
 */
import * as host from "adit:host";
import type { Random } from "../model/random.js";

export type Native = typeof host;

export const native: Native = host;

/** Randomness of the kernel, 32 bits for each number. */
export function nativeRandom(native: Native): Random {
  return () => {
    const bytes = native.random(4);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 4);
    return view.getUint32(0) / 4_294_967_296;
  };
}
