/** Error numbers of Linux that are the same on every architecture that adit runs on. */

export const ENOENT = 2;
export const EAGAIN = 11;

const texts: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  2: "no such file or directory",
  5: "input/output error",
  11: "not ready",
  12: "out of memory",
  13: "permission denied",
  16: "device or resource busy",
  17: "exists already",
  19: "no such device",
  20: "not a directory",
  21: "is a directory",
  22: "invalid argument",
  28: "no space left on device",
  34: "value out of range",
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
