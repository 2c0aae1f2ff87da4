// What a sealed byte costs on MIPS, in instructions counted by the emulator. The difference between
// many records and one leaves out the program's start and the key's schedule.
//
//   make bench-mips

import { spawnSync } from "node:child_process";

const CIPHERS = ["chacha20-poly1305", "aes-128-gcm"];
const SIZES = [64, 1400, 16384];
const TIMES = 20;

function instructions(cipher, size, times) {
  const args = ["-cpu", "24Kc", "-plugin", "build/cross/count.so", "build/mips/aead", cipher,
    `${size}`, `${times}`];
  const { status, stderr } = spawnSync("qemu-mips", args, { encoding: "utf8" });
  const counted = /^(\d+) instructions$/m.exec(stderr);
  if (status !== 0 || counted === null) throw new Error(`${cipher}: ${stderr}`);
  return Number(counted[1]);
}

console.log("  cipher              bytes  instructions  for a byte");
for (const cipher of CIPHERS) {
  for (const size of SIZES) {
    const each = (instructions(cipher, size, TIMES + 1) - instructions(cipher, size, 1)) / TIMES;
    console.log(`  ${cipher.padEnd(18)} ${String(size).padStart(6)} ` +
      `${each.toFixed(0).padStart(13)} ${(each / size).toFixed(1).padStart(11)}`);
  }
}
