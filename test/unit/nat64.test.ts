/** Prefixes of a NAT64 as RFC 6052 section 2.4 lists them, shown as RFC 7050 says. */
import assert from "node:assert";
import fc from "fast-check";
import { suite } from "uvu";
import { formatIp } from "../../ts/model/ip.js";
import { throughNat64 } from "../../ts/model/nat64.js";

const test = suite("nat64");
const target = "192.0.2.33";

/** What the name's address 192.0.0.170 becomes under each prefix, and what the target does. */
const rows: readonly (readonly [shown: string, expected: string])[] = [
  ["2001:db8:c000:aa::", "2001:db8:c000:221::"],
  ["2001:db8:1c0:0:aa::", "2001:db8:1c0:2:21::"],
  ["2001:db8:122:c000:0:aa00::", "2001:db8:122:c000:2:2100::"],
  ["2001:db8:122:3c0:0:aa::", "2001:db8:122:3c0:0:221::"],
  ["2001:db8:122:344:c0:0:aa00:0", "2001:db8:122:344:c0:2:2100::"],
  ["2001:db8:122:344::192.0.0.170", "2001:db8:122:344::192.0.2.33"],
  ["64:ff9b::192.0.0.171", "64:ff9b::192.0.2.33"],
];

test("every length of prefix", () => {
  for (const [shown, expected] of rows) {
    const [found] = throughNat64([target], ["2001:db8::1", shown].map(canonical));
    assert.strictEqual(found, canonical(expected), shown);
  }
});

test("IPv6 stays, and so does all without a prefix", () => {
  const both = [target, "2001:db8::7"];
  assert.deepStrictEqual(throughNat64(both, []), both);
  assert.deepStrictEqual(throughNat64(both, ["2001:db8::1"]), both);
  assert.strictEqual(throughNat64(both, ["64:ff9b::c000:aa"])[1], "2001:db8::7");
});

test("any answer is safe", () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const property = fc.property(fc.array(bytes), (answers) => {
    const [found] = throughNat64([target], answers.map((one) => formatIp(one)));
    assert.ok(found !== undefined && (found === target || found.includes(":")));
  });
  fc.assert(property);
});

function canonical(text: string): string {
  const url = new URL(`http://[${text}]/`);
  return url.hostname.slice(1, -1);
}

test.run();
