/**
 * Every mistake of the table is an issue that names the place, the value and what was expected, and
 * the text is no configuration: a start is refused, and a reload keeps the former one
 * (test/sim/wrong-configs.test.ts).
 */
import assert from "node:assert";
import { suite } from "uvu";
import { addRule, parseRule, ruleIssues } from "../../ts/config/rules.js";
import { nearestWord } from "../../ts/config/near.js";
import { parseConfig } from "../../ts/config/parse.js";
import { rowsOf } from "../../ts/config/walk.js";
import type { Rule } from "../../ts/model/config.js";
import { rulesMax } from "../../ts/model/limits.js";
import { routerJson } from "./support/configs.js";
import { uciText } from "./support/uci-text.js";
import { wrongConfigs } from "./support/wrong-configs.js";

const test = suite("config: wrong ones");

test("there are fifty and more, in both formats", () => {
  assert.ok(wrongConfigs.length >= 50);
  assert.ok(wrongConfigs.filter(({ text }) => text.startsWith("config adit")).length >= 20);
});

for (const { name, text, path, value, expected } of wrongConfigs) {
  const format = text.startsWith("config adit") ? "UCI" : "JSON";
  test(`${format}, ${name}`, () => {
    const { config, issues } = parseConfig(text);
    assert.strictEqual(config, undefined);
    const found = issues.find((issue) => issue.path === path);
    assert.ok(found !== undefined, JSON.stringify(issues, undefined, 1));
    assert.strictEqual(found.value, value);
    assert.ok(found.expected.includes(expected), found.expected);
  });
}

test("every known word survives a slip", () => {
  for (const section of ["router", "location", "peer", "mac-rule", "policy", "client"] as const) {
    const known = rowsOf(section).map(({ key }) => key);
    for (const key of known) {
      if (key.length < 6) continue;
      const middle = key.length >> 1;
      const slips = [key.slice(0, -1), key.slice(0, middle) + key.slice(middle + 1), `${key}x`];
      for (const slip of slips) assert.strictEqual(nearestWord(slip, known), key, slip);
    }
  }
});

test("rules end at the limit, in JSON, in UCI and at run time", () => {
  const rules = (count: number): Record<string, unknown>[] =>
    Array.from({ length: count }, (_, at) => ({ ip_addr: `10.0.${at >> 8}.${at & 255}` }));
  const half = { protected_ifaces: [{ iface: "br-guest" }] };
  const [fits, exceeds] = [rulesMax - 1, rulesMax].map((count) => {
    return { ...routerJson, ...half, protected_ip_addrs: rules(count) };
  });
  for (const write of [JSON.stringify, uciText]) {
    const { config, issues } = parseConfig(write(fits ?? {}));
    assert.deepStrictEqual(issues, []);
    assert.ok(config?.role === "router" && config.rules.length === rulesMax);
    const [issue] = parseConfig(write(exceeds ?? {})).issues;
    assert.strictEqual(issue?.expected, `at most ${rulesMax} rules`);
    const one = parseRule("iface", "br-more", "us", undefined) as Rule;
    assert.match(ruleIssues(config, one)[0]?.expected ?? "", /^at most 2000 rules$/);
    const same = parseRule("iface", "br-guest", "de", undefined) as Rule;
    assert.deepStrictEqual(ruleIssues(config, same), []);
    assert.strictEqual(addRule(config, same).rules.length, rulesMax);
  }
});

test("a text that would fill the memory is one issue", () => {
  const many = (part: string, count: number): string => part.repeat(count);
  const texts: readonly (readonly [string, RegExp])[] = [
    [`{"a":[${many("{},", 300_000)}0]}`, /at most 65536 values/],
    [many("c a\n", 200_000), /at most 5000 sections/],
    [`config adit\n${many("o a b\n", 100_000)}`, /and 20000 lines/],
    [`config adit\n${many("l a b\n", 19_000)}`, /at most 128 values/],
    [`config adit\n${Array.from({ length: 200 }, (_, at) => `o a${at} b`).join("\n")}`, /128 opt/],
  ];
  for (const [text, expected] of texts) {
    const { issues } = parseConfig(text);
    assert.ok(issues.some((issue) => expected.test(issue.expected)), String(expected));
    assert.ok(issues.length <= 400);
  }
});

test("an unknown multitude costs no more than one", () => {
  const alike = Array.from({ length: 4_900 }, (_, at) => `config t${at}`).join("\n");
  assert.ok(parseConfig(`config adit\n${alike}`).issues.length <= 400);
});

test.run();
