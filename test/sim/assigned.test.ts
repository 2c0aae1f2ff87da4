/**
 * A gateway that assigns what is not its to give. Goal: its location says why it is down and takes
 * nothing from anybody; the other location, the router and its devices go on; nothing of it stays.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadEngine } from "../../runtime/sim/run.js";
import { addressOf, UPLINK } from "../../runtime/sim/topology.js";
import { Household } from "./household.js";

const SIGHUP = 1;
const WAIT_MS = 30_000;

const test = suite("sim: assigned addresses");
const engine = await loadEngine("node");

interface Location {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
}

class Home extends Household {
  constructor(insists: object) {
    super(engine);
    this.insist(insists);
    this.boot();
    this.run(WAIT_MS);
  }

  insist(members: object): void {
    const us = this.gateways.get("us");
    if (us !== undefined) us.insists = { ...members };
  }

  location(name: string): Location {
    const { locations } = JSON.parse(this.ask("GET", "/v1/status").body) as {
      locations: Location[];
    };
    return locations.find((one) => one.name === name) as Location;
  }

  /** Everything that we wrote into the kernel, to look for an address in. */
  kernelText(): string {
    const { kernel } = this.machine;
    const { rules, routes } = kernel;
    const held = [...rules, ...routes].map((one) => JSON.stringify(one));
    return held.filter((one) => one.includes('"protocol":173')).join("\n");
  }
}

const bad: [members: object, why: RegExp][] = [
  [{ addr4: "203.0.113.2/24" }, /203\.0\.113\.2, .* outside inner_ranges/],
  [{ addr4: "127.0.0.1/8" }, /127\.0\.0\.1, .* outside inner_ranges/],
  [{ addr4: "198.51.100.20/24" }, /198\.51\.100\.20, .* outside/],
  [{ addr4: "192.168.1.10/24" }, /192\.168\.1\.10, .* lies in the network of br-lan/],
  [{ addr6: "2001:db8:0:1::2/64" }, /2001:db8:0:1::2, .* outside/],
  [{ addr6: "fd00:2::30/64" }, /fd00:2::30, .* lies in the network of br-guest/],
  [{ addr4: "100.73.0.73/24" }, /100\.73\.0\.73, .* address of the TUN/],
];

test("a bad assignment is an error of its location and of no other", () => {
  for (const [members, why] of bad) {
    const home = new Home(members);
    const us = home.location("us");
    assert.match(us.reason, /^address: /);
    assert.match(us.reason, why);
    assert.is(us.state, "down");
    assert.is(home.location("de").state, "up", JSON.stringify(members));
    const [address = ""] = String(Object.values(members)[0]).split("/");
    const rest = home.kernelText().replaceAll(/100\.73\.0\.73(?!\/24)/g, "");
    assert.not.match(rest, new RegExp(`"src":"${address}/|"dst":"${address}/(32|128)`));
    home.insist({});
    home.run(WAIT_MS * 2);
    assert.is(home.location("us").state, "up");
  }
});

test("an address that the router comes to use is given up, and nothing of it stays", () => {
  const home = new Home({ addr4: "10.64.0.77/16" });
  assert.is(home.location("us").state, "up");
  assert.match(home.kernelText(), /10\.64\.0\.77\//);
  addressOf(home.machine.kernel, UPLINK, ["10.64.0.77/24"]);
  home.run(WAIT_MS);
  assert.match(home.location("us").reason, /10\.64\.0\.77, .* is the router's own on eth1/);
  assert.not.match(home.kernelText(), /10\.64\.0\.77\//);
  home.machine.signal(SIGHUP);
  home.run(WAIT_MS);
  assert.not.match(home.kernelText(), /10\.64\.0\.77\//);
  assert.is(home.location("de").state, "up");
});

test.run();
