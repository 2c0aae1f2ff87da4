// Small verbs for the lab scripts: run a program, run it in a namespace, start one, wait for a
// condition. Waiting is always for something that can be observed, with a deadline and a name.

import { spawn, spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const COMMAND_MS_MAX = 60_000;
const POLL_MS = 20;
/** How much longer something may take where others have the processors: limits only end a hang. */
export const PATIENCE = 6;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs one command line (split at spaces) or an array; returns {status, stdout, stderr}. */
export function tryRun(command, options = {}) {
  const words = Array.isArray(command) ? command : command.trim().split(/\s+/);
  const done = spawnSync(words[0], words.slice(1), {
    encoding: "utf8", maxBuffer: OUTPUT_BYTES_MAX, timeout: COMMAND_MS_MAX, ...options,
  });
  if (done.error) return { status: 127, stdout: "", stderr: String(done.error.message) };
  return { status: done.status ?? 128, stdout: done.stdout ?? "", stderr: done.stderr ?? "" };
}

/** Like tryRun, but a failure is an exception that shows the command and what it said. */
export function run(command, options = {}) {
  const done = tryRun(command, options);
  if (done.status === 0) return done.stdout;
  const text = Array.isArray(command) ? command.join(" ") : command.trim();
  throw new Error(`${text}: status ${done.status}: ${(done.stderr || done.stdout).trim()}`);
}

const inNs = (ns, command) =>
  ["ip", "netns", "exec", ns, ...(Array.isArray(command) ? command : command.trim().split(/\s+/))];

export const nsRun = (ns, command, options) => run(inNs(ns, command), options);
export const nsTry = (ns, command, options) => tryRun(inNs(ns, command), options);

/** Runs several `ip` command lines in a namespace in one process; empty lines are skipped. */
export function nsIp(ns, lines) {
  const input = lines.map((line) => line.trim()).filter((line) => line !== "").join("\n");
  run(["ip", "-n", ns, "-batch", "-"], { input: `${input}\n` });
}

/** Sets sysctls in a namespace: {"net.ipv4.ip_forward": 1}. */
export function nsSysctl(ns, values) {
  const words = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  nsRun(ns, ["sysctl", "-q", "-w", ...words]);
}

/** Starts a program in a namespace and returns the child, with its output kept in `child.text`. */
export function nsStart(ns, command, options = {}) {
  const words = inNs(ns, command);
  const child = spawn(words[0], words.slice(1), { stdio: ["pipe", "pipe", "pipe"], ...options });
  child.text = "";
  const keep = (chunk) => {
    child.text = (child.text + chunk).slice(-OUTPUT_BYTES_MAX);
    if (options.log) appendFileSync(options.log, chunk);
  };
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  child.stdin?.on("error", () => {});
  child.on("error", (error) => keep(`${error.message}\n`));
  child.ended = new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  return child;
}

/** Runs a program in a namespace without blocking this process; resolves with its output. */
export async function nsAsync(ns, command, options = {}) {
  const child = nsStart(ns, command, options);
  child.stdin?.end();
  const closed = new Promise((resolve) => child.on("close", resolve));
  const { code } = await child.ended;
  await closed;
  return { status: code ?? 128, stdout: child.text };
}

/**
 * Polls `check` until it gives a truthy value, which is returned. `ms` is what an idle machine may
 * need; throws after PATIENCE times that.
 */
export async function waitFor(what, ms, check) {
  const end = performance.now() + PATIENCE * ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${PATIENCE * ms} ms in vain: ${what}`);
    await sleep(POLL_MS);
  }
}

/** Ends a child that we started and waits until it is gone. */
export async function stop(child, signal = "SIGTERM") {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await child.ended;
}
