/**
 * Certificates of a gateway in virtual time. Goal: what is renewed is served without a restart,
 * told to be ending in time, and a file that is broken half-way takes nothing away.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { callApi } from "../../runtime/sim/api-client.js";
import { Clock } from "../../runtime/sim/clock.js";
import { BundleGateway } from "../../runtime/sim/gateways.js";
import { CONFIG_DIR } from "../../runtime/sim/machine.js";
import { Network } from "../../runtime/sim/network.js";
import { Random } from "../../runtime/sim/random.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { locations } from "../../runtime/sim/topology.js";
import { Trace } from "../../runtime/sim/trace.js";
import { ends2026, ends2062 } from "../unit/support/certificates.js";
import { MINUTE_MS } from "./support.js";

const SIGHUP = 1;
/** What the mover reads at most. */
const FILE_BYTES_MAX = 1_048_576;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const test = suite("sim: certificates");
const engine = await loadEngine("node");
const [us] = locations;
if (us === undefined) throw new Error("the simulated world has no location");

class Gateway {
  readonly clock = new Clock();
  readonly machine;
  /** Certificate files of the listeners that the mover was asked for. */
  readonly listened: string[] = [];

  constructor(pem: string, now: string) {
    const { clock } = this;
    clock.wallOffsetMs = Date.parse(now);
    const network = new Network(clock, new Random(1));
    const around = { clock, network, trace: new Trace(clock, 0), engine, random: new Random(2) };
    const gateway = new BundleGateway(us as (typeof locations)[number], around);
    this.machine = gateway.machine;
    this.put("cert.pem", pem);
    this.machine.onCommand = (message) => {
      if (message.type === "listen") this.listened.push(message.certFile);
    };
    gateway.start();
    this.run(3_000);
  }

  put(name: string, text: string): void {
    this.machine.files.put(`${CONFIG_DIR}/${name}`, Buffer.from(text));
  }

  run(delayMs: number): void {
    this.clock.run(this.clock.nowMs + delayMs);
  }

  daysLeft(): unknown {
    let found: unknown;
    callApi(this.machine, "GET", "/v1/status", undefined, ({ body }) => {
      found = (JSON.parse(body) as { certificates: object[] }).certificates;
    });
    this.run(1_000);
    return found;
  }

  warnings(): string[] {
    const lines = this.machine.logs.map(({ text }) => text);
    return lines.filter((text) => text.includes("good for 14 days more"));
  }
}

test("the end of a certificate is told from 14 days before, once a day", () => {
  const gateway = new Gateway(ends2026, "2026-11-26T10:00:00Z");
  assert.equal(gateway.daysLeft(), [{ file: "/etc/adit/cert.pem", days_left: 15 }]);
  assert.equal(gateway.warnings(), []);
  gateway.run(2 * DAY_MS);
  assert.equal(gateway.daysLeft(), [{ file: "/etc/adit/cert.pem", days_left: 13 }]);
  assert.is(gateway.warnings().length, 1);
  assert.match(gateway.warnings()[0] ?? "", /cert\.pem: .*it ends in 13 days/);
  gateway.run(14 * DAY_MS);
  assert.is(gateway.warnings().length, 15);
  assert.match(gateway.warnings().at(-1) ?? "", /it has ended/);
  gateway.put("cert.pem", ends2062);
  gateway.run(HOUR_MS);
  const [{ days_left: left } = { days_left: 0 }] = gateway.daysLeft() as { days_left: number }[];
  assert.ok(left > 10_000);
});

test("a renewed file is taken within the hour, another one after a reload", () => {
  const gateway = new Gateway(ends2062, "2026-12-01T00:00:00Z");
  assert.ok(gateway.listened.length > 0);
  gateway.listened.length = 0;
  gateway.run(HOUR_MS);
  assert.equal(gateway.listened, ["/etc/adit/cert.pem"]);
  gateway.put("new.pem", ends2062);
  const config = gateway.machine.files.get("/etc/adit/adit.json")?.data ?? new Uint8Array(0);
  gateway.put("adit.json", Buffer.from(config).toString().replace("cert.pem", "new.pem"));
  gateway.machine.signal(SIGHUP);
  gateway.run(3_000);
  assert.equal(gateway.listened, ["/etc/adit/cert.pem", "/etc/adit/new.pem"]);
});

test("a file that cannot be read is told once, and what is served stays", () => {
  const gateway = new Gateway(ends2062, "2026-12-01T00:00:00Z");
  gateway.put("cert.pem", "x".repeat(FILE_BYTES_MAX + 1));
  gateway.run(5 * HOUR_MS);
  const told = gateway.machine.logs.filter(({ text }) => text.includes("is not taken"));
  assert.is(told.length, 1);
  assert.is(gateway.machine.mover?.tunnels.listeners.size, 1);
});

test.run();
