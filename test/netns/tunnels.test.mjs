// The life of tunnels on a real kernel: dialled by the first packet, found by name, past a dead
// peer, with addresses that two gateways would both give out, refused for a reason that is told.

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { adit, aditJson, locationStates, stopDaemon, waitSettled, waitUp } from "./lab/daemon.mjs";
import { makeLab, startGateway, startGateways, waitExit, withRouter } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsStart, stop, waitFor } from "./lab/sh.mjs";
import { GATEWAYS, NET, WEB, addressOf, exitOf } from "./lab/topology.mjs";

const EFFECT_MS_MAX = 10_000;
const LOG_MS_MAX = 2000;
const UP_MS_MAX = 20_000;
const NAMES = Object.keys(GATEWAYS);

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  startGateways(lab);
  const parts = [
    ["a lazy tunnel is dialled by the first packet", () => lazy(checks, lab)],
    ["a gateway is found by its name", () => byName(checks, lab)],
    ["a dead peer is passed by", () => deadPeer(checks, lab)],
    ["a wrong token and a wrong key are told", () => refused(checks, lab)],
    ["a reload with an error changes nothing", () => badReload(checks, lab)],
    ["two gateways with the same small pool", () => samePool(checks, lab)],
    ["two gateways swap the fixed addresses that they give", () => swapped(checks, lab)],
  ];
  return finishParts(checks, parts);
});

function withSettled(lab, change, body) {
  return withRouter(lab, { change, until: (router) => waitSettled(router, EFFECT_MS_MAX) }, body);
}

/** The configuration with each location changed. */
function eachLocation(change) {
  return (config) => ({ ...config, locations: config.locations.map(change) });
}

async function leaves({ ok }, device, location) {
  for (const family of ["v4", "v6"]) {
    const want = exitOf(location, device)[family];
    const { got, ms } = await waitExit(device, family, want, EFFECT_MS_MAX);
    ok(got === want, `${device} leaves through ${location}, IP${family}`, `${ms} ms, '${got}'`);
  }
}

async function lazy(checks, lab) {
  await withSettled(lab, eachLocation((each) => ({ ...each, dial: "lazy" })), async (router) => {
    checks.same(locationStates(router).us, "idle", "us is idle before anybody uses it");
    await leaves(checks, "phone", "us");
    checks.same(locationStates(router).us, "up", "us is up after the first packet");
    checks.same(locationStates(router).de, "idle", "de is idle still");
  });
}

async function byName(checks, lab) {
  const script = join(dirname(fileURLToPath(import.meta.url)), "lab/dns.mjs");
  const gateway = addressOf(NET.inet, GATEWAYS.us.host).v4;
  const server = nsStart("internet", [process.execPath, script, gateway]);
  await waitFor("the name server", EFFECT_MS_MAX, () => server.text.includes("ready"));
  const named = (each) => ({ ...each, peers: [{ ...each.peers[0], endpoint: "us.example:443" }] });
  const change = (config) => ({
    ...eachLocation((each) => (each.name === "us" ? named(each) : each))(config),
    resolvers: ["203.0.113.253", WEB.v4],
  });
  await withSettled(lab, change, async (router) => {
    await waitUp(router, ["us"], UP_MS_MAX);
    await leaves(checks, "phone", "us");
  });
  await stop(server);
}

async function deadPeer(checks, lab) {
  const dead = `${addressOf(NET.inet, 80).v4}:444`;
  const change = eachLocation((each) =>
    ({ ...each, peers: [{ ...each.peers[0], endpoint: dead }, ...each.peers] }));
  await withSettled(lab, change, async (router) => {
    await waitUp(router, NAMES, UP_MS_MAX);
    await leaves(checks, "phone", "us");
    await leaves(checks, "tv", "de");
  });
}

function reasonOf(router, name) {
  return aditJson(router, "status")?.locations.find((each) => each.name === name)?.reason ?? "";
}

