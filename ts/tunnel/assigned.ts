/** What a tunnel does about an inner address that its router cannot take. */
import type { Welcome } from "../model/observed.js";
import { addressOf } from "../model/pool.js";
import type { Turn } from "./turn.js";
import { change } from "./turn.js";

/** Why the router cannot take what a gateway assigned, "" if it can. */
export function assignmentProblem(turn: Turn, { addr4, addr6 }: Welcome): string {
  for (const address of [addressOf(addr4), addressOf(addr6)]) {
    const why = address === "" ? "" : turn.refusedBecause(address);
    if (why !== "") return `address: ${address}, which the gateway assigned, ${why}`;
  }
  return "";
}

/** Forgets what a gateway assigned if the router cannot take it any more; then says why. */
export function forgetRefused(turn: Turn): string {
  const { lastWelcome } = turn.state;
  const problem = lastWelcome === undefined ? "" : assignmentProblem(turn, lastWelcome);
  if (problem !== "") change(turn, { lastWelcome: undefined, want4: "", want6: "" });
  return problem;
}
