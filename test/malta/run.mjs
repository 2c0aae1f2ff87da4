// Boots the emulated router once for each script of test/malta/guest, reads what it says on its
// serial line, and holds the figures against their budgets.
//
//   node test/malta/run.mjs [boot...]        names of BOOTS; without: lab and small
//
// What test/malta/image and test/malta/build-kernel made is expected in build/malta. The figures go
// to build/malta.json (of the big-endian router to build/malta-be.json), the consoles to
// build/malta/*.log. A boot for which something could not be built is skipped. The last line is
// "N passed, N failed, N skipped"; the exit status is 0 if nothing failed and every boot came to
// its end.

import { spawn } from "node:child_process";
import {
  copyFileSync, createWriteStream, existsSync, readFileSync, rmSync, writeFileSync,
} from "node:fs";
import { createInterface } from "node:readline";

const KERNELS = "build/malta/kernel";
const LINES_SHOWN_MAX = 60;
/** QEMU's Malta board now and then loses an interrupt of its disk, before anything of ours runs. */
const BOOTS_MAX = 3;
const SILENT_S_MAX = 60;

/** `secondsMax` ends a boot that hangs; a quiet machine of two cores needs about half of it. */
const LITTLE = { qemu: "qemu-system-mipsel", image: "build/malta/image-mipsel" };
const BIG = { qemu: "qemu-system-mips", image: "build/malta/image-mips" };
const BIG_ENDIAN = { name: "be", ...BIG, kernel: `${KERNELS}/mips/vmlinuz`, script: "lab",
  memoryMb: 64, secondsMax: 600 };
const BOOTS = [
  { name: "lab", ...LITTLE, kernel: `${LITTLE.image}/vmlinuz`, memoryMb: 64, secondsMax: 600 },
  { name: "small", ...LITTLE, kernel: `${KERNELS}/mipsel/vmlinuz`, memoryMb: 32, secondsMax: 300 },
  BIG_ENDIAN,
];
const BOOTS_DEFAULT = ["lab", "small"];

const BUDGETS = [
  { figure: "router_pss_kib", max: 4096, text: "KiB of memory, all processes of a router" },
  { figure: "idle_router_wakeups_per_s", max: 5, text: "wake-ups a second of an idle router" },
  { figure: "idle_flash_bytes", max: 0, text: "bytes written to the flash of an idle router" },
  { figure: "start_in_shells", max: 600, text: "times as long as a shell, from start to ready" },
];

function qemu({ name, script, memoryMb, image, kernel }) {
  const drive = (file, more) => ["-drive", `file=${file},format=raw,if=virtio${more}`];
  return ["-M", "malta", "-cpu", "24Kc", "-m", String(memoryMb), "-nographic", "-vga", "none",
    "-net", "none", "-no-reboot", "-kernel", kernel, "-initrd", `${image}/initramfs.gz`, "-append",
    `console=ttyS0 nokaslr quiet panic=1 adit.run=${script ?? name}`,
    ...drive(`${image}/root.squashfs`, ",readonly=on"), ...drive(flashOf(name), "")];
}

const flashOf = (name) => `build/malta/${name}.flash`;

/** Runs one boot, again if the guest never said a word. */
async function runBootUntilHeard(boot) {
  for (let count = 1; ; count++) {
    const state = await runBoot(boot);
    if (state.isHeard || count === BOOTS_MAX) return state;
    console.log(`${boot.name}: the guest hung before its first script, once more`);
  }
}

/** Runs one boot; gives {passed, failed, figures, isHeard, isOver}. */
async function runBoot(boot) {
  const state = { passed: 0, failed: 0, figures: {}, isHeard: false, isOver: false };
  const log = createWriteStream(`build/malta/${boot.name}.log`);
  copyFileSync(`${boot.image}/flash.empty`, flashOf(boot.name));
  const child = spawn(boot.qemu, qemu(boot), { stdio: ["ignore", "pipe", "pipe"] });
  const end = () => child.kill("SIGKILL");
  const timer = setTimeout(end, boot.secondsMax * 1000);
  const silence = setTimeout(() => state.isHeard || end(), SILENT_S_MAX * 1000);
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
  clearTimeout(silence);
  process.off("exit", end);
  log.end();
  rmSync(flashOf(boot.name));
  return state;
}

function hear(state, line) {
  const [, kind, text] = /^malta: (\w+) ?(.*)$/.exec(line) ?? [];
  if (kind !== undefined) state.isHeard = true;
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

function showConsole(name) {
  const lines = readFileSync(`build/malta/${name}.log`, "utf8").trimEnd().split("\n");
  console.log(`the end of build/malta/${name}.log:`);
  for (const line of lines.slice(-LINES_SHOWN_MAX)) console.log(`    ${line.trimEnd()}`);
}

function chosenBoots(names) {
  const unknown = names.find((wanted) => !BOOTS.some(({ name }) => name === wanted));
  if (unknown !== undefined) {
    console.error(`malta: unknown boot '${unknown}', expected one of `
      + BOOTS.map(({ name }) => name).join(" "));
    process.exit(2);
  }
  const chosen = names.length > 0 ? names : BOOTS_DEFAULT;
  return BOOTS.filter(({ name }) => chosen.includes(name));
}

/** What could not be built for want of a source is said by its script, and in build/log. */
function isSkipped({ name, image, kernel }) {
  const missing = [kernel, `${image}/root.squashfs`].find((file) => !existsSync(file));
  if (missing !== undefined) console.log(`${name}: skipped: no ${missing}`);
  return missing !== undefined;
}

function machineOf(boots) {
  const parts = boots.map(({ name, memoryMb }) => `${name} ${memoryMb} MB`);
  return `${boots[0].qemu} -M malta -cpu 24Kc: ${parts.join(", ")}`;
}

function writeFigures(boots, figures) {
  const results = boots.includes(BIG_ENDIAN) ? "build/malta-be.json" : "build/malta.json";
  writeFileSync(results, `${JSON.stringify({ machine: machineOf(boots), figures }, null, 2)}\n`);
}

async function main(names) {
  const total = { passed: 0, failed: 0, skipped: 0, figures: {} };
  const boots = chosenBoots(names);
  for (const boot of boots) {
    if (isSkipped(boot)) {
      total.skipped++;
      continue;
    }
    const start = performance.now();
    const state = await runBootUntilHeard(boot);
    if (!state.isOver) say(state, false, `${boot.name}: the guest did not come to its end`);
    judge(state);
    if (state.failed > 0) showConsole(boot.name);
    total.passed += state.passed;
    total.failed += state.failed;
    Object.assign(total.figures, state.figures);
    console.log(`${boot.name}: ${Math.round((performance.now() - start) / 1000)} s`);
  }
  writeFigures(boots, total.figures);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return total.failed === 0 && total.passed + total.skipped > 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
