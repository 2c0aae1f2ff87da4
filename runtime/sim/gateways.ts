/**
 * The far ends: a scripted gateway that answers greetings as docs/protocol.md says, and the bundle
 * itself in the gateway role.
 */
import { createHash } from "node:crypto";
import type { Clock } from "./clock.js";
import { iff, rtn, rtprot, scope, table } from "./constants.js";
import type { Surroundings } from "./machine.js";
import { Machine } from "./machine.js";
import type { Network, Wire, WireEnd } from "./network.js";
import type { LocationPlan } from "./topology.js";
import { GATEWAY_PORT, TOKEN } from "./topology.js";

export interface Gateway {
  readonly name: string;
  start(): void;
  /** As kill -9 looks from outside. */
  kill(): void;
}

const FIRST_HOST = 5;
const MTU = 1_500;
const ANSWER_MS = 3;

export class ScriptedGateway implements Gateway {
  /** Members of every answer, whatever would be right: a gateway of ill will. */
  insists: Readonly<Record<string, unknown>> = {};
  #wires = new Map<Wire, { addr4: string; addr6: string }>();

  constructor(
    readonly plan: LocationPlan,
    readonly network: Network,
    readonly clock: Clock,
  ) {
    network.place(plan.addr4, plan.name);
    network.place(plan.addr6, plan.name);
  }

  get name(): string {
    return this.plan.name;
  }

  start(): void {
    this.network.listen(this.name, GATEWAY_PORT, (_peer, _port, wire) => this.#accept(wire));
  }

  kill(): void {
    this.network.unlisten(this.name, GATEWAY_PORT);
    this.network.reset(this.name, "reset: by the peer");
    this.#wires.clear();
  }

  #accept(wire: Wire): WireEnd {
    return {
      onOpen: () => {},
      onControl: (data) => this.clock.after(ANSWER_MS, () => this.#greet(wire, data)),
      onClosed: () => void this.#wires.delete(wire),
    };
  }

  #greet(wire: Wire, data: Uint8Array): void {
    if (this.#wires.has(wire) || wire.closed) return;
    const greeting = JSON.parse(Buffer.from(data).toString("utf8")) as Record<string, unknown>;
    const refused = greeting.v !== 1 || greeting.token !== TOKEN;
    const addresses = this.#assign(greeting);
    if (!refused) this.#wires.set(wire, addresses);
    const answer = refused
      ? { v: 1, error: "auth", text: "unknown token" }
      : {
          v: 1,
          addr4: `${addresses.addr4}/${this.plan.pool4.split("/")[1]}`,
          addr6: `${addresses.addr6}/${this.plan.pool6.split("/")[1]}`,
          mtu: MTU,
          segments: true,
          ...this.insists,
        };
    wire.send(1, Buffer.from(JSON.stringify(answer)));
  }

  #assign(greeting: Record<string, unknown>): { addr4: string; addr6: string } {
    const taken = new Set([...this.#wires.values()].map(({ addr4 }) => addr4));
    const stem4 = this.plan.pool4.split(".").slice(0, 2).join(".");
    const stem6 = this.plan.pool6.split("::")[0] ?? "";
    let host = FIRST_HOST;
    while (taken.has(`${stem4}.0.${host}`)) host++;
    const { want4, want6 } = greeting;
    const addr4 = typeof want4 === "string" && want4.startsWith(`${stem4}.`) ? want4 : "";
    const addr6 = typeof want6 === "string" && want6.startsWith(`${stem6}::`) ? want6 : "";
    return {
      addr4: addr4 || `${stem4}.0.${host}`,
      addr6: addr6 || `${stem6}::${host.toString(16)}`,
    };
  }
}

/** The bundle as gateway, on a machine of its own. */
export class BundleGateway implements Gateway {
  readonly machine: Machine;

  constructor(plan: LocationPlan, around: Surroundings) {
    around.network.place(plan.addr4, plan.name);
    around.network.place(plan.addr6, plan.name);
    const files = new Map([
      ["cert.pem", `certificate of ${plan.name}`],
      ["key.pem", `key of ${plan.name}`],
    ]);
    this.machine = new Machine({ name: plan.name, config: gatewayConfig(plan), files }, around);
    const { kernel } = this.machine;
    const flags = iff.BROADCAST | iff.MULTICAST;
    const mac = "02:00:00:00:09:01";
    const link = kernel.addLink({ name: "eth0", flags, mtu: MTU, master: 0, mac });
    kernel.setLink(link.index, true, 0);
    kernel.addAddress(link.index, `${plan.addr4}/24`);
    kernel.addAddress(link.index, `${plan.addr6}/64`);
    kernel.addRoute({
      table: table.MAIN, dst: "0.0.0.0/0", oif: link.index, gateway: "198.51.100.1", metric: 0,
      protocol: rtprot.STATIC, kind: rtn.UNICAST, scope: scope.UNIVERSE, source: "",
    });
  }

  get name(): string {
    return this.machine.options.name;
  }

  start(): void {
    this.machine.boot();
  }

  kill(): void {
    this.machine.killAll();
  }
}

function gatewayConfig(plan: LocationPlan): string {
  return JSON.stringify({
    role: "gateway",
    tun_ifname: "gw0",
    wan_ifname: "eth0",
    listen: [
      {
        type: "tls",
        address: `[::]:${GATEWAY_PORT}`,
        cert: "/etc/adit/cert.pem",
        key: "/etc/adit/key.pem",
      },
    ],
    pool4: plan.pool4,
    pool6: plan.pool6,
    clients: [{ name: "home", token_sha256: createHash("sha256").update(TOKEN).digest("hex") }],
    nat: true,
    client_to_client: false,
  });
}

/** Pin text of a location; the simulated TLS does not check it, the configuration wants one. */
export function pinOf(name: string): string {
  return `sha256/${createHash("sha256").update(`key of ${name}`).digest("base64")}`;
}
