/**
 * What is amiss on a machine with a valid configuration. Goal: each name that is not there and each
 * file with a secret that others may read is a warning with the key's place, in JSON and in UCI; a
 * file that is opened to others later is told of by the daemon. Method: a made-up machine.
 */
import assert from "node:assert";
import { suite } from "uvu";
import { isExposed, lookAtMachine } from "../../ts/config/machine.js";
import { parseConfig } from "../../ts/config/parse.js";
import type { Core } from "../../ts/engine/core.js";
import { exposedFiles, noteFile } from "../../ts/engine/machine.js";
import type { Issue } from "../../ts/model/config.js";
import { locationJson, routerJson } from "./support/configs.js";
import { uciText } from "./support/uci-text.js";

const test = suite("machine");

const { token_file: _file, ...location } = locationJson("us", 10);
const named = {
  ...routerJson,
  uplinks: ["wwan*", "eth7"],
  lan_ifnames: ["br-lan"],
  locations: [{ ...location, token_file: "/open" }],
  protected_ifaces: [{ iface: "br-lan" }, { iface: "br-none" }],
};

const clients = [{ name: "phone", token_sha256: "ab".repeat(32) }];
const gatewayJson = { role: "gateway", wan_ifname: "eth0", clients };

const days = new Map([["/old", -1], ["/soon", 13], ["/good", 14]]);

/** Only br-lan is there; what begins with `/open` may be read by all. */
function look(text: string): readonly Issue[] {
  const { config, issues, warnings } = parseConfig(text, (one) => lookAtMachine(one, "/open.json", {
    hasInterface: (name) => name === "br-lan",
    factsOf: (file) => {
      if (file === "/gone") return undefined;
      return { mode: file.startsWith("/open") ? 0o644 : 0o600, owner: 0 };
    },
    daysLeft: (file) => days.get(file),
  }));
  assert.ok(config !== undefined, JSON.stringify(issues));
  return warnings;
}

test("what does not exist and what is exposed is named by its place", () => {
  assert.deepStrictEqual(look(JSON.stringify(named)).map(({ path, value }) => [path, value]), [
    ["wan_ifname", '"eth1"'],
    ["uplinks[1]", '"eth7"'],
    ["protected_ifaces[1].iface", '"br-none"'],
    ["locations[0].token_file", '"/open"'],
  ]);
  const places = look(uciText(named)).map(({ path }) => path.replace(/^\d+: /, ""));
  assert.strictEqual(places.length, 4);
  assert.match(places[0] ?? "", /^adit.*, option 'wan_ifname'$/);
  assert.match(places[2] ?? "", /^protected_iface, option 'iface'$/);
  assert.match(places[3] ?? "", /^location.*, option 'token_file'$/);
});

test("a certificate that ends soon is named, with what is left", () => {
  const listen = ["/good", "/soon", "/old", "/gone"].map((cert, at) => {
    return { type: "tls", address: `192.0.2.1:${443 + at}`, cert, key: "/key" };
  });
  const found = look(JSON.stringify({ ...gatewayJson, wan_ifname: "br-lan", listen }));
  assert.deepStrictEqual(found.map(({ path, expected }) => [path, expected]), [
    ["listen[1].cert", "a certificate that is good for 14 days more (it ends in 13 days)"],
    ["listen[2].cert", "a certificate that is good for 14 days more (it has ended)"],
  ]);
});

test("a configuration with a token in it is a file with a secret", () => {
  const within = { ...named, locations: [{ ...location, token: "secret" }] };
  const [warning] = look(JSON.stringify(within)).slice(-1);
  assert.strictEqual(warning?.path, "locations[0].token");
  assert.strictEqual(warning.value, '"/open.json"');
  assert.ok(!JSON.stringify(look(JSON.stringify(within))).includes("secret"));
});

test("a gateway's key counts, a file that is not there does not", () => {
  const listen = [{ address: "[::]:443", cert: "/open.crt", key: "/open.key" }];
  const paths = look(JSON.stringify({ ...gatewayJson, listen })).map(({ path }) => path);
  assert.ok(paths.includes("listen[0].key") && !paths.includes("listen[0].cert"), paths.join());
  const gone = listen.map((one) => ({ ...one, key: "/gone" }));
  const rest = look(JSON.stringify({ ...gatewayJson, listen: gone })).map(({ path }) => path);
  assert.ok(!rest.includes("listen[0].key"));
});

test("root's alone to write, a group's at most to read", () => {
  for (const mode of [0, 0o400, 0o600, 0o640, 0o700]) assert.ok(!isExposed({ mode, owner: 0 }));
  for (const mode of [0o604, 0o602, 0o601, 0o620, 0o777]) assert.ok(isExposed({ mode, owner: 0 }));
  assert.ok(isExposed({ mode: 0o600, owner: 1_000 }));
});

test("who opens a file later is told of once, and again after it was closed", () => {
  const lines: string[] = [];
  const log = { write: (_level: string, text: string) => lines.push(text) };
  const core = { files: new Map(), log } as unknown as Core;
  const note = (mode: number): void => noteFile(core, "/t", { mode, owner: 0 });
  note(0o600);
  assert.deepStrictEqual([lines.length, exposedFiles(core)], [0, []]);
  note(0o644);
  note(0o644);
  assert.deepStrictEqual([lines.length, exposedFiles(core)], [1, ["/t"]]);
  assert.match(lines[0] ?? "", /^\/t: expected a file of root's .*mode 0644/);
  note(0);
  assert.deepStrictEqual(exposedFiles(core), []);
  note(0o644);
  assert.strictEqual(lines.length, 2);
});

test.run();
