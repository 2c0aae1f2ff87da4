/** Error numbers of Linux that are the same on every architecture that adit runs on. */

export const ENOENT = 2;
export const EAGAIN = 11;
export const EPIPE = 32;
export const ECONNRESET = 104;
export const ECONNREFUSED = 111;

const texts: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  2: "no such file or directory",
  5: "input or output error",
  11: "not ready, try again",
  12: "out of memory",
  13: "permission denied",
  16: "in use",
  17: "exists already",
  19: "no such device",
  20: "a part of the path is no directory",
  21: "is a directory",
  22: "invalid argument",
  23: "too many open files on this machine",
  24: "too many open files",
  27: "too large",
  28: "no space left on device",
  30: "read-only file system",
  32: "the other side is gone",
  36: "name too long",
  40: "too many symbolic links",
  98: "address in use",
  101: "network unreachable",
  104: "connection reset",
  105: "no buffer space",
  110: "timed out",
  111: "connection refused",
  113: "no route to host",
  122: "quota exceeded",
};

/** A phrase for a negative or positive error number. */
export function errnoText(error: number): string {
  const number = Math.abs(error);
  return texts[number] ?? `error ${number}`;
}

/** What to tell about an answer of the mover: its own sentence if it has one. */
export function answerText(error: number, text: string): string {
  return text === "" ? errnoText(error) : text;
}
