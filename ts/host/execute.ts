/**
 * Executes a plan: operations become messages, phases follow one another, a bounded number is under
 * way. Every answer is reported before the next phase begins.
 */
import { keepaliveMs, operationsInFlightMax } from "../model/limits.js";
import type { Operation, Plan, PlannedOperation } from "../model/operation.js";
import type { Channel } from "./channel.js";
import { request } from "./channel.js";
import type { DeciderMessage, MoverMessage } from "./contract.gen.js";
import { applyFirewall, deleteFlows } from "./transfer.js";

/** Sessions of a listener that have not been admitted; the oldest goes first. */
const halfOpenMax = 64;
/** TLS handshake and greeting of a stranger. */
const greetingMs = 10_000;

export interface Outcome {
  readonly error: number;
  readonly text: string;
  /** The answer itself where it is richer than a result. */
  readonly answer: MoverMessage | undefined;
}

export interface ExecuteHooks {
  /** Called once for every operation that was sent, in the order of the answers. */
  readonly onOutcome: (planned: PlannedOperation, outcome: Outcome) => void;
  /** Called last, with what was not tried because an addition of the same kind failed. */
  readonly onDone: (skipped: readonly PlannedOperation[]) => void;
}

interface Execution {
  readonly channel: Channel;
  readonly hooks: ExecuteHooks;
  readonly queue: PlannedOperation[];
  readonly failedKinds: Set<string>;
  readonly skipped: PlannedOperation[];
  /** Name of a TUN that could not be opened; whoever has the name is not ours. */
  tunless: string;
  position: number;
  inFlight: number;
  firewallInFlight: boolean;
  phase: number;
}

export function executePlan(channel: Channel, plan: Plan, hooks: ExecuteHooks): void {
  const queue = [...plan].sort((left, right) => left.phase - right.phase);
  advance({
    channel,
    hooks,
    queue,
    failedKinds: new Set(),
    skipped: [],
    tunless: "",
    position: 0,
    inFlight: 0,
    firewallInFlight: false,
    phase: queue[0]?.phase ?? 0,
  });
}

function advance(execution: Execution): void {
  while (mayStart(execution)) start(execution, nextOf(execution));
  const done = execution.position === execution.queue.length && execution.inFlight === 0;
  if (done) execution.hooks.onDone(execution.skipped);
}

function nextOf(execution: Execution): PlannedOperation {
  const planned = execution.queue[execution.position] as PlannedOperation;
  execution.position += 1;
  execution.phase = planned.phase;
  return planned;
}

function mayStart(execution: Execution): boolean {
  const next = execution.queue[execution.position];
  if (next === undefined || execution.inFlight >= operationsInFlightMax) return false;
  if (execution.inFlight === 0) return true;
  const firewall = execution.firewallInFlight && next.operation.kind === "firewall";
  return next.phase === execution.phase && !firewall;
}

/**
 * Add before delete: what replaces it is not there, so the old one stays until the next attempt.
 * Flows go by the firewall as it is, so they are compared when it is as it should be.
 */
function mustWait({ failedKinds, tunless }: Execution, operation: Operation): boolean {
  if (operation.kind === "conntrack") return failedKinds.has("firewall");
  const removes = "remove" in operation && operation.remove;
  if (removes) return failedKinds.has(operation.kind);
  return tunless !== "" && tunOf(operation) === tunless;
}

/** The interface that an operation sets up or leads to. */
function tunOf(operation: Operation): string {
  if (operation.kind === "link") return operation.name;
  if (operation.kind === "address") return operation.address.ifname;
  return operation.kind === "route" ? operation.route.oif : "";
}

function start(execution: Execution, planned: PlannedOperation): void {
  const { operation } = planned;
  if (mustWait(execution, operation)) {
    execution.skipped.push(planned);
    return;
  }
  execution.inFlight += 1;
  if (operation.kind === "firewall") {
    execution.firewallInFlight = true;
    applyFirewall(execution.channel, operation.script, ({ error, text }) => {
      execution.firewallInFlight = false;
      finish(execution, planned, { error, text, answer: undefined });
    });
    return;
  }
  if (operation.kind === "conntrack") {
    deleteFlows(execution.channel, operation.judgement, (error) => {
      finish(execution, planned, { error, text: "", answer: undefined });
    });
    return;
  }
  request(execution.channel, operationMessage(operation), (answer) => {
    finish(execution, planned, outcomeOf(answer));
  });
}

function finish(execution: Execution, planned: PlannedOperation, outcome: Outcome): void {
  execution.inFlight -= 1;
  const { operation } = planned;
  const adds = operation.kind === "firewall" || ("remove" in operation && !operation.remove);
  const opens = operation.kind === "tun-open";
  if (outcome.error !== 0 && opens) execution.tunless = operation.tun.name;
  if (outcome.error !== 0 && adds) execution.failedKinds.add(operation.kind);
  execution.hooks.onOutcome(planned, outcome);
  advance(execution);
}

function outcomeOf(answer: MoverMessage): Outcome {
  switch (answer.type) {
    case "result":
    case "tun_opened":
      return { error: answer.error, text: answer.text, answer };
    default:
      throw new Error(`answer ${answer.type} to an operation`);
  }
}

type SingleOperation = Exclude<Operation, { kind: "firewall" | "conntrack" }>;

/** The message for an operation; what travels in parts has no single one. */
export function operationMessage(operation: SingleOperation): DeciderMessage {
  switch (operation.kind) {
    case "tun-open":
      return { type: "tun_open", name: operation.tun.name, offload: operation.tun.offload };
    case "tun-close":
      return { type: "tun_close" };
    case "link":
      return { type: "link_set", name: operation.name, up: operation.up, mtu: operation.mtu };
    case "address": {
      const { ifname, prefix } = operation.address;
      return { type: "address_set", remove: operation.remove, name: ifname, prefix };
    }
    case "route":
      return { type: "route_set", remove: operation.remove, ...operation.route };
    case "rule":
      return ruleMessage(operation);
    case "sysctl":
      return { type: "sysctl_set", key: operation.key, value: operation.value };
    case "forward":
      return forwardMessage(operation);
    case "listen":
      return listenMessage(operation);
    default:
      return unreachable(operation);
  }
}

function ruleMessage(operation: Extract<Operation, { kind: "rule" }>): DeciderMessage {
  const { why: _why, ...rule } = operation.rule;
  return { type: "rule_set", remove: operation.remove, ...rule };
}

function forwardMessage(operation: Extract<Operation, { kind: "forward" }>): DeciderMessage {
  const { byDestination, hairpin, entries } = operation.forward;
  return { type: "forward_set", byDestination, hairpin, entries };
}

function listenMessage(operation: Extract<Operation, { kind: "listen" }>): DeciderMessage {
  const { addr, port, certFile, keyFile, sessionsMax } = operation.listener;
  if (operation.remove) return { type: "unlisten", addr, port };
  const limits = { greetingMs, keepaliveMs, halfOpenMax, sessionsMax };
  return { type: "listen", addr, port, certFile, keyFile, ...limits };
}

function unreachable(operation: never): never {
  throw new Error(`unknown operation ${JSON.stringify(operation)}`);
}
