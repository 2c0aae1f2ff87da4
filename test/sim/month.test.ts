/**
 * A month of virtual time. Goal: whatever comes and goes in it (names that lead elsewhere, paths
 * that swallow large packets, captive portals, outages, clocks that jump, certificates that are
 * renewed) is over soon after its cause is, and nothing is ever restarted.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createDnsServer } from "../../runtime/sim/dns-server.js";
import type { Host } from "../../runtime/sim/dns-server.js";
import type { MoverMessage } from "../../ts/host/contract.gen.js";
import { BundleGateway } from "../../runtime/sim/gateways.js";
import type { Machine } from "../../runtime/sim/machine.js";
import { CONFIG_DIR } from "../../runtime/sim/machine.js";
import { Random } from "../../runtime/sim/random.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { GATEWAY_PORT, locations, RESOLVER } from "../../runtime/sim/topology.js";
import { ends2026, ends2062 } from "../unit/support/certificates.js";
import { Household } from "./household.js";
import { MINUTE_MS, numberFrom } from "./support.js";

const DAYS = 30;
const HOUR_MS = 60 * MINUTE_MS;
const TROUBLES_A_DAY = 4;
/** Four keepalives until silence is noticed, the longest back-off, and a dial. */
const BACK_MS = 2 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;
const SEEDS = numberFrom("MONTH_SEEDS", 1);

const test = suite("sim: month");
const engine = await loadEngine("node");
const [us, de] = locations;
if (us === undefined || de === undefined) throw new Error("the simulated world has two locations");

/** `us` is the bundle itself as gateway, behind a name; `de` is scripted, behind an address. */
class Month extends Household {
  readonly network = this.machine.around.network;
  readonly random: Random;
  readonly hosts = new Map<string, Host>();
  readonly gateway: BundleGateway;
  readonly seen = new Set<string>();
  #moves = 0;

  constructor(seed: number) {
    super(engine, new Map(), {}, seed);
    this.random = new Random(seed);
    this.clock.wallOffsetMs = Date.parse("2026-11-26T00:00:00Z");
    this.gateways.get("us")?.kill();
    this.gateway = new BundleGateway(us as (typeof locations)[number], this.machine.around);
    this.gateway.machine.files.put(`${CONFIG_DIR}/cert.pem`, Buffer.from(ends2026));
    this.hosts.set("us.example", us as Host);
    const { files, descriptors } = this.machine;
    const text = Buffer.from(files.get(files.configPath)?.data ?? []).toString();
    const named = text.replace(`${us?.addr4}:${GATEWAY_PORT}`, `us.example:${GATEWAY_PORT}`);
    assert.is.not(named, text, "the configuration names the gateway");
    const config = { ...(JSON.parse(named) as object), resolvers: [RESOLVER] };
    files.put(files.configPath, Buffer.from(JSON.stringify(config)));
    descriptors.dns = (query) => createDnsServer(this.hosts, this.random)(query);
    this.gateway.start();
  }

  states(): string {
    const { locations: all } = JSON.parse(this.ask("GET", "/v1/status").body) as {
      locations: { name: string; state: string }[];
    };
    return all.map(({ name, state }) => `${name} ${state}`).join(", ");
  }

  /** Closes the router's sessions as the mover would, with its words. */
  closeAll(reason: string): void {
    const { tunnels } = this.machine.mover ?? {};
    for (const session of [...(tunnels?.sessions.values() ?? [])]) tunnels?.close(session, reason);
  }

