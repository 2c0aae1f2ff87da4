/**
 * Names of gateways in virtual time. Goal: what a resolver says, leaves out or does not say any
 * more costs a bounded time, and a name that leads elsewhere is followed without a restart.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { rtprot } from "../../runtime/sim/constants.js";
import type { Host } from "../../runtime/sim/dns-server.js";
import { createDnsServer } from "../../runtime/sim/dns-server.js";
import { Random } from "../../runtime/sim/random.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { GATEWAY_PORT, locations, RESOLVER } from "../../runtime/sim/topology.js";
import { Household } from "./household.js";
import { MINUTE_MS } from "./support.js";

const TYPE_A = 1;
const TYPE_AAAA = 28;
const DROP_COSTS_MS = 300;
const DEAD_FAMILY_COSTS_MS = 2_500;
const UP_MS = 1_000;
const STEP_MS = 10;

const test = suite("sim: names");
const engine = await loadEngine("node");
const [us] = locations;
if (us === undefined) throw new Error("the simulated world has no location");
const NAME = "gateway.example";
const NEW4 = "198.51.100.77";

class Reliable extends Random {
  override chance(): boolean {
    return false;
  }
}

/** One location whose gateway has a name; the test is its resolver. */
class Home extends Household {
  readonly hosts = new Map<string, Host>([[NAME, us as Host]]);
  readonly network = this.machine.around.network;
  /** Types of questions that are not answered. */
  readonly dropped = new Set<number>();
  readonly asked: string[] = [];
  dialled: { readonly to: string; readonly atMs: number }[] = [];

  constructor(host: string, seed = 1) {
    super(engine, new Map(), {}, seed);
    const { files, descriptors } = this.machine;
    const text = Buffer.from(files.get(files.configPath)?.data ?? []).toString();
    const config = JSON.parse(text) as { locations: { peers: { endpoint: string }[] }[] };
    const [location] = config.locations;
    const peers = location?.peers.map((peer) => ({ ...peer, endpoint: host }));
    const only = { ...config, locations: [{ ...location, peers }], resolvers: [RESOLVER] };
    files.put(files.configPath, Buffer.from(JSON.stringify(only)));
    descriptors.dns = (query) => {
      const type = query[query.length - 3] ?? 0;
      this.asked.push(`${type}`);
      if (this.dropped.has(type)) return undefined;
      return createDnsServer(this.hosts, new Reliable(1))(query);
    };
    const connect = this.network.connect.bind(this.network);
    this.network.connect = (...args) => {
      this.dialled.push({ to: args[2], atMs: this.clock.nowMs });
      return connect(...args);
    };
  }

  state(): { readonly state: string; readonly peer: string } {
    const status = JSON.parse(this.ask("GET", "/v1/status").body) as {
      locations: { state: string; peer: string }[];
    };
    return status.locations[0] ?? { state: "none", peer: "" };
  }

  /** Milliseconds until the tunnel is up, which it must be by then. */
  upWithin(limitMs: number): number {
    const sinceMs = this.clock.nowMs;
    while (this.state().state !== "up") {
      const waitedMs = this.clock.nowMs - sinceMs;
      const shown = JSON.stringify(this.state());
      assert.ok(waitedMs <= limitMs, `not up after ${waitedMs} ms: ${shown}`);
      this.run(STEP_MS);
    }
    return this.clock.nowMs - sinceMs;
  }

  /** The gateway is found under another address, and under its old one nobody answers. */
  move(to: Host): void {
    for (const address of [us?.addr4, us?.addr6]) this.network.addresses.delete(address ?? "");
    for (const address of [to.addr4, to.addr6]) this.network.place(address, "us");
    this.hosts.set(NAME, to);
    this.network.reset("us", "reset: by the peer");
  }
}

const NAMED = `${NAME}:${GATEWAY_PORT}`;

test("A and AAAA are asked for together", () => {
  const home = new Home(NAMED);
  home.boot();
  home.upWithin(UP_MS);
  assert.equal(home.asked.slice(0, 2).sort(), [String(TYPE_A), String(TYPE_AAAA)]);
});

test("a resolver that drops one type costs at most 300 ms", () => {
  const firstDialMs = (...dropped: readonly number[]): number => {
    const home = new Home(NAMED);
    for (const type of dropped) home.dropped.add(type);
    home.boot();
    return home.dialled[0]?.atMs ?? Infinity;
  };
  const calm = firstDialMs();
  for (const type of [TYPE_A, TYPE_AAAA]) {
    const cost = firstDialMs(type) - calm;
    assert.ok(cost > 0 && cost <= DROP_COSTS_MS, `type ${type} costs ${cost} ms`);
  }
  assert.is(firstDialMs(TYPE_A, TYPE_AAAA), Infinity);
});

test("a family that leads nowhere costs one short try", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const dead = seed % 2 === 0 ? "addr4" : "addr6";
    const home = new Home(NAMED, seed);
    home.network.addresses.delete(us[dead]);
    home.boot();
    home.upWithin(DEAD_FAMILY_COSTS_MS);
    const tries = home.dialled.filter(({ to }) => to === us[dead]);
    assert.ok(tries.length <= 1, JSON.stringify(home.dialled));
  }
});

test("a name that leads elsewhere by now is asked about again once the session is lost", () => {
  const home = new Home(NAMED);
  home.boot();
  home.upWithin(UP_MS);
  home.run(90 * MINUTE_MS);
  const asked = home.asked.length;
  assert.is(asked, 2, "who is up asks nothing");
  home.move({ addr4: NEW4, addr6: "2001:db8:100::77" });
  home.run(200);
  home.upWithin(UP_MS);
  assert.is.not(home.asked.length, asked);
  assert.match(home.state().peer, /77/);
});

test("a resolver that is gone leaves the addresses that it told last", () => {
  const home = new Home(NAMED);
  home.boot();
  home.upWithin(UP_MS);
  home.run(90 * MINUTE_MS);
  for (const type of [TYPE_A, TYPE_AAAA]) home.dropped.add(type);
  home.network.reset("us", "reset: by the peer");
  home.run(200);
  home.upWithin(10_000);
});

/** As in a network that gives no IPv4. */
function dropRoutes4(home: Home): void {
  home.machine.kernel.removeRoute(({ dst, protocol }) => {
    return dst === "0.0.0.0/0" && protocol === rtprot.DHCP;
  });
}

test("a network without IPv4 is asked for its NAT64, also for a literal address", () => {
  for (const host of [`${us.addr4}:${GATEWAY_PORT}`, NAMED]) {
    const home = new Home(host);
    home.hosts.set(NAME, { addr4: us.addr4, addr6: undefined as unknown as string });
    // They stand in 2001:db8:64:ff00::/56 (RFC 6052 section 2.2).
    home.hosts.set("ipv4only.arpa", { addr4: "192.0.0.170", addr6: "2001:db8:64:ffc0:0:aa::" });
    dropRoutes4(home);
    home.network.addresses.delete(us.addr4);
    home.network.place("2001:db8:64:ffc6:33:640a::", "us");
    home.boot();
    home.upWithin(UP_MS);
    assert.match(home.state().peer, /^2001:db8:64:ffc6:33:640a:: /);
    const without = new Home(host);
    dropRoutes4(without);
    without.hosts.set(NAME, { addr4: us.addr4, addr6: undefined as unknown as string });
    without.boot();
    without.run(MINUTE_MS);
    assert.is.not(without.state().state, "up");
  }
});

test.run();
