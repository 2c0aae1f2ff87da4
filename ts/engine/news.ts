/** What the mover says by itself, and who is told. */
import type { MoverMessage } from "../host/contract.gen.js";
import { contractVersion } from "../host/contract.gen.js";
import { tell } from "../host/channel.js";
import { protocolOurs } from "../model/kernel.js";
import { foldMessage } from "../reconcile/fold.js";
import { onBusCall, onBusState } from "./bus.js";
import { logError, logInfo, logWarning } from "./core.js";
import type { Engine } from "./engine-state.js";
import { begin, reload, stop } from "./life.js";
import { roleOf } from "./role.js";
import { keepLearnedUplinks } from "./state-files.js";
import { noteFirewall, noteIntent, noteKernel } from "./settle.js";
import { noteCarrier, noteUplink, onSlotWanted } from "./tunnels.js";

const signalReload = 1;
const signalTerminate = 15;
const flagTestHooks = 1;

type Message<T extends MoverMessage["type"]> = Extract<MoverMessage, { type: T }>;

export function onNews(engine: Engine, message: MoverMessage): void {
  const { core, roles, tunnels } = engine;
  const role = core.config && roleOf(roles, core.config);
  switch (message.type) {
    case "mover_state":
      return onMoverState(engine, message);
    case "session_held":
      engine.held.push(message);
      if (engine.held.length === engine.heldExpected) begin(engine);
      return;
    case "ping":
      return tell(core.channel, { type: "pong", token: message.token });
    case "signal":
      return onSignal(engine, message.number);
    case "slot_wanted":
      return onSlotWanted(tunnels, message.slot);
    case "session_state":
      return role?.onSession(message);
    case "session_control":
      return role?.onControl(message);
    case "bus_state":
      return onBusState(engine, message);
    case "bus_call":
      return onBusCall(engine, message);
    case "policy_died":
      return core.cages.get(message.cage)?.onDeath(message);
    case "nft_changed":
      foldMessage(core.store, message);
      return noteFirewall(engine.settler);
    default:
      return onKernel(engine, message);
  }
}

function onMoverState(engine: Engine, message: Message<"mover_state">): void {
  const { core } = engine;
  if (message.contract !== contractVersion) {
    throw new Error(`the mover speaks contract ${message.contract}, we ${contractVersion}`);
  }
  const { configPath, runDir, restarts, lastDeath, stateDir, trial } = message;
  const testHooks = (message.flags & flagTestHooks) !== 0;
  const module = message.module === "a" || message.module === "b" ? message.module : "rom";
  const life = message.life.toString(16);
  const told = { configPath, runDir, testHooks, restarts, lastDeath };
  core.facts = { ...told, stateDir, module, trial, life };
  foldMessage(core.store, message);
  engine.heldExpected = message.sessions;
  if (lastDeath !== "") {
    logWarning(core, `the previous decider ended: ${lastDeath}`);
    core.events.publish({ event: "restarted", reason_details: lastDeath });
  }
  if (message.sessions === 0) begin(engine);
}

function onSignal(engine: Engine, number: number): void {
  if (number === signalTerminate) stop(engine);
  if (number !== signalReload) return;
  reload(engine, (issues) => {
    if (issues.length === 0) logInfo(engine.core, "reloaded");
    else logError(engine.core, "the old configuration stays");
  });
}

/** Facts about the kernel. Those about our own TUN cannot change what is wanted, only undo it. */
function onKernel(engine: Engine, message: MoverMessage): void {
  const { core, settler, tunnels } = engine;
  const tun = core.config?.tunIfname;
  const index = message.type === "address" || message.type === "route" ? indexOf(message) : 0;
  const ours = core.store.links.get(index)?.name === tun;
  if (message.type === "dump_begin") tunnels.carriers.clear();
  if (message.type === "link") noteCarrier(tunnels, message);
  const uplinkMatters = !ours && ["link", "address", "route", "dump_end"].includes(message.type);
  if (uplinkMatters) noteUplink(tunnels);
  if (!foldMessage(core.store, message)) return;
  keepLearnedUplinks(core);
  const why = `the kernel's ${message.type} changed`;
  if (uplinkMatters) engine.advice.note(why);
  switch (message.type) {
    case "dump_begin":
      settler.firewallStale = true;
      return;
    case "neighbour":
      noteIntent(settler, why);
      return engine.advice.note(why);
    case "link":
      return message.name === tun ? noteKernel(settler, why) : void noteIntent(settler, why);
    case "route":
      if (message.protocol === protocolOurs) return noteKernel(settler, why);
      return void noteIntent(settler, why);
    case "address":
      return ours ? noteKernel(settler, why) : void noteIntent(settler, why);
    default:
      return noteKernel(settler, why);
  }
}

function indexOf(message: Message<"address"> | Message<"route">): number {
  return message.type === "address" ? message.index : message.oif;
}
