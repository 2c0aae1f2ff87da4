#!/usr/bin/env node
// Stand-in for the program ubus and for procd behind it: services with one instance each, started,
// compared, signalled and ended by procd's rules. Everything that was asked stands in
// /tmp/ubus.log, one call a line. Nothing is started again when it ends.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync,
} from "node:fs";

const STATE = "/tmp/procd.json";
const END_MS_MAX = 10_000;
const numbers = new Set(["term_timeout"]);
const flags = new Set(["stdout", "stderr", "no_new_privs"]);
const signals = { HUP: 1 };

const load = () => (existsSync(STATE) ? JSON.parse(readFileSync(STATE, "utf8")) : {});
const save = (state) => writeFileSync(STATE, JSON.stringify(state));
const log = (...words) => appendFileSync("/tmp/ubus.log", `${words.join(" ")}\n`);

/** The message that procd.sh makes of the same calls. */
function messageOf(file) {
  const message = { name: "", script: "", instances: {}, triggers: [], data: {} };
  let instance = {};
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
    const [call, ...words] = line.split("\t");
    if (call === "service") [message.name, message.script] = words;
    if (call === "instance") message.instances.instance1 = instance = {};
    if (call === "param") instance[words[0]] = paramOf(words[0], words.slice(1));
    if (call === "reload_trigger") {
      message.triggers.push(trigger("config.change", ["package", words[0]], [message.script,
        "reload"]));
    }
    if (call === "interface_trigger") {
      message.triggers.push(trigger(words[0], ["interface", words[1]], words.slice(2)));
    }
  }
  return message;
}

const trigger = (event, condition, script) =>
  [event, ["if", ["eq", ...condition], ["run_script", ...script]], 1000];

function paramOf(name, words) {
  if (numbers.has(name)) return Number(words[0]);
  if (flags.has(name)) return words[0] === "1";
  if (name === "reload_signal") return signals[words[0]];
  if (name === "limits") return Object.fromEntries(words.map((word) => word.split("=")));
  return words;
}

function isAlive(pid) {
  if (!pid || !existsSync(`/proc/${pid}/stat`)) return false;
  return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

// What procd compares: the parameters, the content of the files, the index of the devices.
function fingerprint(instance) {
  const hash = createHash("sha256").update(JSON.stringify(instance));
  for (const file of instance.file ?? []) hash.update(existsSync(file) ? readFileSync(file) : "-");
  for (const name of instance.netdev ?? []) {
    const index = `/sys/class/net/${name}/ifindex`;
    hash.update(existsSync(index) ? readFileSync(index) : "-");
  }
  return hash.digest("hex");
}

async function set(message) {
  log("set", JSON.stringify(message));
  const state = load();
  const before = state[message.name];
  const wanted = message.instances.instance1;
  if (wanted === undefined) {
    if (before !== undefined) await end(before.pid);
    delete state[message.name];
    return save(state);
  }
  const print = fingerprint(wanted);
  if (!isAlive(before?.pid)) state[message.name] = { pid: start(wanted), print };
  else if (before.print !== print) {
    log("kill", wanted.reload_signal);
    process.kill(before.pid, wanted.reload_signal);
    before.print = print;
  }
  save(state);
}

function start({ command }) {
  mkdirSync("/var/log", { recursive: true });
  const output = openSync("/var/log/standin.log", "a");
  const child = spawn(command[0], command.slice(1), { detached: true,
    stdio: ["ignore", output, output] });
  child.on("error", (error) => log("cannot start", error.message));
  child.unref();
  return child.pid;
}

async function end(pid) {
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + END_MS_MAX;
  while (isAlive(pid) && Date.now() < deadline) await new Promise((done) => setTimeout(done, 10));
}

async function call(object, method, text) {
  const { name, signal } = JSON.parse(text);
  log(object, method, text);
  const state = load();
  const pid = state[name]?.pid;
  if (object !== "service") return;
  if (method === "signal" && isAlive(pid)) process.kill(pid, signal);
  if (method === "delete") {
    await end(pid);
    delete state[name];
    save(state);
  }
}

const [verb, ...words] = process.argv.slice(2);
if (verb === "standin-set") await set(messageOf(words[0]));
else if (verb === "standin-running") process.exitCode = isAlive(load()[words[0]]?.pid) ? 0 : 1;
else if (verb === "call") await call(...words);
else process.exitCode = 2;
