// Child processes of the test runner: bounded in time, each with a process group of its own.

import { spawn, spawnSync } from "node:child_process";

const TEXT_BYTES_MAX = 16 * 1024 * 1024;
const KILL_GRACE_MS = 5000;

/** What a short command prints, or null if it cannot be run or fails. */
export function capture(command) {
  const [program, ...args] = command;
  const ended = spawnSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return ended.status === 0 ? ended.stdout : null;
}

/** Without make's own variables a nested make starts afresh, and colours would blur the counts. */
function environment() {
  const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1", FORCE_COLOR: "0" };
}

/**
 * Runs a command to its end: { status, text, seconds }. After `secondsMax` its whole process group
 * is ended, which counts as a bad status. `onText` sees output as it comes.
 */
export function runChild(command, secondsMax, onText = () => {}) {
  const started = process.hrtime.bigint();
  const seconds = () => Number(process.hrtime.bigint() - started) / 1e9;
  return new Promise((resolve) => {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      detached: true, stdio: ["ignore", "pipe", "pipe"], env: environment(),
    });
    const output = collect(child, onText);
    const timer = setTimeout(() => {
      output.add(`\nrun-tests: still running after ${secondsMax} s, ended\n`);
      endGroup(child.pid);
    }, secondsMax * 1000);
    child.on("error", (error) => output.add(`${program}: ${error.message}\n`));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal !== null) output.add(`\nrun-tests: ended by ${signal}\n`);
      resolve({ status: code ?? 1, text: output.text(), seconds: seconds() });
    });
  });
}

function collect(child, onText) {
  const parts = [];
  let size = 0;
  const add = (text) => {
    if (size > TEXT_BYTES_MAX) return;
    size += text.length;
    parts.push(text);
    onText(text);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", add);
  }
  return { add, text: () => parts.join("") };
}

function endGroup(pid) {
  signalGroup(pid, "SIGTERM");
  setTimeout(() => signalGroup(pid, "SIGKILL"), KILL_GRACE_MS).unref();
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
