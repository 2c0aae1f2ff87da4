import { test } from "uvu";
import * as assert from "uvu/assert";
import { decide, household, type DeviceSpec } from "adit-policy/testing";
import policy from "./office-balance.policy.ts";

const desks = Array.from({ length: 200 }, (_, i) => `desk-${i}`);

const office = () => {
  const devices: Record<string, DeviceSpec> = {
    server: { addresses: ["10.1.10.5", "fe80::1"] },
    printer: { addresses: ["10.1.30.9"] },
    telephone: { mac: "00:04:13:22:33:44", addresses: ["10.1.20.7"] },
  };
  for (const desk of desks) devices[desk] = { addresses: ["10.1.40.2"] };
  return household({
    locations: { fra1: { rttMs: 9 }, fra2: { rttMs: 8 }, ams1: { rttMs: 14 } },
    devices,
  });
};

test("servers, printers and telephones have their places", () => {
  const now = decide(policy, office());
  assert.is(now.goes("server"), "fra1");
  assert.is(now.goes("printer"), "block");
  assert.is(now.goes("telephone"), "fra2");
});

test("workplaces are spread by the size of the gateways", () => {
  const now = decide(policy, office());
  const share = (name: string) => desks.filter((desk) => now.goes(desk) === name).length;
  assert.ok(share("fra1") > 75 && share("fra1") < 125, `fra1 has ${share("fra1")}`);
  assert.ok(share("fra2") > 30 && share("fra2") < 70, `fra2 has ${share("fra2")}`);
  assert.ok(share("ams1") > 30 && share("ams1") < 70, `ams1 has ${share("ams1")}`);
});

test("when a gateway goes, only its workplaces move, and they come back", () => {
  const day = office();
  const before = decide(policy, day);
  const during = decide(policy, day.down("ams1"));
  for (const desk of desks) {
    if (before.where(desk) === "ams1") assert.is.not(during.where(desk), "ams1");
    else assert.is(during.where(desk), before.where(desk));
  }
  const after = decide(policy, day.up("ams1"));
  for (const desk of desks) assert.is(after.where(desk), before.where(desk));
});

test("partners see one address or none", () => {
  assert.is(decide(policy, office().down("fra1")).goes("server"), "block");
});

test("a call is not cut when another way becomes shorter", () => {
  const day = office();
  assert.is(decide(policy, day).goes("telephone"), "fra2");
  day.location("ams1", { rttMs: 2 });
  assert.is(decide(policy, day).goes("telephone"), "fra2");
});

test.run();
