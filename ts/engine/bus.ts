/** The object on ubus: the mover speaks to ubusd, calls go to the routes of the HTTP API. */
import { busMethods, busRequest, busStatus } from "../api/ubus.js";
import { command, tell } from "../host/channel.js";
import type { MoverMessage } from "../host/contract.gen.js";
import { joinBytes, partFrom } from "../host/transfer.js";
import type { Config } from "../model/config.js";
import { readObject } from "../model/json.js";
import type { Core } from "./core.js";
import { logError } from "./core.js";
import type { Engine } from "./engine-state.js";

/** As GET /v1/status shows it. */
interface BusState {
  readonly connected: boolean;
  /** Why the object is not there, "" if nothing is known. */
  readonly problem: string;
}

export interface Bus {
  state: BusState;
  /** Of a call that has not come whole. */
  parts: Uint8Array[];
}

export function createBus(core: Core): Bus {
  const bus: Bus = { state: { connected: false, problem: "" }, parts: [] };
  core.events.follow((event) => {
    if (!bus.state.connected) return;
    const data = core.native.utf8Encode(JSON.stringify(event));
    tell(core.channel, { type: "bus_notify", kind: event.event, data });
  });
  return bus;
}

/** Offers the object where the configuration says, or withdraws what an earlier one offered. */
export function openBus({ core, bus }: Engine, config: Config): void {
  const path = config.api.ubus;
  const methods = core.native.utf8Encode(JSON.stringify(busMethods));
  command(core.channel, { type: "bus_open", path, object: "adit", methods }, (_error, text) => {
    bus.state = { connected: false, problem: text };
    logError(core, `ubus: ${text}`);
  });
}

type Message<T extends MoverMessage["type"]> = Extract<MoverMessage, { type: T }>;

export function onBusState({ bus }: Engine, { connected, text }: Message<"bus_state">): void {
  bus.state = { connected, problem: text };
}

export function onBusCall({ core, bus, api }: Engine, message: Message<"bus_call">): void {
  const { native } = core;
  bus.parts.push(message.data);
  if (!message.last) return;
  const args = readObject(native.utf8Decode(joinBytes(bus.parts.splice(0))));
  const request = busRequest(message.method, args ?? {});
  const body = native.utf8Encode(JSON.stringify(request.body));
  api.server.onRequest(
    { ...request, headOnly: false, contentType: "application/json", body },
    {
      answer: (answer) => reply(core, message.call, busStatus(answer.status), answer.body),
      stream: () => undefined,
    },
  );
}

function reply(core: Core, call: number, status: number, body: unknown): void {
  const whole = core.native.utf8Encode(JSON.stringify(body));
  let at = 0;
  let isLast: boolean;
  do {
    const { data, end, last } = partFrom(whole, at);
    tell(core.channel, { type: "bus_reply", call, status, last, data });
    at = end;
    isLast = last;
  } while (!isLast);
}
