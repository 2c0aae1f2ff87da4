/** Addresses as text, against Node's own reading of them. */
import assert from "node:assert";
import { BlockList, isIP, isIPv4 } from "node:net";
import fc from "fast-check";
import { suite } from "uvu";
import * as ip from "../../ts/model/ip.js";

const test = suite("ip");
const runs = 2_000;

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const bytes6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(255), fc.nat(255)), {
    minLength: 16,
    maxLength: 16,
  })
  .map((bytes) => Uint8Array.from(bytes));
const address = fc.oneof(bytes4, bytes6).map((bytes) => ip.formatIp(bytes));
/** Close to an address, rarely one. */
const nearly = fc
  .array(
    fc.constantFrom(":", "::", ".", "0", "1", "9", "00", "255", "256", "ffff", "g", "F", "1.2.3.4"),
    { maxLength: 17 },
  )
  .map((parts) => parts.join(""));

test("bytes come back from their text", () => {
  const property = fc.property(fc.oneof(bytes4, bytes6), (bytes) => {
    const text = ip.formatIp(bytes);
    assert.deepStrictEqual(ip.ipBytes(text), bytes);
    assert.strictEqual(ip.parseIp(text), text);
    assert.strictEqual(isIP(text), bytes.length === 4 ? 4 : 6);
  });
  fc.assert(property, { numRuns: runs });
});

test("exactly what Node takes for an address is one", () => {
  const text = fc.oneof(nearly, address, fc.ipV4(), fc.ipV6(), fc.string());
  const property = fc.property(text, (candidate) => {
    fc.pre(!candidate.includes("%"));
    assert.strictEqual(ip.parseIp(candidate) !== undefined, isIP(candidate) !== 0, candidate);
  });
  fc.assert(property, { numRuns: 5 * runs });
});

test("IPv6 is written as RFC 5952 wants it", () => {
  const cases: readonly [string, string][] = [
    ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:c000:0201", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ];
  for (const [given, canonical] of cases) assert.strictEqual(ip.parseIp(given), canonical);
});

test("what is no address is refused", () => {
  const refused = ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", " 1.2.3.4", "1.2.3.4 "];
  refused.push(":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1%eth0");
  refused.push("1.2.3.4::", "::1.2.3", "::1.2.3.04", "1:2:3:4:5:6:7:1.2.3.4", "0x1.2.3.4");
  for (const text of refused) assert.strictEqual(ip.parseIp(text), undefined, text);
  assert.throws(() => ip.ipBytes("nonsense"), /"nonsense" is not an address/);
  assert.throws(() => ip.formatIp([1, 2, 3]), RangeError);
});

test("prefixes keep host bits until asked", () => {
  assert.strictEqual(ip.parsePrefix("192.168.1.5/24"), "192.168.1.5/24");
  assert.strictEqual(ip.parsePrefix("192.168.1.5"), "192.168.1.5/32");
  assert.strictEqual(ip.parsePrefix("2001:DB8::5"), "2001:db8::5/128");
  assert.strictEqual(ip.prefixNetwork("192.168.1.5/20"), "192.168.0.0/20");
  assert.strictEqual(ip.prefixNetwork("2001:db8:ffff::5/33"), "2001:db8:8000::/33");
  assert.strictEqual(ip.prefixAddress("10.1.2.3/8"), "10.1.2.3");
  assert.strictEqual(ip.prefixLength("::/0"), 0);
  assert.strictEqual(ip.prefixFamily("::/0"), 6);
  assert.strictEqual(ip.prefixFamily("0.0.0.0/0"), 4);
  assert.strictEqual(ip.makePrefix("10.0.0.1"), "10.0.0.1/32");
  for (const text of ["1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/08", "1.2.3.4/-1", "/8"]) {
    assert.strictEqual(ip.parsePrefix(text), undefined, text);
  }
});

test("containment agrees with Node's block list", () => {
  const prefix = fc.oneof(
    fc.tuple(bytes4, fc.nat(32)),
    fc.tuple(bytes6, fc.nat(128)),
  );
  const property = fc.property(prefix, address, fc.nat(128), ([bytes, length], other, shared) => {
    const outer = `${ip.formatIp(bytes)}/${length}`;
    const near = mix(bytes, ip.ipBytes(other), shared);
    const family = bytes.length === 4 ? "ipv4" : "ipv6";
    const list = new BlockList();
    list.addSubnet(ip.formatIp(bytes), length, family);
    const inside = list.check(ip.formatIp(near), family);
    assert.strictEqual(ip.prefixContains(outer, ip.formatIp(near)), inside);
    assert.strictEqual(ip.prefixContains(ip.prefixNetwork(outer), ip.formatIp(near)), inside);
  });
  fc.assert(property, { numRuns: runs });
});

/** The first `shared` bits of `left`, then what `right` has there. */
function mix(left: Uint8Array, right: Uint8Array, shared: number): Uint8Array {
  return left.map((byte, i) => {
    const mask = 0xff & ~(0xff >> Math.min(8, Math.max(0, shared - i * 8)));
    return (byte & mask) | ((right[i % right.length] ?? 0) & ~mask);
  });
}

test("prefixes contain narrower ones of their own family", () => {
  assert.ok(ip.prefixContains("10.0.0.0/8", "10.2.0.0/16"));
  assert.ok(!ip.prefixContains("10.2.0.0/16", "10.0.0.0/8"));
  assert.ok(!ip.prefixContains("0.0.0.0/0", "::1"));
  assert.ok(ip.prefixContains("::/0", "2001:db8::/32"));
  assert.ok(ip.prefixesOverlap("10.2.0.0/16", "10.0.0.0/8"));
  assert.ok(!ip.prefixesOverlap("10.2.0.0/16", "10.3.0.0/16"));
});

test("private ranges are those of RFC 1918 and RFC 4193", () => {
  for (const text of ["10.0.0.1", "172.31.255.255", "192.168.0.0/16", "fd00::1", "fc00::/7"]) {
    assert.ok(ip.isPrivate(text), text);
  }
  for (const text of ["172.32.0.1", "100.64.0.1", "192.0.0.0/8", "2001:db8::1", "fe80::1"]) {
    assert.ok(!ip.isPrivate(text), text);
  }
});

test("a MAC comes in several writings and leaves in one", () => {
  assert.strictEqual(ip.parseMac("02-AB-00-00-00-01"), "02:ab:00:00:00:01");
  assert.strictEqual(ip.parseMac("02:aB:00:00:00:01"), "02:ab:00:00:00:01");
  const refused = ["", "02:ab:00:00:00", "02:ab:00:00:00:01:02", "2:ab:0:0:0:1", "02ab00000001"];
  refused.push("02:ab-00:00:00:01", "02:ag:00:00:00:01", "00:00:00:00:00:00", "02:ab:00:00:00:01 ");
  for (const text of refused) assert.strictEqual(ip.parseMac(text), undefined, text);
  assert.strictEqual(ip.formatMac(new Uint8Array(6)), "");
  assert.deepStrictEqual(ip.macBytes(""), new Uint8Array(6));
  assert.throws(() => ip.macBytes("02"), /"02" is not a MAC/);
  const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const property = fc.property(bytes, (mac) => {
    assert.deepStrictEqual(ip.macBytes(ip.formatMac(mac)), mac);
  });
  fc.assert(property, { numRuns: runs });
});

test("the oracle tells families apart", () => {
  assert.ok(isIPv4("1.2.3.4") && isIP("::1") === 6 && isIP("1.2.3") === 0);
});

test.run();
