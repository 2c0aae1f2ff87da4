/** Kernel objects in the form in which the contract reports them (runtime/contract.json). */
import type { MoverMessage } from "../../ts/host/contract.gen.js";

type Reported<T extends MoverMessage["type"]> = Omit<
  Extract<MoverMessage, { type: T }>,
  "type" | "deleted"
>;

export type Link = Reported<"link">;
export type Address = Reported<"address">;
export type Route = Reported<"route">;
export type Rule = Reported<"rule">;
export type Neighbour = Reported<"neighbour">;

/** What the kernel tells a subscriber; the same shapes are used for dumps. */
export type KernelEvent = Extract<
  MoverMessage,
  { type: "link" | "address" | "route" | "rule" | "neighbour" | "nft_changed" }
>;

/** A tracked flow, with its translation: who answers, and to which address. */
export interface Flow {
  readonly src: string;
  readonly dst: string;
  readonly ports: string;
  /** Another than `dst` if the destination was translated. */
  readonly answerer: string;
  /** Another than `src` if the source was translated. */
  readonly answered: string;
  readonly mark: number;
  /** The uplink by which somebody outside began it. */
  readonly via?: string;
}

/** Canonical text, one object on each line, sorted: what tests compare. */
export function routeText(route: Route, linkName: (index: number) => string): string {
  const words = [`table ${route.table}`, `kind ${route.kind}`, route.dst];
  if (route.oif !== 0) words.push(`dev ${linkName(route.oif)}`);
  if (route.gateway !== "") words.push(`via ${route.gateway}`);
  words.push(`metric ${route.metric} proto ${route.protocol} scope ${route.scope}`);
  if (route.source !== "") words.push(`src ${route.source}`);
  return words.join(" ");
}

export function ruleText(rule: Rule): string {
  const words = [`${rule.family} ${rule.priority}:`];
  if (rule.invert) words.push("not");
  words.push(`from ${rule.src === "" ? "all" : rule.src}`);
  if (rule.dst !== "") words.push(`to ${rule.dst}`);
  if (rule.iif !== "") words.push(`iif ${rule.iif}`);
  if (rule.oif !== "") words.push(`oif ${rule.oif}`);
  if (rule.fwmask !== 0) words.push(`mark ${rule.fwmark}/${rule.fwmask}`);
  words.push(`action ${rule.action} table ${rule.table} proto ${rule.protocol}`);
  if (rule.suppress >= 0) words.push(`suppress ${rule.suppress}`);
  return words.join(" ");
}

export function addressText(address: Address, linkName: (index: number) => string): string {
  return `dev ${linkName(address.index)} ${address.prefix}`;
}
