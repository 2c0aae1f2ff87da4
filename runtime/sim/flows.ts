/**
 * Which tracked flows a law of the decider keeps, as c/sys/flow.c decides it; and which are where
 * they belong, as the kernel itself would send them if they began now.
 */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import type { Kernel } from "./kernel.js";
import type { Flow } from "./kernel-objects.js";
import { contains, netOf } from "./net.js";
import type { Packet } from "./resolve.js";
import { resolve } from "./resolve.js";

type Message = Extract<DeciderMessage, { type: "conntrack_delete" }>;
export type Law = Pick<Message, "tunnels" | "aside" | "past" | "rows">;

export function isKept(law: Law, flow: Flow): boolean {
  const place = placeOf(law, flow.answered);
  const has = (prefix: string, address: string): boolean => contains(netOf(prefix), netOf(address));
  const isAside = law.aside.some(
    ({ source, destination }) => has(source, flow.src) && has(destination, flow.answerer),
  );
  if (place === 0 && isAside) return true;
  if (law.past.some(({ destination }) => has(destination, flow.dst))) return place === 0;
  const rows = law.rows.filter(({ source }) => has(source, flow.src));
  const length = Math.max(...rows.map(({ source }) => netOf(source).length));
  const deciding = rows.filter(({ source }) => netOf(source).length === length);
  return deciding.length === 0 || deciding.some((row) => row.place === place);
}

function placeOf({ tunnels }: Law, answered: string): number {
  return tunnels.findIndex(({ addr4, addr6 }) => addr4 === answered || addr6 === answered) + 1;
}

/**
 * Whether the next packet of a flow goes where, and under the address under which, that of a new
 * one would; undefined if a new one would not leave.
 */
export function isRight(kernel: Kernel, flow: Flow, packet: Packet): boolean | undefined {
  const fresh = resolve(kernel, packet);
  if (fresh.kind === "local") return flow.answered === flow.src;
  return fresh.kind === "out" ? fresh.source === flow.answered : undefined;
}
