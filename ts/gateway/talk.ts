/** How much of the log a client gets: whoever connects in a loop does not fill it. */

const linesMax = 8;
const periodMs = 60_000;

interface Count {
  readonly sinceMs: number;
  lines: number;
}

/** By the client's name; names are the configuration's, so there are not many. */
export type Talk = Map<string, Count>;

/** "yes", "last" for the line that says that there are more, "no" for those behind it. */
export function mayTell(talk: Talk, client: string, nowMs: number): "yes" | "last" | "no" {
  const known = talk.get(client);
  const count =
    known === undefined || nowMs - known.sinceMs >= periodMs ? { sinceMs: nowMs, lines: 0 } : known;
  talk.set(client, count);
  count.lines += 1;
  if (count.lines < linesMax) return "yes";
  return count.lines === linesMax ? "last" : "no";
}
