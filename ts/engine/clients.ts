/**
 * The gateway's side of sessions: greetings are checked, leases given, arrivals and departures
 * told.
 */
import { asResult, command, request } from "../host/channel.js";
import type { MoverMessage } from "../host/contract.gen.js";
import { answerText } from "../host/errno.js";
import type { ClientGreeting } from "../gateway/greeting.js";
import { readGreeting } from "../gateway/greeting.js";
import type { Talk } from "../gateway/talk.js";
import { mayTell } from "../gateway/talk.js";
import type { HeldLease, LeaseBook } from "../gateway/leases.js";
import {
  admitClient,
  findClient,
  keepClients,
  releaseSession,
  restoreLease,
} from "../gateway/leases.js";
import type { ClientConfig, GatewayConfig } from "../model/config.js";
import type { Welcome } from "../model/observed.js";
import { addressOf, withLengthOf } from "../model/pool.js";
import { protocolVersion, readWelcomeMemo, welcomeText } from "../tunnel/welcome.js";
import { hexText } from "./base64.js";
import type { Core } from "./core.js";
import { logInfo, logWarning, nowMs } from "./core.js";
import { closeSession, sessionClosed, sessionStarted } from "./tunnels.js";

type Message<T extends MoverMessage["type"]> = Extract<MoverMessage, { type: T }>;

/** Inner MTU that clients are told where the configuration leaves it open. */
const mtuDefault = 1_500;

export interface Clients {
  readonly core: Core;
  readonly hooks: ClientHooks;
  readonly talk: Talk;
  book: LeaseBook;
  config: GatewayConfig | undefined;
}

export interface ClientHooks {
  /** The book changed. */
  readonly onChange: (why: string) => void;
  /** Calls back when the kernel and the mover know the leases, or cannot be told now. */
  readonly whenKnown: (done: () => void) => void;
}

export function createClients(core: Core, hooks: ClientHooks): Clients {
  return { core, hooks, talk: new Map(), book: new Map(), config: undefined };
}

/** Takes a new configuration over; sessions of clients that are gone or have a new token end. */
export function configureClients(clients: Clients, config: GatewayConfig): void {
  const before = clients.config;
  clients.config = config;
  const same = config.clients.filter((client) => {
    const old = before?.clients.find(({ name }) => name === client.name);
    return old === undefined || JSON.stringify(old) === JSON.stringify(client);
  });
  const pools = before?.pool4 === config.pool4 && before.pool6 === config.pool6;
  changeBook(clients, keepClients(clients.book, before === undefined || pools ? same : []));
}

export function stopClients(clients: Clients): void {
  changeBook(clients, new Map());
}

/** A session that the mover held while the decider was restarted. */
export function takeOverClient(clients: Clients, held: Message<"session_held">): void {
  const { core, config } = clients;
  const { session, slot, name } = held;
  const welcome = readWelcomeMemo(core.native.utf8Decode(held.memo));
  const known = config?.clients.some((client) => client.name === name) === true;
  let book: LeaseBook | undefined;
  if (known && held.state === sessionStarted && welcome !== undefined) {
    const addr4 = addressOf(welcome.addr4);
    const addr6 = addressOf(welcome.addr6);
    book = restoreLease(clients.book, { client: name, slot, addr4, addr6, session });
  }
  if (book === undefined) closeSession(core, session, "please connect again");
  else changeBook(clients, book);
}

export function onGatewaySession(clients: Clients, message: Message<"session_state">): void {
  const { session, state, reason } = message;
  if (state !== sessionClosed) return;
  const lease = leaseOfSession(clients.book, session);
  if (lease === undefined) return;
  clients.book = releaseSession(clients.book, session);
  const event = { event: "client_disconnected", client: lease.client, reason } as const;
  clients.core.events.publish(event);
  tell(clients, lease.client, `left: ${reason}`);
}

/** A greeting; whatever a client sends later has no meaning. */
export function onGatewayControl(clients: Clients, message: Message<"session_control">): void {
  const { core, config } = clients;
  const { session, data } = message;
  if (config === undefined || leaseOfSession(clients.book, session) !== undefined) return;
  const greeting = readGreeting(core.native.utf8Decode(data), core.native.utf8Encode);
  if (typeof greeting === "string") return refuse(clients, session, greeting, data.length);
  const digest = hexText(core.native.sha256(greeting.token));
  const client = findClient(config.clients, digest);
  if (client === undefined) return refuse(clients, session, "auth", data.length);
  return admit(clients, config, client, message, greeting);
}

