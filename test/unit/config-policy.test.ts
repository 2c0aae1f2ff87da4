/** The key `policy`: defaults, what is refused, what is warned about. */
import assert from "node:assert";
import { suite } from "uvu";
import { dumpConfig } from "../../ts/config/dump.js";
import { parseConfig } from "../../ts/config/parse.js";
import { policyVarsBytesMax } from "../../ts/model/limits.js";
import { router, routerJson } from "./support/configs.js";

const test = suite("config: policy");
const key = `RWQ${"A".repeat(53)}`;

const full = {
  file: "/etc/adit/policy.mjs",
  vars: { children: ["02:00:00:00:00:01"], deep: { limit: 1.5, on: null } },
  timezone: "CET-1CEST,M3.5.0,M10.5.0/3",
  unanswered: "builtin",
  ifnames: ["br-guest"],
  leases_file: "/tmp/dhcp.leases",
  memory_kib: 2_048,
  call_ms: 50,
  public_keys: [key],
  target: "home",
  confirm_s: 30,
};

test("without it there is no script, and the LAN interfaces are those that would wait", () => {
  assert.deepStrictEqual(router({ lan_ifnames: ["br-lan"] }).policy, {
    file: "",
    vars: {},
    timezone: "UTC0",
    unanswered: "block",
    ifnames: ["br-lan"],
    leasesFile: "",
    memoryKib: 1_024,
    callMs: 100,
    publicKeys: [],
    target: "",
    confirmS: 60,
  });
});

test("every key is kept through a dump", () => {
  const config = router({ policy: full });
  assert.deepStrictEqual(config.policy.vars, full.vars);
  assert.strictEqual(config.policy.leasesFile, "/tmp/dhcp.leases");
  const again = parseConfig(dumpConfig(config));
  const clean = { role: "router", issues: [], warnings: [], isEnabled: true };
  assert.deepStrictEqual(again, { config, ...clean });
});

for (const [change, path, expected] of [
  [{ file: "policy.mjs" }, "policy.file", /absolute path/],
  [{ vars: [1] }, "policy.vars", /an object/],
  [{ vars: { a: "x".repeat(policyVarsBytesMax) } }, "policy.vars", /at most 65536 bytes/],
  [{ timezone: "Europe/Berlin" }, "policy.timezone", /POSIX time zone/],
  [{ unanswered: "open" }, "policy.unanswered", /block or builtin/],
  [{ ifnames: ["eth1"] }, "policy.ifnames[0]", /neither an uplink/],
  [{ ifnames: "br-lan" }, "policy.ifnames", /list/],
  [{ leases_file: 7 }, "policy.leases_file", /absolute path/],
  [{ memory_kib: 384 }, "policy.memory_kib", /512 to 8192/],
  [{ call_ms: 2_000 }, "policy.call_ms", /10 to 1000/],
  [{ public_keys: [key.slice(1)] }, "policy.public_keys[0]", /56 characters/],
  [{ confirm_s: 1 }, "policy.confirm_s", /5 to 3600/],
] as const) {
  test(`${path} is refused as ${JSON.stringify(change).slice(0, 40)}`, () => {
    const { issues } = parseConfig(JSON.stringify({ ...routerJson, policy: change }));
    assert.deepStrictEqual(issues.map((issue) => issue.path), [path]);
    assert.match(issues[0]?.expected ?? "", expected);
  });
}

test("a block on no interface is warned about", () => {
  const warned = (policy: object): string[] => {
    const { warnings } = parseConfig(JSON.stringify({ ...routerJson, policy }));
    return warnings.map(({ path }) => path);
  };
  assert.deepStrictEqual(warned({ file: full.file }), ["policy.ifnames"]);
  assert.deepStrictEqual(warned({ file: full.file, ifnames: ["br-lan"] }), []);
  assert.deepStrictEqual(warned({ file: full.file, unanswered: "builtin" }), []);
  assert.deepStrictEqual(warned({}), []);
});

test.run();
