/**
 * adit-policy check, bundle, keygen and sign. Goal: every mistake of a policy is named with its
 * place in the user's own file and with what to do; what passes is what a router takes.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { importTool, inFolder, runIn } from "./support/policy-tools.js";

const GOOD = `import { definePolicy, via } from "adit:policy";
import { placeFor } from "./places.ts";

export default definePolicy({
  version: 7,
  route: (device) => via(placeFor(device.iface)),
});
`;
const PLACES = `export const placeFor = (iface: string): string =>
  (iface === "br-guest" ? "de" : "us");
`;
const good = { "policy.ts": GOOD, "places.ts": PLACES };

interface CheckReport {
  readonly ok: boolean;
  readonly bytes: number;
  readonly version: number;
  readonly functions: readonly string[];
  readonly findings: readonly { file: string; line: number; column: number; rule: string }[];
}

const places = (report: CheckReport): string[] =>
  report.findings.map((f) => `${f.file}:${f.line}:${f.column} ${f.rule}`);

const check = suite("adit-policy check");

check("takes a good policy over and says what it is", () => inFolder(good, async (folder) => {
  const { code, out, err } = await runIn(folder, "check", "--json");
  const report = JSON.parse(out) as CheckReport;
  assert.equal([code, err, report.findings], [0, "", []]);
  assert.equal([report.ok, report.version, report.functions], [true, 7, ["route"]]);
  assert.ok(report.bytes > 0);
}));

const BAD = `import { definePolicy, via } from "adit:policy";
import { readFileSync } from "node:fs";
let count = 0;
export default definePolicy({
  route() {
    count++;
    if (Date.now() > performance.now() || Math["random"]() > 0.5) return via(3);
    console.log(new Function("return 1"), eval("1"), [].constructor, globalThis);
    (Array.prototype as any).at = () => readFileSync;
    void import("./places.ts");
    return via("us", { when: 3 });
  },
  async onEvent() { await 0; return undefined; },
});
export const mine = (Date: { now: number }, o: { Math: number }) => Date.now + o.Math;
`;

check("names every forbidden thing with its place", () =>
  inFolder({ "bad.ts": BAD }, async (folder) => {
    const { code, out } = await runIn(folder, "check", "bad.ts", "--json");
    assert.is(code, 1);
    const found = places(JSON.parse(out) as CheckReport);
    for (const expected of [
      "bad.ts:2:30 import", "bad.ts:6:5 state", "bad.ts:7:9 clock", "bad.ts:7:22 clock",
      "bad.ts:7:43 chance", "bad.ts:7:78 types", "bad.ts:8:5 outside", "bad.ts:8:21 code",
      "bad.ts:8:43 code", "bad.ts:8:54 code", "bad.ts:8:70 global", "bad.ts:9:5 prototype",
      "bad.ts:10:10 import", "bad.ts:11:24 types", "bad.ts:13:3 async", "bad.ts:13:21 async",
    ]) assert.ok(found.includes(expected), `${expected} is not among\n${found.join("\n")}`);
    assert.not.ok(found.some((place) => place.startsWith("bad.ts:15")), found.join("\n"));
  }));

check("shows a finding as an editor can follow it", () =>
  inFolder({ "policy.ts": "export default Date;\n" }, async (folder) => {
    const { code, out } = await runIn(folder, "check");
    assert.is(code, 1);
    assert.match(out, "policy.ts:1:16: error clock: Date is not there on a router; use world.now");
  }));

check("says what the engine says at load, with the user's own line", () => inFolder({
  "policy.ts": `import { definePolicy } from "adit:policy";
import { table } from "./table.ts";
export default definePolicy({ version: table.length });
`,
  "table.ts": "const none: string[] = [];\n\nexport const table = none[3]!.split(\",\");\n",
}, async (folder) => {
  const { code, out } = await runIn(folder, "check", "--json");
  assert.is(code, 1);
  assert.equal(places(JSON.parse(out) as CheckReport), ["table.ts:3:30 throw"]);
}));

check("refuses a script without a policy, one too large, and one from outside", async () => {
  await inFolder({ "policy.ts": "export const a = 1;\n" }, async (folder) => {
    const { code, out } = await runIn(folder, "check");
    assert.is(code, 1);
    assert.match(out, /export default/);
  });
  const large = `${GOOD}export const table = "${"x".repeat(262_144)}";\n`;
  await inFolder({ ...good, "policy.ts": large }, async (folder) => {
    const { code, out } = await runIn(folder, "check");
    assert.is(code, 1);
    assert.match(out, /policy.ts: error size: \d+ bytes as one module, at most 262144/);
  });
  const outside = { "own/policy.ts": GOOD.replace("./", "../"), "places.ts": PLACES };
  await inFolder(outside, async (folder) => {
    const { code, out } = await runIn(folder, "check", "own/policy.ts");
    assert.is(code, 1);
    assert.match(out, /own\/policy.ts:2:26: error import: "..\/places.ts" is outside/);
  });
});

check.run();

const bundle = suite("adit-policy bundle and sign");

bundle("makes one module, twice the same, with no path of this machine", () =>
  inFolder(good, async (folder) => {
    const args = ["bundle", "--target", "home", "--version", "12"];
    assert.is((await runIn(folder, ...args, "-o", "a/policy.mjs")).code, 0);
    assert.is((await runIn(folder, ...args, "-o", "b/policy.mjs")).code, 0);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    assert.is(read("a/policy.mjs"), read("b/policy.mjs"));
    assert.is(read("a/policy.mjs.map"), read("b/policy.mjs.map"));
    assert.is(read("a/policy.mjs").split("\n")[0], "// adit-policy target=home version=12");
    assert.not.match(read("a/policy.mjs"), /places|import .*\.ts/);
    assert.not.match(read("a/policy.mjs.map"), folder);
    assert.match(read("a/policy.mjs.map"), '"sources":["../places.ts","../policy.ts"]');
  }));

bundle("refuses a half header and names that do not fit into one", () =>
  inFolder(good, async (folder) => {
    for (const args of [["--version", "3"], ["--target", "a b", "--version", "3"],
      ["--target", "home"], ["--target", "home", "--version", "4294967296"]]) {
      const { code, err } = await runIn(folder, "bundle", ...args);
      assert.is(code, 2, args.join(" "));
      assert.match(err, /--(target|version): ".*", expected/);
    }
    assert.not.ok(existsSync(join(folder, "policy.mjs")));
  }));

interface Signing {
  isSignedBy(bytes: Uint8Array, signature: string, key: string): boolean;
}

bundle("signs the very bytes, so that each bit counts", () => inFolder(good, async (folder) => {
  await runIn(folder, "bundle", "--target", "home", "--version", "1");
  const made = await runIn(folder, "keygen", "mine");
  assert.is(made.code, 0);
  assert.is(statSync(join(folder, "mine.key")).mode & 0o777, 0o600);
  assert.is((await runIn(folder, "keygen", "mine")).code, 3);
  assert.is((await runIn(folder, "sign", "policy.mjs", "--key", "mine.key")).code, 0);
  const [bytes, signature, key] = ["policy.mjs", "policy.mjs.sig", "mine.pub"].map((name) =>
    readFileSync(join(folder, name))) as [Buffer, Buffer, Buffer];
  assert.match(made.out, key.toString().split("\n")[1] ?? "no key");
  const { isSignedBy } = await importTool<Signing>("signing.mjs");
  assert.ok(isSignedBy(bytes, signature.toString(), key.toString()));
  for (let bit = 0; bit < bytes.length * 8; bit += 97) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.not.ok(isSignedBy(changed, signature.toString(), key.toString()), `bit ${bit}`);
  }
}));

bundle("signs nothing without a header, nor with a damaged key", () =>
  inFolder(good, async (folder) => {
    await runIn(folder, "bundle");
    await runIn(folder, "keygen", "mine");
    const bare = await runIn(folder, "sign", "policy.mjs", "--key", "mine.key");
    assert.is(bare.code, 3);
    assert.match(bare.err, /no header/);
    await runIn(folder, "bundle", "--target", "home", "--version", "1");
    const [comment, line = ""] = readFileSync(join(folder, "mine.key"), "utf8").split("\n");
    const secret = Buffer.from(line, "base64");
    secret[60] = (secret[60] ?? 0) ^ 1;
    writeFileSync(join(folder, "bad.key"), `${comment}\n${secret.toString("base64")}\n`);
    const damaged = await runIn(folder, "sign", "policy.mjs", "--key", "bad.key");
    assert.is(damaged.code, 3);
    assert.match(damaged.err, /damaged/);
  }));

bundle.run();

const line = suite("adit-policy command line");

line("has help for every command and a status for every mistake", () =>
  inFolder(good, async (folder) => {
    for (const name of ["new", "check", "test", "sim", "bundle", "keygen", "sign"]) {
      const { code, out } = await runIn(folder, name, "--help");
      assert.is(code, 0);
      assert.match(out, new RegExp(`^Usage: adit-policy ${name} [^]*--json`));
    }
    for (const [args, code] of [
      [[], 2], [["--help"], 0], [["nothing"], 2], [["check", "--wrong"], 2],
      [["check", "missing.ts"], 3], [["sim"], 2], [["sim", "missing.json"], 3],
      [["test", "--memory-kib", "1"], 2], [["sign", "policy.ts"], 2], [["keygen"], 2],
    ] as const) assert.is((await runIn(folder, ...args)).code, code, args.join(" "));
    const { out } = await runIn(folder, "check", "missing.ts", "--json");
    assert.is((JSON.parse(out) as { ok: boolean }).ok, false);
  }));

line.run();
