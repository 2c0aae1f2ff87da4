// One policy cage as a child process, with this process as its decider.

import { spawn } from "node:child_process";

const ANSWER_MS_MAX = 30_000;

/**
 * What the engine leaks by itself is no report: it counts against its limit of memory. A value that
 * is read before it was written is an object at the last address, so that using it is a report.
 */
const sanitizerOptions = {
  ASAN_OPTIONS: "exitcode=99:malloc_fill_byte=255:max_malloc_fill_size=16777216",
  LSAN_OPTIONS: "suppressions=test/hostile/leaks.txt:print_suppressions=0",
};

/** Exit statuses of c/decider_exit.h by what they say. */
export const statusWords = {
  70: "exception", 71: "memory", 72: "loop", 73: "stuck", 74: "closed", 75: "setup",
};

/**
 * Starts `program` as a cage. `load(bytes)` and `call(text)` give the answer as { kind, body },
 * or, if the cage ended instead, as { kind: "", ended }; `close()` gives how it ended.
 */
export function openCage(program, options) {
  const { prelude, memoryBytes, stackBytes, callMs } = options;
  const child = spawn(program, [prelude, memoryBytes, stackBytes, callMs].map(String), {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, ...sanitizerOptions },
  });
  const channel = child.stdio[3];
  let errors = "";
  let received = Buffer.alloc(0);
  let waiting = () => {};
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text) => (errors += text));
  channel.on("error", () => {}); // a cage that ends while it is written to; its end is told below
  channel.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    waiting();
  });
  const over = new Promise((resolve) => {
    child.on("close", (code, signal) => {
      resolve({ word: statusWords[code] ?? signal ?? `status ${code}`, errors });
    });
  });
  const answered = () => new Promise((resolve) => {
    waiting = () => {
      const answer = takeFrame(received);
      if (answer !== undefined) {
        received = received.subarray(answer.size);
        resolve(answer);
      }
    };
    waiting();
  });
  const ask = async (kind, bytes) => {
    channel.write(frame(kind, bytes));
    const timer = setTimeout(() => child.kill("SIGKILL"), ANSWER_MS_MAX);
    const first = await Promise.race([answered(), over.then((ended) => ({ kind: "", ended }))]);
    clearTimeout(timer);
    return first;
  };
  return {
    load: (bytes) => ask("L", bytes),
    call: (text) => ask("C", Buffer.from(text)),
    close() {
      channel.end();
      return over;
    },
  };
}

function frame(kind, bytes) {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(bytes.length + 1);
  head.write(kind, 4, "latin1");
  return Buffer.concat([head, bytes]);
}

function takeFrame(bytes) {
  const size = bytes.length < 4 ? Infinity : 4 + bytes.readUInt32LE();
  if (bytes.length < size) return undefined;
  const body = JSON.parse(bytes.subarray(5, size).toString("utf8"));
  return { kind: String.fromCharCode(bytes[4]), body, size };
}
