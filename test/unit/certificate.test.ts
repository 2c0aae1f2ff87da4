/** How long a certificate is good, from texts that another program wrote. */
import assert from "node:assert";
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { suite } from "uvu";
import { daysLeft } from "../../ts/engine/certificate.js";
import { ends2026, ends2062 } from "./support/certificates.js";

const test = suite("certificate");
const dayMs = 86_400_000;

test("both forms of a time, against what another reader says", () => {
  for (const pem of [ends2026, ends2062]) {
    const endMs = Date.parse(new X509Certificate(pem).validTo);
    for (const days of [-400, -1, 0, 1, 13, 14, 5_000]) {
      assert.strictEqual(daysLeft(pem, endMs - days * dayMs), days);
    }
    const chain = `subject=CN = a\r\n${pem.replaceAll("\n", "\r\n")}${ends2062}`;
    assert.strictEqual(daysLeft(chain, endMs), 0);
  }
});

test("what is no certificate ends never, and any text is safe", () => {
  const broken = [ends2026.replace(/MII/, "*"), ends2026.slice(0, 90)];
  for (const text of ["", "certificate of us", ...broken]) {
    assert.strictEqual(daysLeft(text, 0), undefined);
  }
  const property = fc.property(fc.nat(ends2026.length), fc.string(), (at, text) => {
    const left = daysLeft(ends2026.slice(0, at) + text + ends2026.slice(at + text.length), 0);
    assert.ok(left === undefined || Number.isInteger(left));
  });
  fc.assert(property, { numRuns: 2_000 });
});

test.run();
