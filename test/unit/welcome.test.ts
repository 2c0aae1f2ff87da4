/** Control frames: ours come back from their text, any text of others is safe. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { greetingText, readGatewayAnswer, welcomeText } from "../../ts/tunnel/welcome.js";
import { welcomeOf } from "./support/configs.js";

const test = suite("welcome");
const welcome = welcomeOf(5);

test("any text is safe as a gateway's answer", () => {
  const frame = fc.record(
    {
      v: fc.constantFrom<unknown>(1, 2, "1", null),
      addr4: fc.oneof(fc.string(), fc.ipV4().map((ip) => `${ip}/16`), fc.anything()),
      addr6: fc.oneof(fc.string(), fc.ipV6().map((ip) => `${ip}/64`), fc.anything()),
      mtu: fc.oneof(fc.integer(), fc.anything()),
      segments: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(fc.string(), fc.json(), frame.map((one) => JSON.stringify(one)));
  const property = fc.property(fc.oneof(text, fc.constant(undefined)), (candidate) => {
    const answer = readGatewayAnswer(candidate);
    if (answer.kind !== "welcome") return;
    const { addr4, addr6, mtu } = answer.welcome;
    assert.ok(addr4 !== "" || addr6 !== "");
    assert.ok(mtu >= 1_280 && mtu <= 65_535);
  });
  fc.assert(property, { numRuns: 3_000 });
});

test("a welcome comes back from its text", () => {
  for (const one of [welcome, { ...welcome, addr6: "" }, { ...welcome, addr4: "" }]) {
    const answer = readGatewayAnswer(welcomeText(one));
    assert.deepStrictEqual(answer, { kind: "welcome", welcome: one });
  }
});

test("network, broadcast and small MTUs are no welcome", () => {
  const bad = [
    { addr4: "10.64.0.0/16" },
    { addr4: "10.64.255.255/16" },
    { addr4: "fd00::5/64" },
    { addr6: "fd00:64::/64" },
    { mtu: 1_279 },
    { mtu: 65_536 },
    { addr4: "", addr6: "" },
  ];
  for (const change of bad) {
    const answer = readGatewayAnswer(welcomeText({ ...welcome, ...change }));
    assert.strictEqual(answer.kind, "invalid", JSON.stringify(change));
  }
});

test("a greeting names wishes only if there are any", () => {
  const none = { token: "t", segments: true, want4: "", want6: "" };
  assert.deepStrictEqual(JSON.parse(greetingText(none)), { v: 1, token: "t", segments: true });
  const text = greetingText({ ...none, want4: "10.64.0.5" });
  assert.strictEqual(JSON.parse(text).want4, "10.64.0.5");
});

test.run();
