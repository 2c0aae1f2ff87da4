/** What the contract suite talks to: a mover, and a hand of somebody else in its kernel. */
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";

/** An edit by another program. Interfaces go by name. */
export type ForeignAct =
  | { readonly kind: "route"; readonly remove: boolean; readonly route: ForeignRoute }
  | { readonly kind: "rule"; readonly remove: boolean; readonly rule: ForeignRule }
  | { readonly kind: "link"; readonly name: string; readonly up: boolean }
  | ForeignNeighbour
  | { readonly kind: "flush ruleset" };

export interface ForeignNeighbour {
  readonly kind: "neighbour";
  readonly name: string;
  readonly addr: string;
  readonly mac: string;
}

export interface ForeignRoute {
  readonly dst: string;
  readonly table: number;
  readonly oif: string;
  readonly metric: number;
}

export interface ForeignRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly src: string;
  readonly table: number;
}

export interface Target {
  readonly name: string;
  readonly runDir: string;
  readonly configDir: string;
  /** Sends a command and gives its answer; more than one only to nft_list. */
  ask(message: DeciderMessage): Promise<readonly MoverMessage[]>;
  /** What the mover said by itself since the last call. */
  takeNews(): readonly MoverMessage[];
  /** Lets a little time pass, in which consequences may arrive. */
  pause(): Promise<void>;
  /** Sends a command that ends the decider, whose answer may be lost, and waits for the next. */
  replace(message: DeciderMessage): Promise<void>;
  /** Waits for the successor of a decider that the end of a trial ends. */
  restarted(): Promise<void>;
  foreign(act: ForeignAct): void;
  /** Sends what has no answer. */
  tell(message: DeciderMessage): void;
  /** A bus below runDir, not started. */
  bus(): TestBus;
  close(): Promise<void>;
}

/** Somebody else's ubusd, with one caller and one subscriber. */
export interface TestBus {
  readonly path: string;
  /** Type and JSON text, oldest first. */
  readonly notifications: readonly (readonly [string, string])[];
  start(): Promise<void>;
  stop(): void;
  /** Status and JSON text of the answer, "" without. */
  call(
    object: string,
    method: string,
    args: Readonly<Record<string, string>>,
  ): Promise<[number, string]>;
}

/** Interfaces of the machine that the suite finds, beside lo: pairs of cable ends. */
export const LINKS = ["eth1", "eth1-far", "br-lan", "br-lan-far"] as const;
export const LINK_ADDRESSES = [
  ["eth1", "203.0.113.2/24"],
  ["eth1", "2001:db8:0:1::2/64"],
  ["br-lan", "192.168.1.1/24"],
  ["br-lan", "fd00:1::1/64"],
] as const;
export const FOREIGN_PROTOCOL = 4;
export const CONFIG_TEXT = '{"role": "router", "token_file": "/etc/hostname"}';

export async function askOne<T extends MoverMessage["type"]>(
  target: Target,
  message: DeciderMessage,
  type: T,
): Promise<Extract<MoverMessage, { type: T }>> {
  const [answer] = await target.ask(message);
  if (answer?.type !== type) throw new Error(`${message.type}: answered by ${answer?.type}`);
  return answer as Extract<MoverMessage, { type: T }>;
}

const PAUSES_MAX = 300;

/** Gathers news until they are what is waited for; all of them are returned either way. */
export async function waitFor(
  target: Target,
  enough: (news: readonly MoverMessage[]) => boolean,
): Promise<readonly MoverMessage[]> {
  const news: MoverMessage[] = [...target.takeNews()];
  for (let i = 0; i < PAUSES_MAX && !enough(news); i++) {
    await target.pause();
    news.push(...target.takeNews());
  }
  return news;
}

/** Error of a command that is answered by a result. */
export async function errorOf(target: Target, message: DeciderMessage): Promise<number> {
  return (await askOne(target, message, "result")).error;
}

/** Text of table inet adit as nft prints it, undefined if there is none. */
export async function listTable(target: Target): Promise<string | undefined> {
  const parts = await target.ask({ type: "nft_list" });
  const bytes: Uint8Array[] = [];
  for (const part of parts) {
    if (part.type !== "nft_text" || part.error !== 0) return undefined;
    bytes.push(part.data);
  }
  return Buffer.concat(bytes).toString("utf8");
}

export async function applyScript(target: Target, text: string): Promise<number> {
  return await errorOf(target, { type: "nft_apply", last: true, script: Buffer.from(text) });
}
