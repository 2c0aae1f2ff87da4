/** What c/mover/arguments.c checks of commands, written a second time. Each gives 0 or -errno. */
import type { DeciderMessage } from "../../ts/host/contract.gen.js";
import { action, errno, ours, rtn, scope, table } from "./constants.js";
import { familyOf, hasHostBits, parseNet } from "./net.js";

type Command<K extends DeciderMessage["type"]> = Extract<DeciderMessage, { type: K }>;

const MTU_MIN = 576;
const MTU_MAX = 65_535;
const NAME = /^[^\s/:]{1,15}$/;

export function isInterfaceName(name: string): boolean {
  return NAME.test(name) && name !== "." && name !== "..";
}

export function checkLink(message: Command<"link_set">): number {
  const { mtu } = message;
  return mtu !== 0 && (mtu < MTU_MIN || mtu > MTU_MAX) ? -errno.EINVAL : 0;
}

export function checkRoute(message: Command<"route_set">): number {
  const { dst, gateway, oif, source } = message;
  const good =
    isOurTable(message.table) &&
    isNetwork(dst) &&
    (oif === "" || isInterfaceName(oif)) &&
    isOfFamily(gateway, dst) &&
    isOfFamily(source, dst) &&
    (message.scope === scope.UNIVERSE || message.scope === scope.LINK) &&
    isGoodKind(message);
  return good ? 0 : -errno.EINVAL;
}

export function checkRule(message: Command<"rule_set">): number {
  const { family, priority, src, dst, iif, fwmark, fwmask } = message;
  const leadsTo = message.action === action.TO_TABLE && isOurTable(message.table);
  const good =
    (family === 4 || family === 6) &&
    priority >= ours.PRIORITY_MIN &&
    priority <= ours.PRIORITY_MAX &&
    (fwmark & ~fwmask) === 0 &&
    isSelector(src, family) &&
    isSelector(dst, family) &&
    (iif === "" || isInterfaceName(iif)) &&
    (leadsTo || isPassing(message) || message.action === action.UNREACHABLE);
  return good ? 0 : -errno.EINVAL;
}

function isPassing(message: Command<"rule_set">): boolean {
  const { priority, table: target } = message;
  if (message.action !== action.GOTO) return message.action === action.NOP;
  return target > priority && target <= ours.PRIORITY_MAX;
}

function isOurTable(number: number): boolean {
  return number !== 0 && number !== table.DEFAULT && number !== table.LOCAL;
}

function isNetwork(prefix: string): boolean {
  return parseNet(prefix) !== undefined && !hasHostBits(prefix);
}

function isOfFamily(address: string, dst: string): boolean {
  return address === "" || familyOf(address) === familyOf(dst);
}

function isSelector(prefix: string, family: number): boolean {
  return prefix === "" || (isNetwork(prefix) && familyOf(prefix) === family);
}

function isGoodKind({ kind, oif, gateway, remove }: Command<"route_set">): boolean {
  const leads = oif !== "" || gateway !== "";
  if (kind === rtn.UNICAST) return leads || remove;
  return (kind === rtn.BLACKHOLE || kind === rtn.UNREACHABLE) && !leads;
}
