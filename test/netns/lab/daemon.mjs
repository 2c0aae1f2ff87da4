// aditd as the lab uses it: identities, configurations, starting, watching and asking it.

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nsAsync, nsStart, nsTry, run, waitFor } from "./sh.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");
export const BUILD = process.env.ADIT_BUILD ?? join(ROOT, "build");
const TOKEN_BYTES = 24;
const END_MS_MAX = 5000;

export const TOOLS = join(BUILD, "tools");
export const ADIT = join(BUILD, "adit");

/** A self-signed P-256 certificate; `pin` is the hash of its public key as the router wants it. */
export function makeIdentity(dir, name) {
  const [cert, key] = [`${dir}/${name}.crt`, `${dir}/${name}.key`];
  run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    "-days", "30", "-subj", `/CN=${name}`, "-keyout", key, "-out", cert]);
  const der = run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
    { encoding: "buffer" });
  const pin = `sha256/${createHash("sha256").update(der).digest("base64")}`;
  return { cert, key, pin };
}

/** An access token: the router reads `file`, the gateway knows only `sha256`. */
export function makeToken(dir, name) {
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  const file = `${dir}/${name}.token`;
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return { file, sha256: createHash("sha256").update(token).digest("hex") };
}

/** The configuration of a gateway whose pools are 10.<pool>.0.0/16 and fd00:<pool>::/64. */
export function gatewayConfig({ dir, identity, token, wan, pool }) {
  mkdirSync(dir, { recursive: true });
  return {
    role: "gateway", tun_ifname: "adit0", wan_ifname: wan,
    listen: [{ type: "tls", address: "[::]:443", cert: identity.cert, key: identity.key }],
    pool4: `10.${pool}.0.0/16`, pool6: `fd00:${pool}::/64`,
    clients: [{ name: "home", token_sha256: token.sha256 }],
    nat: true, client_to_client: false, api: { socket: `${dir}/adit.sock` },
  };
}

const jsonText = (config) => `${JSON.stringify(config, null, 2)}\n`;

/**
 * Starts aditd in a namespace; its configuration and log stand beside its API socket. `under` is a
 * command that starts it in its own place.
 */
export function startDaemon(ns, config,
  { flags = [], program = "aditd", textOf = jsonText, under = [] } = {}) {
  const dir = dirname(config.api.socket);
  const [file, log] = [`${dir}/config.json`, `${dir}/aditd.log`];
  writeFileSync(file, textOf(config));
  const command = [...under, join(BUILD, program), "-c", file, "-m", join(BUILD, "adit.mjs"),
    "--run-dir", dir, ...flags];
  const child = nsStart(ns, command, { log });
  return { ns, child, config, file, log, socket: config.api.socket };
}

/** Asks a daemon through its command line client. */
export function adit(daemon, ...words) {
  return nsTry(daemon.ns, [ADIT, "--socket", daemon.socket, ...words]);
}

/** Like adit, but leaves this process free to do other things meanwhile. */
export function aditAsync(daemon, ...words) {
  return nsAsync(daemon.ns, [ADIT, "--socket", daemon.socket, ...words]);
}

/** Adds or moves a rule; `kind` is mac, ip or iface. */
export function protect(daemon, kind, subject, location, ...options) {
  return adit(daemon, "protect", "--kind", kind, subject, location, ...options);
}

/** The parsed answer of a `--json` command, or undefined while there is none. */
export function aditJson(daemon, ...words) {
  const { status, stdout } = adit(daemon, "--json", ...words);
  if (status !== 0) return undefined;
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

/** The operations that the daemon would still make, or undefined while it cannot tell. */
export function planOf(daemon) {
  const plan = aditJson(daemon, "plan");
  return Array.isArray(plan) ? plan : plan?.operations ?? plan?.plan;
}

/** Waits until the daemon answers and its plan is empty; returns the time that this took in ms. */
export async function waitSettled(daemon, ms) {
  const start = performance.now();
  await waitFor(`${daemon.ns}: an empty plan`, ms, () => planOf(daemon)?.length === 0);
  return performance.now() - start;
}

/** Waits until every named location is up. */
export async function waitUp(daemon, names, ms) {
  await waitFor(`${daemon.ns}: locations ${names} up`, ms, () => {
    const states = locationStates(daemon);
    return names.every((name) => states[name] === "up");
  });
}

/** {name: state} of the router's locations. */
export function locationStates(daemon) {
  const status = aditJson(daemon, "status");
  return Object.fromEntries((status?.locations ?? []).map((each) => [each.name, each.state]));
}

/** Process ids of a daemon: the mover is the one we started, the rest descend from it. */
export function pidsOf(daemon) {
  const mover = daemon.child.pid;
  const children = childrenOf(mover);
  const decider = children.find((pid) => /decider/.test(readProc(pid, "comm")));
  return { mover, decider, all: [mover, ...children] };
}

function childrenOf(pid) {
  const text = readProc(pid, `task/${pid}/children`).trim();
  const direct = text === "" ? [] : text.split(" ").map(Number);
  return direct.flatMap((child) => [child, ...childrenOf(child)]);
}

// A process may end between being listed and being read.
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** True while a process exists and is no zombie. */
export function isAlive(pid) {
  return /^State:\s+[^ZX]/m.test(readProc(pid, "status"));
}

/** All processes of the sandbox that run aditd, movers and deciders. */
export function daemonPids() {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
    .filter((pid) => /^adit/.test(readProc(pid, "comm")) && isAlive(pid));
}

/** Kills processes with SIGKILL and waits until they are gone. */
export async function killAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in between, which is what we want.
    }
  }
  await waitFor(`the end of ${pids}`, END_MS_MAX, () => pids.every((pid) => !isAlive(pid)));
}

/** Asks a daemon to stop in order and waits for all its processes. */
export async function stopDaemon(daemon) {
  const { all } = pidsOf(daemon);
  daemon.child.kill("SIGTERM");
  await waitFor(`${daemon.ns}: aditd to stop`, END_MS_MAX, () => all.every((pid) => !isAlive(pid)));
}