  /** A name leads elsewhere, and whoever is at its old address is somebody else. */
  move(): void {
    const host = 100 + (this.#moves++ % 100);
    const next = { addr4: `198.51.100.${host}`, addr6: `2001:db8:100::${host}` };
    const before = this.hosts.get("us.example");
    for (const old of [before?.addr4, before?.addr6]) this.network.addresses.delete(old ?? "");
    for (const one of [next.addr4, next.addr6]) this.network.place(one, "us");
    this.hosts.set("us.example", next);
    this.network.reset("us", "reset: by the peer");
  }
}

interface Trouble {
  readonly name: string;
  readonly begin: (month: Month) => void;
  readonly end?: (month: Month) => void;
}

const troubles: readonly Trouble[] = [
  { name: "a name leads elsewhere", begin: (month) => month.move() },
  {
    name: "the path swallows large packets",
    begin: (month) => month.closeAll("silent: small packets come, large ones get lost"),
  },
  {
    name: "a captive portal",
    begin: (month) => portal(month, true),
    end: (month) => {
      assert.match(logOf(month.machine), /pin: .*is it a captive portal/);
      portal(month, false);
    },
  },
  {
    name: "the path carries nothing",
    begin: ({ network }) => void ["us", "de"].forEach((name) => network.fates.set(name, "lost")),
    end: ({ network }) => network.fates.clear(),
  },
  {
    name: "nobody resolves names",
    begin: (month) => {
      month.machine.descriptors.dns = () => undefined;
      month.network.reset("us", "reset: by the peer");
    },
    end: (month) => {
      month.machine.descriptors.dns = (query) => createDnsServer(month.hosts, month.random)(query);
    },
  },
  {
    name: "the clock jumps",
    begin: ({ clock, random }) => (clock.wallOffsetMs += random.pick([-1, 1]) * YEAR_MS),
    end: ({ clock }) => (clock.wallOffsetMs = Date.parse("2026-11-26T00:00:00Z")),
  },
  { name: "a gateway is updated", begin: ({ gateway }) => void (gateway.kill(), gateway.start()) },
];

function logOf(machine: Machine): string {
  return machine.logLines().join("\n");
}

/** It answers every connection, and proves to be nobody's gateway. */
function portal(month: Month, isThere: boolean): void {
  const { mover } = month.machine;
  if (mover === undefined) throw new Error("the mover is gone");
  if (isThere) month.closeAll("reset: the network changed");
  const { send } = mover;
  if (!isThere) return void Reflect.deleteProperty(mover, "send");
  mover.send = (message: MoverMessage, ...rest) => {
    send.call(mover, message, ...rest);
    if (message.type !== "session_state" || message.state !== 2) return;
    const session = mover.tunnels.sessions.get(message.session);
    const refuse = (): void => {
      if (session !== undefined) mover.tunnels.close(session, "pin: the key is none of the pins");
    };
    month.clock.after(0, refuse);
  };
}

function liveADay(month: Month, day: number): void {
  const { random, clock } = month;
  const endMs = clock.nowMs + 24 * HOUR_MS;
  for (let count = 0; count < TROUBLES_A_DAY; count++) {
    month.run(random.between(1, 3 * HOUR_MS));
    const trouble = random.pick(troubles);
    month.seen.add(trouble.name);
    trouble.begin(month);
    month.run(random.between(1_000, HOUR_MS));
    trouble.end?.(month);
    month.run(BACK_MS);
    assert.is(month.states(), "us up, de up", `day ${day}, after ${trouble.name}`);
  }
  if (day === 12) month.gateway.machine.files.put(`${CONFIG_DIR}/cert.pem`, Buffer.from(ends2062));
  month.run(endMs - clock.nowMs);
}

test("nothing needs a restart", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const month = new Month(seed);
    month.boot();
    month.run(MINUTE_MS);
    const { mover } = month.machine;
    for (let day = 1; day <= DAYS; day++) liveADay(month, day);
    assert.is(month.machine.mover, mover, "the mover is the one that was started");
    assert.is(month.machine.deciderStarts, 1);
    assert.is(month.seen.size, troubles.length, [...month.seen].join(", "));
    assert.ok(month.clock.nowMs >= DAYS * 24 * HOUR_MS);
    assert.match(logOf(month.gateway.machine), /cert\.pem: .*it ends in/);
  }
});

test.run();
