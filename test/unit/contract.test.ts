/** The TypeScript codec of the contract, and the messages that the C one is compared with. */
import assert from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { suite } from "uvu";
import { ContractError } from "../../ts/host/codec.js";
import type { ContractMessage } from "../../ts/host/contract.gen.js";
import { decodeCommand, decodeMessage, encodeMessage } from "../../ts/host/contract.gen.js";
import { messageBytesMax } from "../../ts/host/contract.gen.js";
import type { RawMessage } from "./support/contract-messages.js";
import { messageArbitrary, readContract } from "./support/contract-messages.js";

const test = suite("contract");
const contract = readContract();
const runs = 30;
const large = { bytesMax: 49_152, elementsMax: 2_048 };
const small = { bytesMax: 24, elementsMax: 3 };

/** Decoded and encoded again by the C codec too; UPDATE_GOLDEN=1 writes it. */
const goldenPath = "test/golden/contract.hex";
const goldenSamples = 4;
const goldenSeed = 20_250_426;

function decodeAny(message: RawMessage, bytes: Uint8Array): { seq: number; message: unknown } {
  return message.from === "mover" ? decodeMessage(bytes) : decodeCommand(bytes);
}

for (const raw of contract.messages) {
  test(`${raw.name} comes back as it was`, () => {
    const message = messageArbitrary(contract, raw, large);
    const property = fc.property(message, fc.nat(0xffff_ffff), (sample, seq) => {
      const bytes = encodeMessage(sample, seq);
      assert.ok(bytes.length <= messageBytesMax);
      assert.deepStrictEqual(decodeAny(raw, bytes), { seq, message: sample });
    });
    fc.assert(property, { numRuns: runs });
  });

  test(`${raw.name} is refused when cut short or too long`, () => {
    const property = fc.property(messageArbitrary(contract, raw, small), (sample) => {
      const bytes = encodeMessage(sample, 1);
      for (let length = 0; length < bytes.length; length += 1) {
        assert.throws(() => decodeAny(raw, bytes.slice(0, length)), ContractError);
      }
      assert.throws(() => decodeAny(raw, Uint8Array.of(...bytes, 0)), /1 bytes too many/);
    });
    fc.assert(property, { numRuns: runs });
  });

  test(`${raw.name} is refused from the wrong side`, () => {
    const [sample] = fc.sample(messageArbitrary(contract, raw, small), { seed: 1, numRuns: 1 });
    const bytes = encodeMessage(sample as ContractMessage, 1);
    const decode = raw.from === "mover" ? decodeCommand : decodeMessage;
    assert.throws(() => decode(bytes), new RegExp(`${raw.name} is not for the`));
  });
}

test("whatever bytes are accepted are the only encoding of their message", () => {
  const raw = fc.constantFrom(...contract.messages);
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 });
  const damaged = raw.chain((one) =>
    fc.tuple(fc.constant(one), messageArbitrary(contract, one, small), damage),
  );
  let accepted = 0;
  const property = fc.property(damaged, ([one, sample, changes]) => {
    const bytes = encodeMessage(sample, 7);
    for (const [position, value] of changes) bytes[8 + (position % bytes.length)] = value;
    try {
      const { message, seq } = decodeAny(one, bytes);
      assert.deepStrictEqual(encodeMessage(message as ContractMessage, seq), bytes);
      accepted += 1;
    } catch (error) {
      assert.ok(error instanceof ContractError, String(error));
    }
  });
  fc.assert(property, { numRuns: 2_000 });
  assert.ok(accepted > 100, `${accepted} accepted`);
});

