// A script in the router's own program: aditd started as a cage, the way its mover starts it.

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileError } from "./errors.mjs";
import { isFile } from "./files.mjs";

/** What the program calls itself when it is a cage, and its descriptors. */
const CAGE_NAME = "adit-cage";
const HEAD_BYTES = 4;
const ANSWER_BYTES_MAX = 1 << 20;

/** A time of its own for every file: the cage counts the load of a script as one call. */
const LOAD_MS = 20_000;

const EVENT = JSON.stringify({
  call: "event",
  event: { type: "started" },
  world: {
    now: {
      unix_s: 0, year: 1970, month: 1, day: 1, weekday: 4, hour: 0, minute: 0, utc_offset_min: 0,
    },
    devices: [], locations: [], uplinks: [], vars: {},
  },
});

/**
 * Loads a script and collects what it logs until it logs nothing. `host` is { program, runner }:
 * aditd with policy.mjs beside it, and words to put before it, such as an emulator. Returns
 * { error, messages }.
 */
export async function runInCage(script, { program, runner = [] }, memoryKib, stackKib) {
  const cage = openCage(program, runner, memoryKib, stackKib);
  const messages = [];
  try {
    const loaded = await cage.ask("L", script);
    if (loaded.error !== undefined) return { error: loaded.error, messages };
    for (let pieces = ""; ;) {
      const { result } = await cage.ask("C", EVENT);
      if (result.log.length === 0) return { error: undefined, messages };
      for (const { text } of result.log) {
        pieces += text.slice(1);
        if (text[0] === "+") continue;
        messages.push(JSON.parse(pieces));
        pieces = "";
      }
    }
  } catch (error) {
    // The last words of a cage hold the stack in one line.
    const [message, ...stack] = error.message.split(/ (?=at )/);
    return { error: { kind: "died", name: "Died", message, stack: stack.join("\n") }, messages };
  } finally {
    cage.close();
  }
}

function openCage(program, runner, memoryKib, stackKib) {
  const prelude = join(dirname(program), "policy.mjs");
  for (const file of [program, prelude]) {
    if (!isFile(file)) throw fileError(`${file}: there is no such file; run make in the checkout`);
  }
  const text = openSync(prelude, "r");
  const [command, ...words] = [...runner, program, memoryKib, stackKib, LOAD_MS].map(String);
  const child = spawn(command, words, {
    argv0: runner.length === 0 ? CAGE_NAME : undefined,
    stdio: ["ignore", "ignore", "pipe", "pipe", text],
  });
  closeSync(text);
  return talk(child);
}

function talk(child) {
  const socket = child.stdio[3];
  let received = Buffer.alloc(0);
  let words = "";
  let waiting;
  const settle = () => {
    const frame = takeFrame(received);
    if (frame === undefined || waiting === undefined) return;
    received = received.subarray(frame.end);
    waiting.resolve(frame.answer);
    waiting = undefined;
  };
  const fail = (why) => waiting?.reject(new Error(`${why} ${words}`.trim()));
  child.stderr.setEncoding("utf8").on("data", (text) => { words += text; });
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    if (received.length > ANSWER_BYTES_MAX) fail("the cage answers without end");
    settle();
  });
  socket.on("error", (error) => fail(error.message));
  child.on("error", (error) => fail(error.message));
  child.on("close", (status, signal) => fail(`the cage ended with ${signal ?? status}`));
  return {
    ask: (kind, text) => new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      socket.write(frameOf(kind, text));
    }),
    close: () => {
      waiting = undefined;
      child.kill("SIGKILL");
      socket.destroy();
    },
  };
}

function frameOf(kind, text) {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(HEAD_BYTES + 1);
  head.writeUInt32LE(payload.length + 1);
  head.write(kind, HEAD_BYTES);
  return Buffer.concat([head, payload]);
}

function takeFrame(bytes) {
  if (bytes.length < HEAD_BYTES) return undefined;
  const end = HEAD_BYTES + bytes.readUInt32LE();
  if (bytes.length < end) return undefined;
  return { end, answer: JSON.parse(bytes.toString("utf8", HEAD_BYTES + 1, end)) };
}
