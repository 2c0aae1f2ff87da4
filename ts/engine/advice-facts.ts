/** What the world of a script needs beside the kernel: names from leases, rates from counters. */
import { request } from "../host/channel.js";
import type { StatsMessage } from "../host/contract.gen.js";
import { ENOENT } from "../host/errno.js";
import { readFile } from "../host/transfer.js";
import { routerOf } from "../model/config.js";
import type { Mac } from "../model/ip.js";
import { parseLeases } from "../policy/leases.js";
import type { Rate } from "../policy/world.js";
import type { Core } from "./core.js";
import { afterMs, nowMs } from "./core.js";
import type { Tunnels } from "./tunnels.js";

/** Between two looks at counters, and between two readings of leases while nothing happens. */
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
  /** What `names` were read from. */
  leases: string;
  countedMs: number;
  readonly rates: Map<string, Rate>;
  /** Monotonic time at which a device was first seen without a break. */
  readonly seenMs: Map<Mac, number>;
  readonly counters: Map<string, Counters>;
}

export function createFacts(): AdviceFacts {
  return {
    ...{ names: new Map(), leases: "", countedMs: -Infinity },
    ...{ rates: new Map(), seenMs: new Map(), counters: new Map() },
  };
}

/** Before a script is asked: names as they are, and counters, unless somebody looks anyway. */
export function readFacts(
  core: Core,
  facts: AdviceFacts,
  tunnels: Tunnels,
  done: () => void,
): void {
  const isDue = nowMs(core) >= facts.countedMs + factsMs && !hasLoads(core);
  if (!isDue) return readLeases(core, facts, done);
  return readCounters(core, facts, tunnels, () => readLeases(core, facts, done));
}

/**
 * Looks from now on at what no message tells and a script is asked again for, loads and names,
 * until the deadline of this name is cleared.
 */
export function watchFacts(
  core: Core,
  facts: AdviceFacts,
  tunnels: Tunnels,
  onFacts: () => void,
): void {
  const isLoaded = hasLoads(core);
  core.deadlines.clear("policy facts");
  if (!isLoaded && leasesPath(core) === "") return;
  afterMs(core, "policy facts", factsMs, "loads and names for the script", () => {
    const { names } = facts;
    const read = (): void =>
      readLeases(core, facts, () => {
        if (isLoaded || facts.names !== names) onFacts();
      });
    if (isLoaded) readCounters(core, facts, tunnels, read);
    else read();
    watchFacts(core, facts, tunnels, onFacts);
  });
}

function hasLoads({ config }: Core): boolean {
  const { locations = [] } = routerOf(config) ?? {};
  return locations.some(({ capacityMbit }) => capacityMbit !== undefined);
}

function leasesPath({ config }: Core): string {
  return routerOf(config)?.policy.leasesFile ?? "";
}

/** A file that cannot be read names nobody. */
function readLeases(core: Core, facts: AdviceFacts, done: () => void): void {
  const path = leasesPath(core);
  if (path === "") return done();
  readFile(core.channel, path, (result) => {
    const bytes = result instanceof Uint8Array ? core.native.utf8Decode(result) : "";
    const text = bytes ?? "";
    if (text !== facts.leases) facts.names = parseLeases(text);
    facts.leases = text;
    if (!(result instanceof Uint8Array) && result.error !== -ENOENT) {
      core.log.writeOnce("warning", `leases ${result.text}`, `leases: ${result.text}`);
    }
    done();
  });
}

function readCounters(core: Core, facts: AdviceFacts, tunnels: Tunnels, done: () => void): void {
  facts.countedMs = nowMs(core);
  request(core.channel, { type: "stats_get" }, (answer) => {
    if (answer.type !== "stats") throw new Error(`answer ${answer.type} to stats_get`);
    takeRates(core, facts, tunnels, answer);
    done();
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