async function refused(checks, lab) {
  const pin = lab.secrets.us.identity.pin;
  const change = eachLocation((each) => (each.name === "us"
    ? { ...each, token_file: undefined, token: "wrong-token-of-a-stranger" }
    : { ...each, peers: [{ ...each.peers[0], pin }] }));
  await withSettled(lab, change, async (router) => {
    for (const [name, word] of [["us", /auth/], ["de", /^pin/]]) {
      await waitFor(`${name} to be down`, UP_MS_MAX, () => locationStates(router)[name] === "down");
      checks.ok(word.test(reasonOf(router, name)), `${name} says why`, reasonOf(router, name));
    }
    const { got } = await waitExit("phone", "v4", "", EFFECT_MS_MAX);
    checks.same(got, "", "the phone is blocked");
  });
}

async function badReload(checks, lab) {
  await withSettled(lab, (config) => config, async (router) => {
    await waitUp(router, NAMES, UP_MS_MAX);
    const before = aditJson(router, "status").sessions.started;
    writeFileSync(router.file, JSON.stringify({ ...router.config, tun_mtu: 12, table: "x" }));
    const { status, stderr } = adit(router, "reload");
    checks.ok(status === 1 && stderr.includes("tun_mtu"), "the issue is told", stderr.trim());
    const line = `${router.file}: tun_mtu: expected`;
    // What the daemon wrote reaches the file when this process gets its turn.
    await waitFor(`the log to name the file: ${line}`, LOG_MS_MAX,
      () => readFileSync(router.log, "utf8").includes(line));
    await leaves(checks, "phone", "us");
    const moved = { ...router.config, protected_mac_addrs: [
      { ...router.config.protected_mac_addrs[0], vl: "de" }] };
    writeFileSync(router.file, JSON.stringify(moved));
    checks.same(adit(router, "reload").status, 0, "a good file is taken");
    await leaves(checks, "phone", "de");
    const after = aditJson(router, "status").sessions.started;
    checks.same(after, before, "no tunnel was dialled again");
  });
}

/** Few addresses in both pools, so that a collision is likely at each of several starts. */
async function samePool(checks, lab) {
  for (let turn = 1; turn <= 4; turn++) {
    // A gateway that was started again has forgotten its leases, so every turn is a new draw.
    for (const name of NAMES) await restartGateway(lab, name);
    await withSettled(lab, (config) => config, async (router) => {
      await waitUp(router, NAMES, UP_MS_MAX);
      const [us, de] = aditJson(router, "status").locations;
      checks.ok(us.addr4 !== de.addr4 && us.addr6 !== de.addr6, `start ${turn}: own addresses`,
        `${us.addr4} ${us.addr6}, ${de.addr4} ${de.addr6}`);
      await leaves(checks, "phone", "us");
      await leaves(checks, "tv", "de");
    });
  }
}

/** Each gives what the other gave a moment ago, and the router may still believe it has. */
async function swapped(checks, lab) {
  const orders = [{ us: 2, de: 3 }, { us: 3, de: 2 }];
  const restartBoth = async (hosts) => {
    for (const name of NAMES) await restartGateway(lab, name, hosts[name]);
  };
  await restartBoth(orders[0]);
  await withSettled(lab, (config) => config, async (router) => {
    for (const hosts of [...orders, orders[0]]) {
      await restartBoth(hosts);
      await waitFor(`us and de at ${hosts.us} and ${hosts.de}`, UP_MS_MAX, () =>
        (aditJson(router, "status")?.locations ?? []).every(({ name, state, addr4, addr6 }) =>
          state === "up" && addr4 === `10.70.0.${hosts[name]}/29`
            && addr6 === `fd00:70::${hosts[name]}/125`));
      await leaves(checks, "phone", "us");
      await leaves(checks, "tv", "de");
    }
  });
}

/** With a small pool, and with a host of it that its client always gets. */
async function restartGateway(lab, name, host) {
  await stopDaemon(lab.daemons[name]);
  const fixed = (client) => (host === undefined ? client
    : { ...client, addr4: `10.70.0.${host}`, addr6: `fd00:70::${host}` });
  startGateway(lab, name, { change: (config) => ({ ...config, pool4: "10.70.0.0/29",
    pool6: "fd00:70::/125", clients: config.clients.map(fixed) }) });
}
