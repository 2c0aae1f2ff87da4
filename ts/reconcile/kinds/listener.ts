import type { Desired, DesiredListener } from "../../model/desired.js";
import type { Observed } from "../../model/observed.js";
import type { PlannedOperation } from "../../model/operation.js";
import { phases } from "../phases.js";

export function listenerKey(listener: { readonly addr: string; readonly port: number }): string {
  return `${listener.addr} ${listener.port}`;
}

export function planListeners(desired: Desired, observed: Observed): PlannedOperation[] {
  const wanted = new Set(desired.listeners.map(listenerKey));
  const gone = [...observed.listeners].filter((key) => !wanted.has(key));
  const added = desired.listeners.filter((row) => !observed.listeners.has(listenerKey(row)));
  return [
    ...added.map((listener) => operation(listener, false)),
    ...gone.map((key) => operation(fromKey(key), true)),
  ];
}

function fromKey(key: string): DesiredListener {
  const [addr = "", port = ""] = key.split(" ");
  return { addr, port: Number(port), certFile: "", keyFile: "", sessionsMax: 0 };
}

function operation(listener: DesiredListener, remove: boolean): PlannedOperation {
  const phase = remove ? phases.removeRest : phases.listen;
  const where = `${listener.addr} port ${listener.port}`;
  const why = remove ? `stop listening on ${where}` : `listen on ${where}`;
  return { operation: { kind: "listen", remove, listener }, phase, why };
}
