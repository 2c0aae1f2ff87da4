/** The simulated mover as a target of the contract suite. */
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import { decodeMessage, encodeMessage } from "../../ts/host/contract.gen.js";
import { Clock } from "../../runtime/sim/clock.js";
import { iff, rtn, rtprot, scope } from "../../runtime/sim/constants.js";
import { Descriptors } from "../../runtime/sim/descriptors.js";
import { Files } from "../../runtime/sim/files.js";
import { emptyRule, Kernel, sameRule } from "../../runtime/sim/kernel.js";
import { Mover } from "../../runtime/sim/mover.js";
import { familyOf } from "../../runtime/sim/net.js";
import { Network } from "../../runtime/sim/network.js";
import { Random } from "../../runtime/sim/random.js";
import { Ubusd } from "../../runtime/sim/ubusd.js";
import type { ForeignAct, Target, TestBus } from "./target.js";
import { CONFIG_TEXT, FOREIGN_PROTOCOL, LINK_ADDRESSES, LINKS } from "./target.js";

const PAUSE_MS = 10;
/** More than the longest run of nft. */
const ANSWER_MS = 60;
const RESTART_MS_MAX = 10_000;
const ETHERNET_MTU = 1_500;

export class SimTarget implements Target {
  readonly name = "simulated mover";
  readonly runDir = "/var/run/adit";
  readonly configDir = "/etc/adit";
  readonly kernel = new Kernel();
  readonly mover: Mover;
  readonly #clock = new Clock();
  readonly #answers: { seq: number; message: MoverMessage }[] = [];
  readonly #news: MoverMessage[] = [];
  readonly #ubusd = new Ubusd(`${this.runDir}/ubus.sock`, this.#clock);
  readonly #descriptors = new Descriptors(this.#clock);
  #seq = 0;
  #restarts = 0;

  constructor() {
    furnish(this.kernel);
    const configPath = `${this.configDir}/adit.json`;
    const files = new Files(configPath, this.runDir, `${this.configDir}/state`);
    files.put(configPath, Buffer.from(CONFIG_TEXT));
    const random = new Random(1);
    this.#ubusd.running = false;
    this.mover = new Mover({
      name: "target",
      clock: this.#clock,
      kernel: this.kernel,
      files,
      descriptors: this.#descriptors,
      network: new Network(this.#clock, random.fork()),
      random,
      configPath,
      ubusd: this.#ubusd,
      realms: { name: "none", open: () => { throw new Error("no script comes here"); } },
      owner: {
        deliver: (bytes, fd) => this.#take(bytes, fd),
        killDecider: (reason) => this.mover.forgetDecider(reason),
        log: () => {},
        ready: () => {},
        refused: () => {},
        exit: () => {},
      },
    });
  }

  async ask(message: DeciderMessage): Promise<readonly MoverMessage[]> {
    const seq = ++this.#seq;
    this.mover.handle(encodeMessage(message, seq));
    this.#clock.run(this.#clock.nowMs + ANSWER_MS);
    const mine = this.#answers.filter((answer) => answer.seq === seq);
    this.#answers.length = 0;
    return await Promise.resolve(mine.map((answer) => answer.message));
  }

  takeNews(): readonly MoverMessage[] {
    return this.#news.splice(0);
  }

  async pause(): Promise<void> {
    this.#clock.run(this.#clock.nowMs + PAUSE_MS);
    await Promise.resolve();
  }

  async replace(message: DeciderMessage): Promise<void> {
    await this.ask(message);
    await this.restarted();
  }

  async restarted(): Promise<void> {
    const endMs = this.#clock.nowMs + RESTART_MS_MAX;
    while (this.mover.restarts === this.#restarts && this.#clock.nowMs < endMs) await this.pause();
    this.#restarts = this.mover.restarts;
  }

  tell(message: DeciderMessage): void {
    this.mover.handle(encodeMessage(message, 0));
  }

  bus(): TestBus {
    return new SimBus(this.#ubusd);
  }

  foreign(act: ForeignAct): void {
    const { kernel } = this;
    switch (act.kind) {
      case "route":
        return foreignRoute(kernel, act);
      case "rule":
        return foreignRule(kernel, act);
      case "link":
        return void kernel.setLink(kernel.linkNamed(act.name)?.index ?? 0, act.up, 0);
      case "neighbour": {
        const index = kernel.linkNamed(act.name)?.index ?? 0;
        return kernel.setNeighbour({ index, addr: act.addr, mac: act.mac, state: 0x80 });
      }
      case "flush ruleset":
        kernel.firewall.table = undefined;
        return kernel.emit({ type: "nft_changed" });
    }
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  /** As the relay does: only the socket of a cage is kept. */
  #take(bytes: Uint8Array, fd: number): void {
    const { seq, message } = decodeMessage(bytes);
    if (fd >= 0 && message.type !== "policy_opened") this.#descriptors.close(fd);
    if (seq === 0) this.#news.push(message);
    else this.#answers.push({ seq, message });
  }
}

class SimBus implements TestBus {
  constructor(readonly ubusd: Ubusd) {}

  get path(): string {
    return this.ubusd.path;
  }

  get notifications(): readonly [string, string][] {
    return this.ubusd.notifications;
  }

  async start(): Promise<void> {
    this.ubusd.running = true;
    await Promise.resolve();
  }

  stop(): void {
    this.ubusd.stop();
  }

  async call(object: string, method: string, args: object): Promise<[number, string]> {
    return await new Promise((resolve) => {
      const done = (status: number, json: string): void => resolve([status, json]);
      this.ubusd.call(object, method, JSON.stringify(args), done);
    });
  }
}

function furnish(kernel: Kernel): void {
  const flags = iff.BROADCAST | iff.MULTICAST;
  for (const [at, name] of LINKS.entries()) {
    const mac = `02:00:00:00:00:0${at + 1}`;
    const link = kernel.addLink({ name, flags, mtu: ETHERNET_MTU, master: 0, mac });
    kernel.setLink(link.index, true, 0);
  }
  for (const [name, prefix] of LINK_ADDRESSES) {
    kernel.addAddress(kernel.linkNamed(name)?.index ?? 0, prefix);
  }
}

function foreignRoute(kernel: Kernel, act: Extract<ForeignAct, { kind: "route" }>): void {
  const { dst, table, metric } = act.route;
  const oif = kernel.linkNamed(act.route.oif)?.index ?? 0;
  const same = (route: Kernel["routes"][number]): boolean =>
    route.dst === dst && route.table === table && route.metric === metric &&
    route.oif === oif && route.protocol === rtprot.STATIC;
  if (act.remove) return void kernel.removeRoute(same);
  const scoped = familyOf(dst) === 4 ? scope.LINK : scope.UNIVERSE;
  kernel.addRoute({
    dst, table, oif, metric, gateway: "", protocol: FOREIGN_PROTOCOL, kind: rtn.UNICAST,
    scope: scoped, source: "",
  });
}

function foreignRule(kernel: Kernel, act: Extract<ForeignAct, { kind: "rule" }>): void {
  const rule = { ...emptyRule(act.rule.family), ...act.rule, protocol: FOREIGN_PROTOCOL };
  if (!act.remove) return void kernel.addRule(rule);
  kernel.removeRule((item) => sameRule(item, rule));
}
