/** Error numbers of Linux that are the same on every architecture that adit runs on. */

export const ENOENT = 2;
export const EAGAIN = 11;

const texts: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  2: "no such file or directory",
  13: "permission denied",
  17: "exists already",
  19: "no such device",
  22: "invalid argument",
  28: "no space left on device",
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