function admit(
  clients: Clients,
  config: GatewayConfig,
  client: ClientConfig,
  { session, data }: Message<"session_control">,
  greeting: ClientGreeting,
): void {
  const { core, hooks } = clients;
  const admission = admitClient(clients.book, config, client, session, greeting, core.random);
  if (admission.kind === "full") {
    core.log.writeOnce("error", `full ${client.name}`, `client ${client.name}: ${admission.why}`);
    return refuse(clients, session, "full", data.length);
  }
  const { lease } = admission;
  const known = clients.book.get(lease.client);
  changeBook(clients, admission.book, session);
  const begin = (): void => startClient(clients, config, lease, greeting.segments);
  const same = known?.addr4 === lease.addr4 && known.addr6 === lease.addr6;
  if (same) begin();
  else hooks.whenKnown(begin);
}

function startClient(
  clients: Clients,
  config: GatewayConfig,
  lease: HeldLease,
  segments: boolean,
): void {
  const { core } = clients;
  const { session, slot, client: name } = lease;
  if (leaseOfSession(clients.book, session) === undefined) return;
  const mtu = config.tunMtu === 0 ? mtuDefault : config.tunMtu;
  const addr4 = withLengthOf(lease.addr4, config.pool4);
  const addr6 = withLengthOf(lease.addr6, config.pool6);
  const welcome: Welcome = { addr4, addr6, mtu, segments: config.offload };
  const control = core.native.utf8Encode(welcomeText(welcome));
  const who = { session, slot, name, mtu, segments };
  const message = { type: "session_start", ...who, control, memo: control } as const;
  request(core.channel, message, (answer) => {
    const { error, text } = asResult(answer);
    if (error !== 0) {
      clients.book = releaseSession(clients.book, session);
      logWarning(core, `client ${name}: ${answerText(error, text)}`);
      return;
    }
    core.counters.sessions += 1;
    const address = lease.addr4 === "" ? lease.addr6 : lease.addr4;
    core.events.publish({ event: "client_connected", client: name, address });
    tell(clients, name, "is connected");
  });
}

/** A stranger never gets more bytes than it sent; if the refusal is longer it gets none. */
function refuse(clients: Clients, session: number, error: string, bytesMax: number): void {
  const { core } = clients;
  const data = core.native.utf8Encode(JSON.stringify({ v: protocolVersion, error }));
  if (data.length <= bytesMax) {
    command(core.channel, { type: "session_send", session, data }, (code, text) => {
      core.log.write("debug", `session ${session}: ${answerText(code, text)}`);
    });
  }
  closeSession(core, session, `refused: ${error}`);
}

/** In the log; events are for whoever asks for them. */
function tell({ core, talk }: Clients, client: string, what: string): void {
  const may = mayTell(talk, client, nowMs(core));
  if (may === "yes") logInfo(core, `client ${client} ${what}`);
  if (may === "last") logWarning(core, `client ${client} comes and goes; more is not logged`);
}

/** Puts the new book in place; sessions that have lost their lease are closed. */
function changeBook(clients: Clients, book: LeaseBook, newcomer = 0): void {
  const before = clients.book;
  clients.book = book;
  for (const { client, session } of before.values()) {
    if (session === 0 || leaseOfSession(book, session) !== undefined) continue;
    const replaced = book.get(client)?.session === newcomer && newcomer !== 0;
    if (!replaced) closeSession(clients.core, session, "the lease ended");
    const reason = replaced ? "replaced by a newer session" : "the lease ended";
    if (replaced) warnReplaced(clients.core, client);
    clients.core.events.publish({ event: "client_disconnected", client, reason });
  }
  if (leasesText(before) !== leasesText(book)) clients.hooks.onChange("leases changed");
}

/** Once: a router that starts again looks the same as a second one with its token. */
function warnReplaced(core: Core, client: string): void {
  const why = "a newer session took its place; if this goes on, two routers have its token";
  core.log.writeOnce("warning", `replaced ${client}`, `client ${client}: ${why}`);
}

/** What policy sees of the book: who has which addresses, not through which session. */
function leasesText(book: LeaseBook): string {
  return [...book.values()].map(({ slot, addr4, addr6 }) => `${slot} ${addr4} ${addr6}`).join();
}

function leaseOfSession(book: LeaseBook, session: number): HeldLease | undefined {
  for (const lease of book.values()) if (lease.session === session) return lease;
  return undefined;
}
