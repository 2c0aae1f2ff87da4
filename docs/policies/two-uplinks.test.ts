import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, hear, household } from "adit-policy/testing";
import policy from "./two-uplinks.policy.ts";

const home = () =>
  household({
    uplinks: { eth1: {}, wwan0: {} },
    locations: {
      de: { peers: ["198.51.100.1:51820", "198.51.100.1:443"] },
      nl: { peers: ["203.0.113.1:443"] },
    },
    devices: { "tv-lounge": {}, "phone-mia": {}, "alarm": {} },
  });

test("on fibre everything goes", () => {
  const now = decide(policy, home());
  assert.is(now.goes("tv-lounge"), "de");
  assert.is(now.goes("alarm"), "de");
  assert.equal(now.peers, {});
});

test("on the mobile network only what matters goes", () => {
  const now = decide(policy, home().uplink("eth1", false));
  assert.is(now.goes("tv-lounge"), "block");
  assert.is(now.why("tv-lounge"), "mobile network");
  assert.is(now.goes("phone-mia"), "de");
  assert.is(now.goes("alarm"), "de");
});

test("on the mobile network port 443 is dialled first", () => {
  const now = decide(policy, home().uplink("eth1", false));
  assert.equal(now.peers.de, ["198.51.100.1:443", "198.51.100.1:51820"]);
});

test("a location that goes away is replaced", () => {
  assert.is(decide(policy, home().down("de")).goes("phone-mia"), "nl");
});

test("tunnels are dialled again when the fibre comes or goes, and only then", () => {
  const evening = home();
  assert.equal(hear(policy, evening).effects, []);
  evening.uplink("eth1", false);
  assert.equal(hear(policy, evening).effects, [
    { effect: "notify", text: "on the mobile network" },
    { effect: "reconnect", location: "de" },
    { effect: "reconnect", location: "nl" },
  ]);
  evening.uplink("wwan0", false);
  assert.equal(hear(policy, evening).effects, []);
});

test.run();
