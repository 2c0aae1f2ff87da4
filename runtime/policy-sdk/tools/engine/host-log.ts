/** The door as it is in a router's own cage, where the log is all that leads out. */
import type { HostMessage } from "./host.js";

/** Below what a line of log may have. */
const pieceChars = 240;
const linesMax = 32;

const lines: string[] = [];

/** Keeps a message as pieces; the last one of each begins with a dot. */
export function tell(message: HostMessage): void {
  const text = JSON.stringify(message);
  for (let at = 0; at < text.length; at += pieceChars) {
    const isLast = at + pieceChars >= text.length;
    lines.push((isLast ? "." : "+") + text.slice(at, at + pieceChars));
  }
}

/** The cage itself holds the time limit, for the whole file. */
export function withinLimit<T>(call: () => T): T {
  return call();
}

/** As many lines as one call may log. */
export function takeLines(): string[] {
  return lines.splice(0, linesMax);
}
