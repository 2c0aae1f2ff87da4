// A real cage, spoken to without waiting in between: the tests that use it are written for an
// engine in which every call returns at once.

import { spawn } from "node:child_process";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

const HEADER_BYTES = 5;
const ANSWER_MS_MAX = 10_000;
const NAP_MS = 0.2;
/** What the daemon gives a cage as descriptors 3 and 4, see c/mover/entry.h. */
const CAGE_NAME = "adit-cage";
/** The uid of everything of ours that has no privilege. */
const UID = 30473;

/** Limits as in the configuration. */
export const LIMITS = { memoryKib: 4096, stackKib: 128, callMs: 100 };

/**
 * Starts a cage. `emulator` is a program to run it with, such as qemu-mips, `program` the daemon's
 * file, which enters a cage by its name.
 */
export function openCage({ program = "build/aditd", emulator, limits = {} } = {}) {
  const { memoryKib, stackKib, callMs } = { ...LIMITS, ...limits };
  const prelude = openSync("build/policy.mjs", "r");
  const numbers = [memoryKib, stackKib, callMs].map(String);
  const [file, args] = emulator === undefined ? [program, numbers]
    : [emulator, ["-0", CAGE_NAME, program, ...numbers]];
  const child = spawn(file, args, {
    argv0: emulator === undefined ? CAGE_NAME : emulator,
    stdio: ["ignore", "ignore", "inherit", "pipe", prelude],
    ...(process.getuid() === 0 && { uid: UID, gid: UID }),
  });
  closeSync(prelude);
  child.unref();
  const socket = child.stdio[3];
  socket.unref();
  socket.on("error", () => {});
  const { fd } = socket._handle;
  return {
    pid: child.pid,
    /** The script's text; what adopt() said, with what it cost. */
    load: (text) => ask(fd, "L", text),
    /** A call; its answer, with what it cost. */
    call: (json) => ask(fd, "C", json),
    close: () => socket.destroy(),
  };
}

/** { cpu_us, memory, result }; an error of the cage is thrown. */
function ask(fd, kind, text) {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(payload.length + 1, 0);
  header.write(kind, 4, "latin1");
  writeAll(fd, Buffer.concat([header, payload]));
  const head = readAll(fd, HEADER_BYTES);
  const answer = JSON.parse(readAll(fd, head.readUInt32LE(0) - 1).toString());
  if (answer.error === undefined) return answer;
  const error = new Error(`${answer.error.kind}: ${answer.error.message}`);
  error.stack = `${error.message}\n${answer.error.stack}`;
  throw error;
}

function writeAll(fd, bytes) {
  for (let done = 0; done < bytes.length;) {
    done += patiently(() => writeSync(fd, bytes, done));
  }
}

function readAll(fd, size) {
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const count = patiently(() => readSync(fd, bytes, done, size - done));
    if (count === 0) throw new Error("the cage is gone");
    done += count;
  }
  return bytes;
}

/** The descriptor never blocks; there is nothing else to do until it is ready. */
function patiently(attempt) {
  const end = performance.now() + ANSWER_MS_MAX;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      if (performance.now() > end) throw new Error("the cage does not answer");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS);
    }
  }
}
