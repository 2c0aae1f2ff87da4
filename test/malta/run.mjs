// Boots the emulated router once for each script of test/malta/guest, reads what it says on its
// serial line, and holds the figures against their budgets.
//
//   node test/malta/run.mjs [script...]        without names: all of BOOTS
//
// What test/malta/image made is expected in build/malta/image. The figures go to build/malta.json,
// the consoles to build/malta/*.log. The last line is "N passed, N failed"; the exit status is 0
// if nothing failed and every boot came to its end.

import { spawn } from "node:child_process";
import { copyFileSync, createWriteStream, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const IMAGE = "build/malta/image";
const FLASH = "build/malta/flash";
const RESULTS = "build/malta.json";
const LINES_SHOWN_MAX = 60;

/** `secondsMax` ends a boot that hangs; a quiet machine of two cores needs about half of it. */
const BOOTS = [
  { script: "lab", memoryMb: 64, secondsMax: 600 },
  // 32 for the router, 10 more that Debian's kernel takes than OpenWrt's, 6 for the lab.
  { script: "small", memoryMb: 48, secondsMax: 300 },
];

const BUDGETS = [
  { figure: "router_pss_kib", max: 4096, text: "KiB of memory, all processes of a router" },
  { figure: "idle_router_wakeups_per_s", max: 5, text: "wake-ups a second of an idle router" },
  { figure: "idle_flash_bytes", max: 0, text: "bytes written to the flash of an idle router" },
  { figure: "start_in_shells", max: 600, text: "times as long as a shell, from start to ready" },
];

function qemu({ script, memoryMb }) {
  const drive = (file, more) => ["-drive", `file=${file},format=raw,if=virtio${more}`];
  return ["-M", "malta", "-cpu", "24Kc", "-m", String(memoryMb), "-nographic", "-vga", "none",
    "-net", "none", "-no-reboot", "-kernel", `${IMAGE}/vmlinuz`, "-initrd",
    `${IMAGE}/initramfs.gz`, "-append", `console=ttyS0 nokaslr quiet panic=1 adit.run=${script}`,
    ...drive(`${IMAGE}/root.squashfs`, ",readonly=on"), ...drive(FLASH, "")];
}

/** Runs one boot; gives {passed, failed, figures, isOver}. */
async function runBoot(boot) {
  const state = { passed: 0, failed: 0, figures: {}, isOver: false };
  const log = createWriteStream(`build/malta/${boot.script}.log`);
  copyFileSync(`${IMAGE}/flash.empty`, FLASH);
  const child = spawn("qemu-system-mipsel", qemu(boot), { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill("SIGKILL");
  const timer = setTimeout(end, boot.secondsMax * 1000);
  process.on("exit", end);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  child.stderr.pipe(log, { end: false });
  for await (const line of createInterface({ input: child.stdout })) {
    log.write(`${line}\n`);
    hear(state, line.trimEnd());
  }
  await ended;
  clearTimeout(timer);
  process.off("exit", end);
  log.end();
  rmSync(FLASH);
  return state;
}

function hear(state, line) {
  const [, kind, text] = /^malta: (\w+) ?(.*)$/.exec(line) ?? [];
  if (kind === "part") console.log(text);
  if (kind === "ok" || kind === "FAILED") say(state, kind === "ok", text);
  if (kind === "end") state.isOver = true;
  if (kind !== "figure") return;
  const [name, value] = text.split(" ");
  state.figures[name] = Number(value);
  console.log(`         ${name} ${value}`);
}

function say(state, isGood, text) {
  if (isGood) state.passed++;
  else state.failed++;
  console.log(`  ${isGood ? "ok    " : "FAILED"} ${text}`);
}

function judge(state) {
  console.log("budgets");
  for (const { figure, max, text } of BUDGETS) {
    const value = state.figures[figure];
    if (value === undefined) continue;
    say(state, value <= max, `${value} ${text}, at most ${max}`);
  }
}

function showConsole(script) {
  const lines = readFileSync(`build/malta/${script}.log`, "utf8").trimEnd().split("\n");
  console.log(`the end of build/malta/${script}.log:`);
  for (const line of lines.slice(-LINES_SHOWN_MAX)) console.log(`    ${line.trimEnd()}`);
}

function chosenBoots(names) {
  const unknown = names.find((name) => !BOOTS.some(({ script }) => script === name));
  if (unknown !== undefined) {
    console.error(`malta: unknown script '${unknown}', expected one of `
      + BOOTS.map(({ script }) => script).join(" "));
    process.exit(2);
  }
  return BOOTS.filter(({ script }) => names.length === 0 || names.includes(script));
}

async function main(names) {
  const total = { passed: 0, failed: 0, figures: {} };
  for (const boot of chosenBoots(names)) {
    const start = performance.now();
    const state = await runBoot(boot);
    if (!state.isOver) say(state, false, `${boot.script}: the guest did not come to its end`);
    judge(state);
    if (state.failed > 0) showConsole(boot.script);
    total.passed += state.passed;
    total.failed += state.failed;
    Object.assign(total.figures, state.figures);
    console.log(`${boot.script}: ${Math.round((performance.now() - start) / 1000)} s`);
  }
  const machine = "qemu-system-mipsel -M malta -cpu 24Kc, 64 MB; small_*: 48 MB";
  writeFileSync(RESULTS, `${JSON.stringify({ machine, figures: total.figures }, null, 2)}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
