// A sandbox that the kernel itself cleans up.
//
//   script ── setpriv --pdeathsig KILL ── unshare --kill-child ── sh (pid 1) ── script again
//
// The second run of the script lives in its own mount, network and process namespaces. /run is a
// private tmpfs there, so `ip netns` names, sockets and generated keys exist nowhere else. When any
// part of the chain dies, by Ctrl-C or kill -9, the kernel kills pid 1 and with it every process,
// which releases every namespace: nothing has to be found and removed afterwards.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sleep } from "./sh.mjs";

const INSIDE = "ADIT_LAB_INSIDE";
const HOST_PID_FD = 3;
const CHILD_WAIT_STEPS_MAX = 200;
const CHILD_WAIT_MS = 10;
const LAST_WORDS_MS = 2000;

/** Runs `main` inside a sandbox when the script at `url` is the program, otherwise does nothing. */
export async function runSandboxed(url, main) {
  const script = fileURLToPath(url);
  if (process.argv[1] === undefined || realpathSync(process.argv[1]) !== script) return;
  if (process.env[INSIDE] === "1") await runInside(main);
  else process.exitCode = await runOutside(script);
}

/** The process id, seen from the host, of the sandbox's first process; for nsenter. */
export function hostPid() {
  return Number(readFileSync(HOST_PID_FD, "utf8").trim());
}

async function runInside(main) {
  mountPrivateRun();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => process.exit(130));
  }
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error.stack ?? String(error));
    process.exitCode = 1;
  }
  // Servers that the script started would keep it alive; the sandbox ends them with us.
  process.exit();
}

function mountPrivateRun() {
  const done = spawnSync("mount", ["-t", "tmpfs", "-o", "mode=0755", "adit-lab", "/run"]);
  if (done.status !== 0) throw new Error(`cannot mount a private /run: ${done.stderr}`);
  mkdirSync("/run/netns");
  spawnSync("ip", ["link", "set", "lo", "up"]);
}

function runOutside(script) {
  if (process.getuid() !== 0) {
    console.error("The lab makes network namespaces: please run this as root or through sudo.");
    return 1;
  }
  const init = ['"$@"; exit $?', "lab-init", process.execPath, script, ...process.argv.slice(2)];
  const args = ["--pdeathsig", "KILL", "unshare", "--mount", "--net", "--pid", "--fork",
    "--kill-child=KILL", "--mount-proc", "sh", "-c", ...init];
  const child = spawn("setpriv", args, {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, [INSIDE]: "1" },
  });
  // A terminal interrupts the script inside too, which may say its last words first.
  process.on("SIGINT", () => setTimeout(() => child.kill("SIGKILL"), LAST_WORDS_MS));
  process.on("SIGTERM", () => child.kill("SIGKILL"));
  process.on("SIGHUP", () => child.kill("SIGKILL"));
  child.stdio[HOST_PID_FD].on("error", () => {});
  void tellHostPid(child);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`cannot start the sandbox: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code) => process.exit(code ?? 1));
  });
}

async function tellHostPid(child) {
  for (let step = 0; step < CHILD_WAIT_STEPS_MAX && child.exitCode === null; step++) {
    const first = firstChild(child.pid);
    if (first !== "") return child.stdio[HOST_PID_FD].end(first);
    await sleep(CHILD_WAIT_MS);
  }
  child.stdio[HOST_PID_FD].end();
}

function firstChild(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0];
  } catch {
    return "";
  }
}
