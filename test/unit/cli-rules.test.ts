/**
 * What holds for every command of the client and every verb of `policy`, taken from the rows that
 * help is made of: help is status 0; an option that is not the command's is status 2 and a message
 * with its name and what was expected; with `--json` standard output is JSON, whatever happens; a
 * table is cut for a terminal only.
 */
import assert from "node:assert";
import { suite } from "uvu";
import { commands } from "../../ts/api/cli-commands.js";
import { tableText } from "../../ts/api/cli-text.js";
import { routerJson } from "./support/configs.js";
import type { Told } from "./support/fake-client.js";
import { answering, run } from "./support/fake-client.js";

const test = suite("cli: every command");

const common = ["--socket", "--json", "--help"];
const files = { "/c": JSON.stringify(routerJson) };
const samples: Readonly<Record<string, string>> = {
  SUBJECT: "02:00:00:00:00:10",
  LOCATION: "us",
  FILE: "/c",
  check: "check",
};
/** These need no daemon. */
const alone = ["config", "keygen", "version"];

interface Case {
  readonly name: string;
  /** The command line without options. */
  readonly line: readonly string[];
  readonly options: readonly string[];
}

const cases: readonly Case[] = commands.filter(({ name }) => name !== "help").flatMap((one) => {
  const { name, words, verbs, options } = one;
  const own = options.map((option) => option.name);
  const filled = (usage: readonly string[]): string[] =>
    usage.filter((word) => !word.startsWith("[")).map((word) => samples[word] ?? word);
  const plain = { name, line: [name, ...filled(words)], options: own };
  const rest = (verbs ?? []).map(([usage]): Case => {
    return { name: `${name} ${usage}`, line: [name, ...filled(usage.split(" "))], options: own };
  });
  return [plain, ...rest];
});

function jsonOf({ out }: Told, what: string): Readonly<Record<string, unknown>> {
  const lines = out.trim().split("\n");
  const values = lines.map((line): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return assert.fail(`${what}: no JSON in ${JSON.stringify(line)}`);
    }
  });
  return values.at(-1) as Readonly<Record<string, unknown>>;
}

test("there are as many as the help has", () => {
  assert.ok(cases.length >= 20, String(cases.length));
  for (const { name } of commands) assert.ok(run(["--help"]).out.includes(`  ${name}`), name);
});

for (const { name, line, options } of cases) {
  test(`${name}: help`, () => {
    for (const args of [[...line, "--help"], ["--help", ...line], [...line, "-h"]]) {
      const { status, out, err } = run(args, undefined, files);
      assert.deepStrictEqual([status, err], [0, ""], args.join(" "));
      for (const option of [...options, ...common]) assert.ok(out.includes(option), option);
    }
  });

  test(`${name}: options that are not its own`, () => {
    const all = commands.flatMap((command) => command.options);
    const others = all.filter((one) => !options.includes(one.name));
    for (const { name: option, value } of others) {
      const args = [...line, option, ...(value === "" ? [] : ["1"])];
      const { status, err, request } = run(args, answering({}), files);
      assert.deepStrictEqual([status, request], [2, ""], option);
      assert.ok(err.includes(`${option} means nothing to ${line[0] ?? ""}`), err);
      for (const one of common) assert.ok(err.includes(one), err);
    }
    const unknown = run([...line, "--zzzzzzzzzz"], answering({}), files);
    assert.deepStrictEqual([unknown.status, unknown.request], [2, ""]);
    assert.ok(unknown.err.includes("unknown option --zzzzzzzzzz, expected"), unknown.err);
    for (const one of [...options, ...common]) assert.ok(unknown.err.includes(one), unknown.err);
    const valued = run([...line, "--json=yes"], answering({}), files);
    assert.strictEqual(valued.status, 2);
    assert.match(valued.err, /--json takes no value/);
  });

  test(`${name}: --json`, () => {
    const args = [...line, "--json", ...(name.startsWith("policy swap") ? ["--no-wait"] : [])];
    const good = run(args, answering({ fine: 1 }), files);
    const data = jsonOf(good, "success");
    if (name === "events") assert.strictEqual(data["cause"], "the daemon ended the stream");
    else assert.strictEqual(good.status, 0, good.err);
    const wrong = run([...args, "--zzzzzzzzzz"], answering({}), files);
    assert.match(String(jsonOf(wrong, "usage")["cause"]), /--zzzzzzzzzz/);
    if (alone.includes(name)) return;
    const absent = run(args, undefined, files);
    assert.strictEqual(absent.status, 3);
    assert.match(String(jsonOf(absent, "no daemon")["cause"]), /is aditd running/);
    const refusal = { code: 400, description: "bad request", cause: "because" };
    const refused = run(args, answering(refusal, 400), files);
    assert.strictEqual(refused.status, 1);
    assert.deepStrictEqual(jsonOf(refused, "refusal"), refusal);
    assert.strictEqual(refused.out.trim().split("\n").length, 1);
  });
}

test("a file that is not there is JSON too", () => {
  for (const line of [["config", "check", "/none"], ["policy", "try", "/none"]]) {
    const told = run([...line, "--json"], answering({}));
    assert.strictEqual(told.status, 1);
    assert.match(String(jsonOf(told, line.join(" "))["cause"]), /^\/none: no such file/);
  }
});

const wide = { devices: [{
  mac: "02:00:00:00:00:10", addresses: ["2001:db8:1a:1::20", "2001:db8:1a:1:2:3:4:5"],
  iface: "br-lan", rule: "address 2001:db8:1a:1::20/128", location: "us", outcome: "tunnel",
}] };

test("a table fits into the terminal, and is whole for everybody else", () => {
  const whole = run(["devices"], answering(wide)).out;
  assert.ok(!whole.includes("…"));
  const longest = (text: string): number => Math.max(...text.split("\n").map((one) => one.length));
  for (const columns of [120, 100, 80, 72]) {
    const { out } = run(["devices"], answering(wide), {}, { columns });
    assert.ok(longest(out) <= Math.min(columns, longest(whole)), out);
    assert.ok(out.includes("tunnel"), "short columns stay whole");
    assert.strictEqual(out.includes("…"), columns < longest(whole), out);
  }
  const told = run(["devices"], answering(wide), {}, { columns: 200, told: "80" }).out;
  assert.ok(longest(told) <= 80, "COLUMNS comes first");
  assert.strictEqual(run(["devices"], answering(wide), {}, { columns: 0 }).out, whole);
  assert.strictEqual(run(["devices"], answering(wide), {}, { columns: 300, told: "x" }).out, whole);
});

test("no column of a table vanishes", () => {
  const rows = [["name", "words"], ["a".repeat(40), "b".repeat(40)]];
  assert.strictEqual(tableText(rows, 10), "name      words\naaaaaaa…  bbbbbbb…\n");
  assert.ok(tableText(rows, 60).split("\n").every((line) => line.length <= 60));
});

test.run();
