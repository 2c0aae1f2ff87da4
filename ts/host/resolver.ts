/**
 * Resolves host names without waiting: one UDP socket for each question, whose source port the
 * kernel chooses, with a random id. Servers are asked one after another.
 */
import type { Ip } from "../model/ip.js";
import { formatIp } from "../model/ip.js";
import type { Random } from "../model/random.js";
import { randomBelow } from "../model/random.js";
import type { Channel } from "./channel.js";
import { asResult, request } from "./channel.js";
import type { Deadlines } from "./deadlines.js";
import type { Descriptors } from "./descriptors.js";
import type { AddressFamily } from "./dns.js";
import { decodeAnswer, encodeQuestion } from "./dns.js";
import { answerText } from "./errno.js";

/** Time for one server to answer one question. */
const answerMsMax = 1_500;
/** How often the list of servers is gone through. */
const roundsMax = 2;
const answerBytesMax = 4_096;
const portDns = 53;
/** How long the first addresses wait for those of the other family (RFC 8305 section 3). */
const otherFamilyMsMax = 250;

export interface ResolverPorts {
  readonly channel: Channel;
  readonly deadlines: Deadlines;
  readonly descriptors: Descriptors;
  readonly random: Random;
  readonly now: () => number;
  /** By which mark and interface questions leave. */
  readonly mark: number;
  readonly device: string;
  /** Tells the deadlines of questions apart that are asked at the same time. */
  readonly asker: string;
}

export interface Resolution {
  readonly addresses: readonly Ip[];
  /** Why there is none, "" otherwise. */
  readonly reason: string;
}

/**
 * Asks for IPv4 and IPv6 addresses at the same time; done when both are known or given up. Who has
 * one family waits only a moment for the other, which some resolvers never answer about.
 */
export function resolveName(
  ports: ResolverPorts,
  servers: readonly Ip[],
  name: string,
  done: (resolution: Resolution) => void,
  families: readonly AddressFamily[] = [4, 6],
): void {
  const found: Resolution[] = [];
  const deadline = `family ${ports.asker}`;
  let isOver = false;
  const finish = (): void => {
    isOver = true;
    ports.deadlines.clear(deadline);
    const addresses = found.flatMap((one) => one.addresses);
    const failed = found.find((one) => one.reason !== "");
    const reason = failed?.reason ?? `${name} has no address`;
    done({ addresses, reason: addresses.length > 0 ? "" : reason });
  };
  const collect = (part: Resolution): void => {
    if (isOver) return;
    found.push(part);
    if (found.length === families.length) return finish();
    if (part.addresses.length === 0) return;
    const why = `the other family of ${name}`;
    ports.deadlines.set(deadline, ports.now() + otherFamilyMsMax, why, finish);
  };
  for (const family of families) {
    ask({ ports, servers, name, family, done: collect, isOver: () => isOver }, 0);
  }
}

interface Query {
  readonly ports: ResolverPorts;
  readonly servers: readonly Ip[];
  readonly name: string;
  readonly family: AddressFamily;
  readonly done: (part: Resolution) => void;
  /** True if nobody waits for it. */
  readonly isOver: () => boolean;
}

function ask(query: Query, attempt: number): void {
  const { ports, servers, name, isOver } = query;
  if (isOver()) return;
  const server = servers[attempt % Math.max(1, servers.length)];
  if (server === undefined || attempt >= servers.length * roundsMax) {
    query.done({ addresses: [], reason: `no answer about ${name} from any resolver` });
    return;
  }
  const { mark, device } = ports;
  const socket = { type: "connect_udp", addr: server, port: portDns, mark, device } as const;
  request(ports.channel, socket, (answer, fd) => {
    const { error, text } = asResult(answer);
    const why = error !== 0 ? answerText(error, text) : fd < 0 ? "no descriptor came" : "";
    if (why === "") converse(query, attempt, fd);
    else if (attempt + 1 < servers.length * roundsMax) ask(query, attempt + 1);
    else query.done({ addresses: [], reason: `resolver ${server}: ${why}` });
  });
}

function converse(query: Query, attempt: number, fd: number): void {
  const { ports, name, family } = query;
  const { native } = ports.channel;
  const id = randomBelow(ports.random, 65_536);
  const deadline = `resolve ${fd}`;
  const leave = (): void => {
    ports.deadlines.clear(deadline);
    ports.descriptors.close(fd);
  };
  ports.descriptors.open(fd, () => {
    const bytes = native.read(fd, answerBytesMax);
    if (typeof bytes === "number") return;
    const answer = decodeAnswer(bytes, id, name, family);
    if (answer.kind === "foreign") return;
    leave();
    if (answer.kind === "addresses") {
      query.done({ addresses: answer.addresses.map((one) => formatIp(one)), reason: "" });
    } else if (answer.final) {
      query.done({ addresses: [], reason: `${name}: ${answer.why}` });
    } else {
      ask(query, attempt + 1);
    }
  });
  native.write(fd, encodeQuestion(id, name, family));
  ports.deadlines.set(deadline, ports.now() + answerMsMax, `answer about ${name}`, () => {
    leave();
    ask(query, attempt + 1);
  });
}
