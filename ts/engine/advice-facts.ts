/** What the world of a script needs beside the kernel: names from leases, rates from counters. */
import { request } from "../host/channel.js";
import type { StatsMessage } from "../host/contract.gen.js";
import { ENOENT } from "../host/errno.js";
import { readFile } from "../host/transfer.js";
import type { Mac } from "../model/ip.js";
import { parseLeases } from "../policy/leases.js";
import type { Rate } from "../policy/world.js";
import type { Core } from "./core.js";
import { afterMs, nowMs } from "./core.js";
import type { Tunnels } from "./tunnels.js";

/** Names may be learned and rates are looked at this often, while a script is loaded. */
const factsMs = 10_000;
/** Segments between two looks below which their loss is chance and is not told. */
const lossSegmentsMin = 100;

interface Counters {
  readonly atMs: number;
  readonly session: number;
  readonly txBytes: number;
  readonly rxBytes: number;
  readonly segmentsOut: number;
  readonly segmentsAgain: number;
}

export interface AdviceFacts {
  names: ReadonlyMap<Mac, string>;
  readonly rates: Map<string, Rate>;
  /** Monotonic time at which a device was first seen without a break. */
  readonly seenMs: Map<Mac, number>;
  readonly counters: Map<string, Counters>;
}

export function createFacts(): AdviceFacts {
  return { names: new Map(), rates: new Map(), seenMs: new Map(), counters: new Map() };
}

/** Reads the lease file anew, if there is one; a file that cannot be read names nobody. */
export function readLeases(core: Core, facts: AdviceFacts, done: () => void): void {
  const path = core.config?.role === "router" ? core.config.policy.leasesFile : "";
  if (path === "") return done();
  readFile(core.channel, path, (result) => {
    const text = result instanceof Uint8Array ? core.native.utf8Decode(result) : "";
    facts.names = parseLeases(text ?? "");
    if (!(result instanceof Uint8Array) && result.error !== -ENOENT) {
      core.log.writeOnce("warning", `leases ${result.text}`, `leases: ${result.text}`);
    }
    done();
  });
}

/** Looks at counters and leases from now on, until the deadline of this name is cleared. */
export function watchRates(
  core: Core,
  facts: AdviceFacts,
  tunnels: Tunnels,
  onFacts: () => void,
): void {
  afterMs(core, "policy facts", factsMs, "rates and names for the script", () => {
    request(core.channel, { type: "stats_get" }, (answer) => {
      if (answer.type !== "stats") throw new Error(`answer ${answer.type} to stats_get`);
      takeRates(core, facts, tunnels, answer);
      readLeases(core, facts, onFacts);
    });
    watchRates(core, facts, tunnels, onFacts);
  });
}

function takeRates(core: Core, facts: AdviceFacts, tunnels: Tunnels, stats: StatsMessage): void {
  const atMs = nowMs(core);
  for (const { session, slot, rttUs, ...counts } of stats.sessions) {
    const tunnel = tunnels.bySlot.get(slot);
    if (tunnel?.session !== session) continue;
    const { name } = tunnel.location;
    const before = facts.counters.get(name);
    if (rttUs > 0) tunnels.rttMs.set(slot, rttUs / 1_000);
    facts.counters.set(name, { atMs, session, ...counts });
    if (before?.session !== session || atMs <= before.atMs) continue;
    const bps = (bytes: number): number => Math.round((bytes * 8_000) / (atMs - before.atMs));
    const txBps = bps(counts.txBytes - before.txBytes);
    const rxBps = bps(counts.rxBytes - before.rxBytes);
    facts.rates.set(name, { txBps, rxBps, loss: lossOf(before, counts) });
  }
  for (const name of facts.rates.keys()) {
    if (facts.counters.get(name)?.atMs !== atMs) facts.rates.delete(name);
  }
}

type Segments = Pick<Counters, "segmentsOut" | "segmentsAgain">;

/** In thousandths; the counters wrap at 32 bits. */
function lossOf(before: Segments, after: Segments): number | undefined {
  const sent = (after.segmentsOut - before.segmentsOut) >>> 0;
  const again = (after.segmentsAgain - before.segmentsAgain) >>> 0;
  if (sent < lossSegmentsMin) return undefined;
  return Math.min(1, Math.round((again * 1_000) / sent) / 1_000);
}
