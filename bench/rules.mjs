// What ten thousand rules cost beside a hundred: time to read the configuration, decide, plan,
// load the firewall and move one device. Prints times and their ratio; judges nothing. Needs the
// compiled sources (make build/test/.stamp), nft and root; works in a network namespace of its own.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const compiled = new URL("../build/test/ts/", import.meta.url);
const sizes = [100, 10_000];
const pin = `sha256/${"A".repeat(43)}=`;

function hexPair(value) {
  return value.toString(16).padStart(2, "0");
}

function macAt(index) {
  return `02:00:00:00:${hexPair(index >> 8)}:${hexPair(index & 255)}`;
}

function addressAt(net, index) {
  return `10.${net}.${index >> 8}.${index & 255}`;
}

function configText(count) {
  const half = Array.from({ length: count / 2 }, (_, index) => index);
  const locations = ["us", "de"].map((name) => {
    return { name, token: "t", peers: [{ endpoint: "192.0.2.1:443", pin }] };
  });
  return JSON.stringify({
    tun_ifname: "wrt0",
    wan_ifname: "eth1",
    locations,
    protected_mac_addrs: half.map((index) => ({ mac_addr: macAt(index), vl: "us" })),
    protected_ip_addrs: half.map((index) => ({ ip_addr: addressAt(2, index), vl: "us" })),
  });
}

function nft(args, input) {
  const options = { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 };
  const { status, stdout, stderr } = spawnSync("nft", args, options);
  if (status !== 0) throw new Error(`nft ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function timed(times, name, work) {
  const start = performance.now();
  const result = work();
  times.set(name, performance.now() - start);
  return result;
}

/** The facts of a LAN where every MAC that has a rule is seen with one address. */
function observe({ fold }, count) {
  const store = fold.emptyObserved();
  const deleted = false;
  const link = { index: 2, name: "br-lan", flags: 1, mtu: 1500, master: 0, mac: "" };
  fold.foldMessage(store, { type: "link", deleted, ...link });
  for (let index = 0; index < count / 2; index++) {
    const row = { index: 2, addr: addressAt(1, index), mac: macAt(index), state: 2 };
    fold.foldMessage(store, { type: "neighbour", deleted, ...row });
  }
  fold.foldFirewall(store, undefined);
  return store;
}

function firewallOf(plan) {
  return plan.find(({ operation }) => operation.kind === "firewall").operation.script;
}

function measure(code, count) {
  const times = new Map();
  const text = configText(count);
  const { config } = timed(times, "read configuration", () => code.parse.parseConfig(text));
  const store = observe(code, count);
  const desire = (wanted) => code.router.desireRouter(wanted, store, [], 0);
  const first = timed(times, "decide", () => desire(config));
  const plan = timed(times, "plan from nothing", () => code.plan.planChanges(first, store));
  timed(times, "nft: load", () => nft(["-f", "-"], firewallOf(plan)));
  for (const { operation } of plan) code.fold.foldResult(store, operation, 0);
  const list = ["-j", "list", "table", "inet", "adit"];
  const found = timed(times, "nft: list", () => nft(list));
  timed(times, "read firewall back", () => code.fold.foldFirewall(store, found));
  const moved = code.rules.addRule(config, code.rules.parseRule("mac", macAt(7), "de", "block"));
  const next = timed(times, "decide a move", () => desire(moved));
  const change = timed(times, "plan a move", () => code.plan.planChanges(next, store));
  timed(times, "nft: move", () => nft(["-f", "-"], firewallOf(change)));
  return times;
}

async function inside() {
  const load = (path) => import(new URL(path, compiled).href);
  const code = {
    parse: await load("config/parse.js"),
    rules: await load("config/rules.js"),
    router: await load("policy/router.js"),
    fold: await load("reconcile/fold.js"),
    plan: await load("reconcile/plan.js"),
  };
  measure(code, sizes[0]);
  const [few, many] = sizes.map((count) => measure(code, count));
  console.log(
    `${"ms".padEnd(20)} ${sizes.map((size) => `${size} rules`.padStart(12)).join("")}   ratio`,
  );
  for (const [name, ms] of few) {
    const other = many.get(name);
    const cells = [ms, other].map((value) => value.toFixed(1).padStart(12)).join("");
    console.log(`${name.padEnd(20)} ${cells} ${(other / ms).toFixed(1).padStart(7)}`);
  }
}

if (process.env.ADIT_INSIDE === "1") {
  await inside();
} else {
  const env = { ...process.env, ADIT_INSIDE: "1" };
  const words = ["--net", process.execPath, fileURLToPath(import.meta.url)];
  process.exitCode = spawnSync("unshare", words, { env, stdio: "inherit" }).status ?? 1;
}
