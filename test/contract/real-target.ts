/** build/aditd in a network namespace of its own, with the relay in place of the decider. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import { decodeMessage, encodeMessage } from "../../ts/host/contract.gen.js";
import { BusStandIn } from "./bus-stand-in.js";
import type { ForeignAct, Target, TestBus } from "./target.js";
import { CONFIG_TEXT, FOREIGN_PROTOCOL, LINK_ADDRESSES, LINKS } from "./target.js";

const ADITD = "build/aditd";
const PRELUDE = "build/policy.mjs";
const SOCKET_NAME = "relay.sock";
const RELAY = "test/contract/relay.mjs";
const NAMESPACE_STEM = "adit-contract-";
const START_MS_MAX = 10_000;
const ANSWER_MS_MAX = 10_000;
const POLL_MS = 10;

/** Why the real mover cannot be tried here, "" if it can. */
export function whyNotReal(): string {
  if (process.getuid?.() !== 0) return "not root";
  if (!existsSync("/dev/net/tun")) return "no /dev/net/tun";
  if (spawnSync("unshare", ["--net", "true"]).status !== 0) return "no network namespaces";
  if (!existsSync(ADITD)) return `no ${ADITD}; make build makes it`;
  return spawnSync("nft", ["--version"]).status === 0 ? "" : "no nft";
}

interface Waiting {
  readonly answers: MoverMessage[];
  readonly done: (answers: MoverMessage[]) => void;
}

export class RealTarget implements Target {
  readonly name = "aditd";
  readonly #news: MoverMessage[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #received = Buffer.alloc(0);
  #seq = 100;

  private constructor(
    readonly namespace: string,
    readonly configDir: string,
    readonly runDir: string,
    readonly process: ChildProcess,
    private socket: Socket,
  ) {
    this.#listen();
  }

  static async start(): Promise<RealTarget> {
    sweepLeftovers();
    const namespace = `${NAMESPACE_STEM}${process.pid}`;
    const folder = mkdtempSync(join(tmpdir(), "adit-contract-"));
    const [configDir, runDir] = [join(folder, "etc"), join(folder, "run")];
    for (const path of [configDir, runDir]) mkdirSync(path, { mode: 0o755 });
    const config = join(configDir, "adit.json");
    writeFileSync(config, CONFIG_TEXT);
    makeNamespace(namespace);
    const words = [
      ADITD, "--config", config, "--module", RELAY, "--prelude", PRELUDE, "--run-dir", runDir,
    ];
    const child = spawn("ip", ["netns", "exec", namespace, ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    child.stderr?.on("data", (data: Buffer) => (log = (log + data.toString()).slice(-4_000)));
    try {
      const socket = await connectTo(join(runDir, SOCKET_NAME));
      return new RealTarget(namespace, configDir, runDir, child, socket);
    } catch (error) {
      await end(child);
      removeNamespace(namespace, folder);
      throw new Error(`aditd with the relay: ${String(error)}\n${log}`);
    }
  }

  async ask(message: DeciderMessage): Promise<readonly MoverMessage[]> {
    const seq = ++this.#seq;
    this.#send(message, seq);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(seq);
        reject(new Error(`${message.type}: no answer in ${ANSWER_MS_MAX} ms`));
      }, ANSWER_MS_MAX);
      const done = (answers: MoverMessage[]): void => {
        clearTimeout(timer);
        resolve(answers);
      };
      this.#waiting.set(seq, { answers: [], done });
    });
  }

  takeNews(): readonly MoverMessage[] {
    return this.#news.splice(0);
  }

  async pause(): Promise<void> {
    await pause(POLL_MS);
  }

  async replace(message: DeciderMessage): Promise<void> {
    this.#send(message, ++this.#seq);
    await this.restarted();
  }

  async restarted(): Promise<void> {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    if (!this.socket.closed) await once(this.socket, "close", { signal });
    this.#received = Buffer.alloc(0);
    this.socket = await connectTo(join(this.runDir, SOCKET_NAME));
    this.#listen();
  }

  tell(message: DeciderMessage): void {
    this.#send(message, 0);
  }

  bus(): TestBus {
    return new BusStandIn(join(this.runDir, "ubus.sock"));
  }

  foreign(act: ForeignAct): void {
    const words = actWords(act);
    spawnSync("ip", ["netns", "exec", this.namespace, ...words], { stdio: "ignore" });
  }

  /** Runs a command in the namespace; its output, whatever its status. */
  run(...words: string[]): { status: number; output: string } {
    const { status, stdout } = spawnSync("ip", ["netns", "exec", this.namespace, ...words]);
    return { status: status ?? -1, output: stdout.toString() };
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await end(this.process);
    removeNamespace(this.namespace, join(this.runDir, ".."));
  }

  #send(message: DeciderMessage, seq: number): void {
    const bytes = encodeMessage(message, seq);
    const head = Buffer.alloc(5);
    head.writeUInt32LE(bytes.length);
    this.socket.write(Buffer.concat([head, bytes]));
  }

  #listen(): void {
    this.socket.on("data", (data: Buffer) => this.#take(data));
    this.socket.on("error", () => {});
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 5) {
      const length = this.#received.readUInt32LE();
      if (this.#received.length < 5 + length) return;
      const bytes = new Uint8Array(this.#received.subarray(5, 5 + length));
      const { seq, message } = decodeMessage(bytes);
      this.#received = this.#received.subarray(5 + length);
      this.#dispatch(seq, message);
    }
  }

  #dispatch(seq: number, message: MoverMessage): void {
    const waiting = this.#waiting.get(seq);
    if (waiting === undefined) return void this.#news.push(message);
    waiting.answers.push(message);
    if (message.type === "nft_text" && !message.last) return;
    this.#waiting.delete(seq);
    waiting.done(waiting.answers);
  }
}