test("a value that does not fit is refused by name", () => {
  const link = {
    type: "link",
    deleted: false,
    index: 1,
    name: "eth0",
    flags: 0,
    mtu: 1500,
    master: 0,
    mac: "",
  } as const;
  const refused = (change: object, words: RegExp): void => {
    const message = { ...link, ...change } as unknown as ContractMessage;
    assert.throws(() => encodeMessage(message, 0), words);
  };
  refused({ name: "x".repeat(17) }, /link\.name: 17 bytes, at most 16/);
  refused({ name: "€".repeat(6) }, /link\.name: 18 bytes, at most 16/);
  refused({ name: "a\0b" }, /link\.name: has a NUL/);
  refused({ name: 5 }, /link\.name: 5 is not a string/);
  refused({ index: -1 }, /link\.index: -1 is not an integer of 0 to 4294967295/);
  refused({ index: 1.5 }, /link\.index/);
  refused({ mtu: 2 ** 32 }, /link\.mtu/);
  refused({ mtu: undefined }, /link\.mtu: undefined/);
  refused({ deleted: 1 }, /link\.deleted: 1 is not a boolean/);
  refused({ mac: "02:00" }, /link\.mac: "02:00" is not a MAC/);
  refused({ type: "lynx" }, /no message "lynx"/);
  assert.doesNotThrow(() => encodeMessage({ ...link, name: "x".repeat(16) }, 0));
});

test("elements of a list are counted and named", () => {
  const entry = { prefix: "10.0.0.0/8", slot: 1 };
  const message = (entries: readonly object[]): ContractMessage =>
    ({
      type: "forward_set",
      byDestination: false,
      hairpin: false,
      entries,
    }) as unknown as ContractMessage;
  const full = encodeMessage(message(new Array(2_048).fill(entry)), 1);
  assert.strictEqual(full.length, 8 + 2 + 2 + 2_048 * 10);
  assert.throws(
    () => encodeMessage(message(new Array(2_049).fill(entry)), 1),
    /forward_set\.entries: 2049 elements, at most 2048/,
  );
  assert.throws(
    () => encodeMessage(message([entry, { ...entry, prefix: "10.0.0.0/33" }]), 1),
    /forward_set\.entries\[1\]\.prefix: "10\.0\.0\.0\/33" is not a prefix/,
  );
});

function changed(bytes: Uint8Array, position: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[position] = value;
  return copy;
}

test("the header is checked", () => {
  const ping = encodeMessage({ type: "ping", token: 1 }, 5);
  assert.deepStrictEqual([...ping], [6, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0]);
  assert.throws(() => decodeMessage(changed(ping, 2, 1)), /no message has id 65542/);
  assert.throws(() => decodeMessage(changed(ping, 0, 200)), /no message has id 200/);
  assert.throws(() => encodeMessage({ type: "ping", token: 1 }, 2 ** 32), ContractError);
});

test("text is well-formed and u64 is exact", () => {
  const value = encodeMessage({ type: "sysctl_value", error: 0, value: "abc" }, 1);
  for (const bytes of ["\xff__", "\xc0\x80_", "\xed\xa0\x80", "a\0b", "\xe2\x82A"]) {
    const bad = value.slice();
    bad.set(Buffer.from(bytes, "latin1"), value.length - 3);
    assert.throws(() => decodeMessage(bad), /sysctl_value\.value: is not text/);
  }
  const stats = encodeMessage(
    {
      type: "stats",
      sessions: [],
      tunRxPackets: Number.MAX_SAFE_INTEGER,
      tunTxPackets: 0,
      dropNoRoute: 0,
      dropNoSession: 0,
      dropInvalid: 0,
      uptimeMs: 0,
    },
    1,
  );
  assert.deepStrictEqual([...stats.slice(10, 18)], [255, 255, 255, 255, 255, 255, 31, 0]);
  const beyond = changed(stats, 16, 32);
  assert.throws(() => decodeMessage(beyond), /stats\.tunRxPackets: exceeds 53 bits/);
});

test("the golden messages are what this codec writes", () => {
  const lines = contract.messages.flatMap((raw) => {
    const options = { seed: goldenSeed, numRuns: goldenSamples };
    const samples = fc.sample(messageArbitrary(contract, raw, small), options);
    return samples.map((sample, seq) => {
      const bytes = encodeMessage(sample, seq * 0x1010_1010);
      return `${raw.name} ${Buffer.from(bytes).toString("hex")}\n`;
    });
  });
  const text = `# Name and bytes of messages, for both codecs.\n${lines.join("")}`;
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(goldenPath, text);
  assert.strictEqual(readFileSync(goldenPath, "utf8"), text);
});

test.run();
