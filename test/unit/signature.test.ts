/**
 * Signed scripts. Goal: nothing but the bytes that a known key signed, for this target and with a
 * higher version than before, is taken. Method: keys and signatures of Node's Ed25519 in the file
 * formats of usign; every one-bit flip, every truncation, foreign keys, targets and versions.
 */
import assert from "node:assert";
import { generateKeyPairSync, createPublicKey, sign, verify } from "node:crypto";
import { suite } from "uvu";
import type { Trust } from "../../ts/engine/signature.js";
import { checkSigned, isPublicKey } from "../../ts/engine/signature.js";
import type { Native } from "../../ts/host/native.js";

const test = suite("signature");

/** What stands before the 32 bytes of a public key in its DER form. */
const derPrefix = Buffer.from("302a300506032b6570032100", "hex");
let verified = 0;

const native = {
  verifyEd25519(key: Uint8Array, signature: Uint8Array, bytes: Uint8Array): boolean {
    verified += 1;
    const der = Buffer.concat([derPrefix, key]);
    const known = createPublicKey({ key: der, format: "der", type: "spki" });
    return verify(null, bytes, known, signature);
  },
} as unknown as Native;

interface Signer {
  readonly publicKey: string;
  readonly sign: (text: string | Uint8Array) => string;
}

function makeSigner(number: string): Signer {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const head = Buffer.concat([Buffer.from("Ed"), Buffer.from(number, "hex")]);
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(derPrefix.length);
  const encode = (bytes: Uint8Array): string => Buffer.concat([head, bytes]).toString("base64");
  return {
    publicKey: encode(raw),
    sign: (text) => {
      const signature = encode(sign(null, Buffer.from(text), privateKey));
      return `untrusted comment: signed by key ${number}\n${signature}\n`;
    },
  };
}

const signer = makeSigner("0102030405060708");
const other = makeSigner("1111111111111111");
const impostor = makeSigner("0102030405060708");
const trust: Trust = { keys: [other.publicKey, signer.publicKey], target: "home", versionMax: 4 };
const script = "// adit-policy target=home version=5\nexport default {};\n";

function check(
  text: string | Uint8Array,
  signature: string | undefined,
  more: object = {},
): unknown {
  const bytes = new Uint8Array(Buffer.from(text));
  return checkSigned(native, { module: "policy", bytes, signature }, { ...trust, ...more });
}

function refused(answer: unknown, why: RegExp): void {
  assert.match(String(answer), why);
  assert.ok(typeof answer === "string");
}

test("a signed script tells its target and version", () => {
  assert.deepStrictEqual(check(script, signer.sign(script)), { target: "home", version: 5 });
});

test("every one-bit flip of script and signature is refused", () => {
  const signature = signer.sign(script);
  let count = 0;
  const flips = (text: string, from: number, run: (flipped: Buffer) => unknown): void => {
    for (let bit = from * 8; bit < text.length * 8; bit++) {
      const flipped = Buffer.from(text);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.strictEqual(typeof run(flipped), "string", `bit ${bit} of ${text}`);
      count += 1;
    }
  };
  flips(script, 0, (flipped) => check(flipped, signature));
  // The comment after its fixed words is nobody's business, by the format.
  const secondLine = signature.indexOf("\n");
  flips(signature, secondLine, (flipped) => check(script, flipped.toString("latin1")));
  flips(signature.slice(0, 19), 0, (head) => {
    return check(script, head.toString("latin1") + signature.slice(19));
  });
  assert.ok(count > 1_000);
});

test("truncations and trailing bytes are refused", () => {
  const signature = signer.sign(script);
  for (let length = 0; length < script.length; length++) {
    refused(check(script.slice(0, length), signature), /that key 0102030405060708 signed/);
  }
  refused(check(`${script} `, signature), /these are others/);
  refused(check(`${script}\0`, signature), /these are others/);
  for (let length = 0; length < signature.length - 1; length++) {
    refused(check(script, signature.slice(0, length)), /a signature file of usign or signify/);
  }
  for (const more of ["\n", " ", "A", "\0"]) refused(check(script, signature + more), /usign/);
});

test("another key, an impostor's and no signature at all are refused", () => {
  refused(check(script, undefined), /policy\.public_keys asks for one/);
  refused(check(script, impostor.sign(script)), /these are others/);
  const expected = /by key 1111111111111111, not by 0102030405060708/;
  refused(check(script, signer.sign(script), { keys: [other.publicKey] }), expected);
});

test("an equal or lower version and another target are refused", () => {
  const signature = signer.sign(script);
  refused(check(script, signature, { versionMax: 5 }), /a version above 5, .* not 5/);
  refused(check(script, signature, { versionMax: 9 }), /a version above 9/);
  refused(check(script, signature, { target: "work" }), /target=work .* not target=home/);
  assert.strictEqual(typeof check(script, signature, { target: "" }), "object");
});

test("a signed script must begin with its header, of its own kind", () => {
  const headers = [
    "export default {};\n",
    " // adit-policy target=home version=5\n",
    "// adit-policy target=home version=05\n",
    "// adit-policy target=home version=5 x\n",
    "// adit-policy version=5 target=home\n",
    "// adit-control target=home version=5\n",
    "\ufeff// adit-policy target=home version=5\n",
  ];
  for (const text of headers) {
    refused(check(text, signer.sign(text)), /the first line \/\/ adit-policy target=NAME/);
  }
});

test("bytes are verified before anything of them is read", () => {
  verified = 0;
  refused(check("no header", impostor.sign("no header")), /these are others/);
  assert.strictEqual(verified, 1);
});

test("without keys the header is optional and a signature is not looked at", () => {
  const none = { keys: [] };
  assert.deepStrictEqual(check(script, "nonsense", none), { target: "home", version: 5 });
  assert.deepStrictEqual(check("export default {};", undefined, none), { target: "", version: 0 });
});

test("public keys are told from other base64", () => {
  assert.ok(isPublicKey(signer.publicKey));
  for (const text of ["", signer.publicKey.slice(1), `${signer.publicKey}=`, "A".repeat(56)]) {
    assert.ok(!isPublicKey(text), text);
  }
});

test.run();
