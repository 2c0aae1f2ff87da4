// What the firewall becomes in a real kernel: random routers follow one another in one network
// namespace; after every transaction what `nft -j list` prints must equal what was wanted, so that
// a plan made from it is empty. Runs itself again under unshare: nothing of the host is touched.
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const transitions = 60;
const gatewayTurns = 16;
const seed = 20_261_121;
const compiled = new URL("../../build/test/", import.meta.url);
const checker = fileURLToPath(new URL("../../build/tools/nft-check", import.meta.url));
const self = fileURLToPath(import.meta.url);

const subjects = {
  protected_mac_addrs: ["mac_addr", ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]],
  protected_ip_addrs: [
    "ip_addr",
    [
      "192.168.1.5",
      "192.168.1.0/24",
      "192.168.0.0/16",
      "10.0.0.0/9",
      "fd00:1::5",
      "fd00::/12",
      "::10.1.2.3",
    ],
  ],
  protected_ifaces: ["iface", ["br-guest", "goto", "100", "a.b-c@d"]],
};

/** What a policy script sends past all tunnels. */
const bypass = ["198.51.100.0/24", "203.0.113.5/32", "2001:db8:7::/48", "2001:db8::5/128"];

/** A small generator of pseudo-random numbers (mulberry32), so that a failure can be repeated. */
function makeRandom(start) {
  let state = start;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

function randomConfig(random) {
  const pin = `sha256/${"A".repeat(43)}=`;
  const names = ["us", "de", "include", "define"].slice(0, 2 + random(3));
  const config = {
    tun_ifname: "wrt0",
    wan_ifname: "eth1",
    default_gateway: random(3) === 0 ? 1 : 0,
    uplinks: random(2) === 0 ? ["eth1", "wwan*"] : [],
    lan_ifnames: random(2) === 0 ? ["br-lan", "accept"] : [],
    mark_mask: random(4) === 0 ? "0x3f800000" : "0x7f000000",
    locations: names.map((name) => {
      return { name, token: "t", peers: [{ endpoint: "192.0.2.1:443", pin }] };
    }),
  };
  for (const [list, [key, values]] of Object.entries(subjects)) {
    const chosen = values.filter(() => random(2) === 0);
    config[list] = chosen.map((value) => {
      const inbound = random(4) === 0 ? { inbound: "block" } : {};
      const vl = random(4) === 0 ? "direct" : names[random(names.length)];
      return { ...inbound, [key]: value, vl };
    });
  }
  return config;
}

function randomStates(config, random) {
  return config.locations.map(({ name }, at) => {
    const last = 1 + random(3);
    const addr6 = random(3) === 0 ? "" : `fd00:64:${at + 1}::${last}/64`;
    const welcome = { addr4: `10.64.${at}.${last}/16`, addr6, mtu: 1400, segments: true };
    const state = ["up", "down", "connecting"][random(3)];
    const common = { rttMs: undefined, sinceMs: 0, reason: "", peers: [] };
    return { name, state, welcome: undefined, lastWelcome: welcome, ...common };
  });
}

/** A decider's script has to be one that the mover takes. */
function passMover(script) {
  const { status, stderr } = spawnSync(checker, { input: script, encoding: "utf8" });
  assert.strictEqual(status, 0, `${stderr}\n${script}`);
}

function nft(args, input) {
  const { status, stdout, stderr } = spawnSync("nft", args, { input, encoding: "utf8" });
  assert.strictEqual(status, 0, `nft ${args.join(" ")}: ${stderr}\n${input ?? ""}`);
  return stdout;
}

async function load(path) {
  const url = new URL(path, compiled);
  assert.ok(existsSync(url), `${fileURLToPath(url)} is missing: run make build/test/.stamp`);
  return import(url.href);
}

async function inside() {
  const { parseConfig } = await load("ts/config/parse.js");
  const { desireRouter } = await load("ts/policy/router.js");
  const { emptyObserved, foldFirewall } = await load("ts/reconcile/fold.js");
  const { planFirewall } = await load("ts/reconcile/kinds/firewall.js");
  const random = makeRandom(seed);
  const store = emptyObserved();
  let replaced = 0;
  let config;
  foldFirewall(store, undefined);
  for (let turn = 0; turn < transitions; turn++) {
    if (config === undefined || random(2) === 0) {
      const parsed = parseConfig(JSON.stringify(randomConfig(random)));
      assert.deepStrictEqual(parsed.issues, []);
      config = random(2) === 0 ? parsed.config : { ...parsed.config, bypass };
    }
    const desired = desireRouter(config, store, randomStates(config, random), 0);
    for (const { operation } of planFirewall(desired, store)) {
      if (operation.script.includes("chain")) replaced += 1;
      passMover(operation.script);
      nft(["-f", "-"], operation.script);
    }
    foldFirewall(store, nft(["-j", "list", "table", "inet", "adit"]));
    assert.strictEqual(store.firewall.structure, desired.firewall.structure);
    const wanted = [...desired.firewall.elements].map(([key, { value }]) => [key, value]);
    assert.deepStrictEqual(new Map(wanted), store.firewall.elements);
    assert.deepStrictEqual(planFirewall(desired, store), []);
  }
  assert.ok(replaced > 5 && replaced < transitions, `${replaced} of ${transitions} whole tables`);
  await gateways(random);
  console.log("1 passed, 0 failed");
}

/** A gateway has one table, without sets. */
async function gateways(random) {
  const { parseConfig } = await load("ts/config/parse.js");
  const { desireGateway } = await load("ts/policy/gateway.js");
  const { emptyObserved } = await load("ts/reconcile/fold.js");
  const { replaceScript } = await load("ts/render/nft.js");
  for (let turn = 0; turn < gatewayTurns; turn++) {
    const { config, issues } = parseConfig(JSON.stringify({
      role: "gateway",
      ...(random(2) === 0 ? { wan_ifname: "eth1" } : {}),
      client_to_client: random(2),
      nat: random(2),
      pool4: "10.64.0.0/16",
      pool6: "fd00:64::/64",
      listen: [{ address: "[::]:443", cert: "/c", key: "/k" }],
      clients: [{ name: "one", token_sha256: "a".repeat(64) }],
    }));
    assert.deepStrictEqual(issues, []);
    const script = replaceScript(desireGateway(config, emptyObserved(), []).firewall);
    passMover(script);
    nft(["-f", "-"], script);
  }
}

if (process.env.ADIT_INSIDE === "1") {
  await inside();
} else {
  const env = { ...process.env, ADIT_INSIDE: "1" };
  const words = ["--net", process.execPath, self];
  const { status } = spawnSync("unshare", words, { env, stdio: "inherit" });
  process.exitCode = status ?? 1;
}