function makeNamespace(namespace: string): void {
  const ip = (...words: string[]): void => void execFileSync("ip", words, { stdio: "pipe" });
  const inside = (...words: string[]): void => ip("-n", namespace, ...words);
  ip("netns", "add", namespace);
  // A fresh address would count as tentative for a second, and vanish from comparisons.
  const quiet = "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0";
  const more = "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0";
  const settings = `${quiet} ${more} net.ipv4.conf.default.rp_filter=0`.split(" ");
  ip("netns", "exec", namespace, "sysctl", "-q", "-w", ...settings);
  inside("link", "set", "lo", "up");
  for (let at = 0; at < LINKS.length; at += 2) {
    const [near, far] = [LINKS[at] as string, LINKS[at + 1] as string];
    inside("link", "add", near, "type", "veth", "peer", "name", far);
  }
  for (const name of LINKS) inside("link", "set", name, "up");
  for (const [name, prefix] of LINK_ADDRESSES) {
    inside("address", "add", prefix, "dev", name, ...(prefix.includes(":") ? ["nodad"] : []));
  }
}

/** Namespaces of test runs that were killed, with the daemons in them. */
function sweepLeftovers(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"]);
  const names = stdout.toString().split("\n").map((line) => line.split(" ")[0] ?? "");
  for (const name of names) {
    const owner = name.startsWith(NAMESPACE_STEM) ? name.slice(NAMESPACE_STEM.length) : "";
    if (!/^\d+$/.test(owner) || existsSync(`/proc/${owner}/exe`)) continue;
    const pids = spawnSync("ip", ["netns", "pids", name]).stdout.toString().split("\n");
    for (const pid of pids) if (pid !== "") spawnSync("kill", ["-9", pid]);
    spawnSync("ip", ["netns", "delete", name]);
  }
}

function removeNamespace(namespace: string, folder: string): void {
  spawnSync("ip", ["netns", "delete", namespace]);
  rmSync(folder, { recursive: true, force: true });
}

function actWords(act: ForeignAct): string[] {
  const verb = "remove" in act && act.remove ? "delete" : "add";
  switch (act.kind) {
    case "route": {
      const { dst, table, oif, metric } = act.route;
      const family = dst.includes(":") ? "-6" : "-4";
      const where = ["table", String(table), "metric", String(metric), "dev", oif];
      return ["ip", family, "route", verb, dst, ...where, "proto", String(FOREIGN_PROTOCOL)];
    }
    case "rule": {
      const { family, priority, src, table } = act.rule;
      const words = ["pref", String(priority), "from", src, "lookup", String(table)];
      return ["ip", `-${family}`, "rule", verb, ...words, "protocol", String(FOREIGN_PROTOCOL)];
    }
    case "link":
      return ["ip", "link", "set", act.name, act.up ? "up" : "down"];
    case "neighbour": {
      const words = [act.addr, "lladdr", act.mac, "dev", act.name, "nud", "permanent"];
      return ["ip", "neighbour", "replace", ...words];
    }
    case "flush ruleset":
      return ["nft", "flush", "ruleset"];
  }
}

async function connectTo(path: string): Promise<Socket> {
  const untilMs = Date.now() + START_MS_MAX;
  for (;;) {
    const socket = await tryConnect(path);
    await pause(POLL_MS);
    // A process that was killed may still take one, and drops it at once.
    if (socket?.closed === false) return socket;
    if (Date.now() > untilMs) throw new Error(`nobody listens on ${path}`);
  }
}

async function tryConnect(path: string): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.on("error", () => resolve(undefined));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await gone;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
