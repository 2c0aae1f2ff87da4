/**
 * adit-policy sim and new. Goal: a scenario gives the same table and the same picture, byte for
 * byte; its mistakes are told with path, value and expectation. With ADIT_GOLDEN=write the golden
 * files are written anew, for a person to read.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inFolder, runIn } from "./support/policy-tools.js";

const GOLDEN = "test/golden/policy";

const sim = suite("adit-policy sim");

function expectGolden(name: string, text: string): void {
  const file = join(GOLDEN, name);
  if (process.env["ADIT_GOLDEN"] === "write") writeFileSync(file, text);
  else assert.is(text, readFileSync(file, "utf8"), name);
}

sim("draws two days with all that can happen", () => inFolder({}, async (folder) => {
  for (const name of ["two-days.mjs", "two-days.json"]) {
    copyFileSync(join(GOLDEN, name), join(folder, name));
  }
  const { code, out, err } = await runIn(folder, "sim", "two-days.json");
  assert.equal([code, err], [1, ""]);
  const svg = readFileSync(join(folder, "two-days.svg"), "utf8");
  expectGolden("two-days.txt", out);
  expectGolden("two-days.svg", svg);
  const again = await runIn(folder, "sim", "two-days.json", "--svg", "again.svg");
  assert.is(again.out.replace("again.svg", "two-days.svg"), out);
  assert.is(readFileSync(join(folder, "again.svg"), "utf8"), svg);
}));

const SCENARIO = {
  start: "2026-03-02 10:00", end: "2026-03-02 12:00", policy: "p.mjs",
  locations: { us: {} }, devices: { a: {} }, events: [{ at: "11:00", down: "us" }],
};
const POLICY = 'import { definePolicy, via } from "adit:policy";\n' +
  'export default definePolicy({ route: () => via("us") });\n';

async function simulate(scenario: unknown, policy = POLICY): Promise<string> {
  let said = "";
  const text = typeof scenario === "string" ? scenario : JSON.stringify(scenario);
  await inFolder({ "s.json": text, "p.mjs": policy }, async (folder) => {
    const { code, err } = await runIn(folder, "sim", "s.json");
    assert.is(code, err === "" ? 0 : 1);
    assert.is(existsSync(join(folder, "s.svg")), err === "");
    said = err;
  });
  return said;
}

sim("names each mistake of a scenario", async () => {
  assert.is(await simulate(SCENARIO), "");
  const { start, ...without } = SCENARIO;
  const event = (given: object): object => ({ ...SCENARIO, events: [{ at: start, ...given }] });
  for (const [scenario, expected] of [
    [without, "s.json: start: missing, expected local time as"],
    ["{", "s.json: is no JSON"],
    [{ ...SCENARIO, extra: 1 }, "s.json: extra: 1, expected no such key, but $schema, title"],
    [{ ...SCENARIO, end: "2026-03-02 09:00" }, 'end: "2026-03-02 09:00", expected later'],
    [{ ...SCENARIO, end: "2026-03-32 09:00" }, 'end: "2026-03-32 09:00", expected a day and time'],
    [{ ...SCENARIO, devices: { a: { mac: "x" } } }, 'devices.a.mac: "x", expected a MAC'],
    [{ ...SCENARIO, devices: { a: { mac: "02:00:00:00:00:02" }, b: {} } },
      'the start: device "b": mac 02:00:00:00:00:02 is that of "a"'],
    [{ ...SCENARIO, locations: { us: { state: "gone" } } },
      'locations.us.state: "gone", expected one of "up", "connecting"'],
    [{ ...SCENARIO, locations: { us: { loss: 1.5 } } }, "locations.us.loss: 1.5, expected 0 to 1"],
    [event({}), "events[0]: {\"at\":\"2026-03-02 10:00\"}, expected at least 2 keys"],
    [event({ at: "12:00", down: "us" }), 'events[0].at: "12:00", expected a time from'],
    [event({ at: "25:00", down: "us" }), 'events[0].at: "25:00", expected a time from'],
    [event({ down: "de" }), 'events[0]: no location "de", expected one of us'],
    [event({ leave: "b" }), 'events[0]: no device "b", expected one of a'],
    [event({ join: { a: {} } }), 'events[0]: join: "a" is already there'],
  ] as const) {
    const said = await simulate(scenario);
    assert.ok(said.includes(expected), `${said}\ndoes not include\n${expected}`);
  }
  const both = await simulate({ ...SCENARIO, title: 3, policy: "" });
  assert.is(both.trim().split("\n").length, 2, both);
});

sim("says where a policy fails while it is loaded", async () => {
  const said = await simulate(SCENARIO, `${POLICY}\nnull.x;\n`);
  assert.match(said, /TypeError: cannot read property 'x' of null/);
  assert.match(said, /p\.mjs:4:\d+/);
});

sim.run();

const starter = suite("adit-policy new");

starter("writes a policy that passes its own check, tests and scenario", () =>
  inFolder({}, async (folder) => {
    const made = await runIn(folder, "new", "my-policy");
    assert.equal([made.code, made.err], [0, ""]);
    const own = join(folder, "my-policy");
    const manifest = readFileSync(join(own, "package.json"), "utf8");
    const { name, devDependencies } = JSON.parse(manifest) as {
      name: string; devDependencies: Record<string, string>;
    };
    assert.is(name, "my-policy");
    const target = resolve(own, (devDependencies["adit-policy"] ?? "").replace("file:", ""));
    assert.is(target, resolve("runtime/policy-sdk"));
    for (const args of [["check"], ["test"], ["bundle"]]) {
      const { code, out, err } = await runIn(own, ...args);
      assert.is(code, 0, `${args.join(" ")}: ${out}${err}`);
    }
    const played = await runIn(own, "sim", "scenario.json");
    assert.equal([played.code, played.err], [0, ""]);
    expectGolden("starter.txt", played.out);
    expectGolden("starter.svg", readFileSync(join(own, "scenario.svg"), "utf8"));
    assert.match(readFileSync(join(own, "README.md"), "utf8"), /adit policy swap/);
    assert.is((await runIn(folder, "new", "my-policy")).code, 3);
    assert.is((await runIn(folder, "new", "Not A Name")).code, 2);
  }));

starter("depends on the tarball that it was installed from", () =>
  inFolder({
    "package.json": '{ "dependencies": { "adit-policy": "file:packed/adit-policy.tgz" } }',
    "packed/adit-policy.tgz": "",
  }, (folder) => {
    const modules = join(folder, "node_modules");
    mkdirSync(modules);
    for (const name of readdirSync("node_modules")) {
      symlinkSync(resolve("node_modules", name), join(modules, name));
    }
    const installed = join(modules, "adit-policy");
    cpSync("runtime/policy-sdk", installed, { recursive: true });
    cpSync("runtime/policy-starter", join(installed, "starter"), { recursive: true });
    const program = join(installed, "bin/adit-policy.mjs");
    const made = spawnSync(process.execPath, [program, "new", "my-policy"], { cwd: folder });
    assert.is(made.status, 0, String(made.stderr));
    const manifest = readFileSync(join(folder, "my-policy/package.json"), "utf8");
    assert.match(manifest, '"adit-policy": "file:../packed/adit-policy.tgz"');
    return Promise.resolve();
  }));

starter.run();
