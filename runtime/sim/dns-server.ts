/** A resolver for the simulated network (RFC 1035): knows a few names, and loses some questions. */
import type { DnsServer } from "./descriptors.js";
import { netOf } from "./net.js";
import type { Random } from "./random.js";

/** Addresses of a name, IPv4 and IPv6. */
export interface Host {
  readonly addr4: string;
  readonly addr6: string;
}

const HEADER_BYTES = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
const TTL_S = 300;
/** Response, recursion desired and available. */
const FLAGS_ANSWER = 0x8180;
const RCODE_NO_NAME = 3;
/** Compressed name: the one of the question. */
const NAME_POINTER = 0xc00c;
const LOST_PERCENT = 20;

export function createDnsServer(hosts: ReadonlyMap<string, Host>, random: Random): DnsServer {
  return (query) => {
    if (random.chance(LOST_PERCENT)) return undefined;
    const question = readQuestion(query);
    const host = hosts.get(question.name);
    const address = question.type === TYPE_A ? host?.addr4 : host?.addr6;
    const known = question.type === TYPE_A || question.type === TYPE_AAAA;
    const record = host !== undefined && known && address !== undefined ? recordOf(address) : [];
    const rcode = host === undefined ? RCODE_NO_NAME : 0;
    const counts = [...u16(1), ...u16(record.length === 0 ? 0 : 1), ...u16(0), ...u16(0)];
    const asked = query.slice(HEADER_BYTES, question.end);
    const head = [...query.slice(0, 2), ...u16(FLAGS_ANSWER | rcode), ...counts];
    return Uint8Array.from([...head, ...asked, ...record]);
  };
}

function readQuestion(query: Uint8Array): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length !== 0; length = query[at] ?? 0) {
    labels.push(Buffer.from(query.slice(at + 1, at + 1 + length)).toString("latin1"));
    at += 1 + length;
  }
  const type = (query[at + 1] ?? 0) * 256 + (query[at + 2] ?? 0);
  return { name: labels.join(".").toLowerCase(), type, end: at + 5 };
}

function recordOf(address: string): number[] {
  const { family, words } = netOf(address);
  const data = words.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));
  const type = family === 4 ? TYPE_A : TYPE_AAAA;
  const head = [NAME_POINTER, type, CLASS_IN, 0, TTL_S, data.length];
  return [...head.flatMap(u16), ...data];
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 255];
}
