// Both roles against a peer of another make that keeps the rules of docs/protocol.md or breaks
// them: each rule is one row. The peer is test/peer/wire.mjs, and shares no code with the product.

import { mkdirSync, readFileSync } from "node:fs";
import { TYPE, control, dial, frame, keepalive, packet4, serve } from "../peer/wire.mjs";
import { frameRows } from "../peer/rows.mjs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import {
  gatewayConfig, makeIdentity, makeToken, startDaemon, stopDaemon,
} from "./lab/daemon.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsIp, run, sleep, waitFor } from "./lab/sh.mjs";

const DIR = "/run/adit-peer";
const [US, THEM] = ["203.0.113.1", "203.0.113.2"];
const PORT = 443;
const START_MS_MAX = 10_000;
const ROW_MS_MAX = 8_000;
const QUIET_MS = 400;

/** An answer that keeps every rule. */
const GOOD = { v: 1, addr4: "10.64.0.5/16", addr6: "fd00:64::5/64", mtu: 1_400, segments: true };

const checks = makeChecks({ quiet: process.env.VERBOSE !== "1" });

await runSandboxed(import.meta.url, async () => {
  mkdirSync(DIR);
  run("ip netns add adit");
  run("ip link add p0 type veth peer name eth1 netns adit");
  run(`ip addr add ${US}/24 dev p0`);
  run("ip link set p0 up");
  nsIp("adit", ["link set lo up", "link set eth1 up", `addr add ${THEM}/24 dev eth1`,
    `route add default via ${US}`]);
  return finishParts(checks, [
    ["a gateway and clients", () => withGateway(asClient)],
    ["a router and gateways", asGateways],
  ]);
});

// -- the daemon as gateway --

async function withGateway(body) {
  const identity = makeIdentity(DIR, "gateway");
  const token = makeToken(DIR, "gateway");
  const config = gatewayConfig({ dir: `${DIR}/gateway`, identity, token, wan: "eth1", pool: 64 });
  const daemon = startDaemon("adit", config);
  const secret = readFileSync(token.file, "utf8").trim();
  try {
    await waitFor("the gateway to listen", START_MS_MAX, () => knock());
    await body({ secret, daemon });
  } finally {
    await stopDaemon(daemon);
  }
}

async function knock() {
  try {
    (await dial(PORT, { host: THEM })).close();
    return true;
  } catch {
    return false;
  }
}

async function asClient({ secret }) {
  await handshakes();
  await beforeGreeting();
  for (const [name, greeting, want] of greetings(secret)) {
    const peer = await dial(PORT, { host: THEM });
    peer.send(greeting);
    const answer = await peer.nextControl(ROW_MS_MAX);
    checks.same(answer?.error ?? (answer?.addr4 ? "taken" : "nothing"), want, `greeting: ${name}`);
    if (want !== "taken") {
      checks.ok(await peer.next(TYPE.close), `greeting: ${name}: a close frame follows`);
      checks.ok(await peer.end(), `greeting: ${name}: the connection ends`);
    }
    peer.close();
  }
  await answerOfGateway(secret);
  await packetsOfClients(secret);
  for (const row of frameRows) await tryFrames(row, await greeted(secret));
  checks.ok(await (await greeted(secret)).isAlive(), "after all of it an honest client is served");
}

/** What a stranger's handshake may be. */
async function handshakes() {
  const rows = [
    ["adit/1", {}, "adit/1"], ["no protocol", { alpn: [] }, "fails"],
    ["adit/1k before adit/1", { alpn: ["adit/1k", "adit/1"] }, "adit/1k"],
    ["another protocol", { alpn: ["h2"] }, "fails"],
    ["TLS 1.2", { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }, "fails"],
    ["AES-128 alone", { ciphers: "TLS_AES_128_GCM_SHA256" }, "adit/1"],
    ["ChaCha20 alone", { ciphers: "TLS_CHACHA20_POLY1305_SHA256" }, "adit/1"],
    ["AES-256 alone", { ciphers: "TLS_AES_256_GCM_SHA384" }, "fails"],
    ["X25519 alone", { ecdhCurve: "X25519" }, "adit/1"],
    ["P-256 alone", { ecdhCurve: "P-256" }, "adit/1"],
    ["P-384 alone", { ecdhCurve: "P-384" }, "fails"],
    ["X448 alone", { ecdhCurve: "X448" }, "fails"],
  ];
  for (const [name, options, want] of rows) {
    const got = await dial(PORT, { host: THEM, ...options }).then((peer) => {
      peer.close();
      return peer.socket.alpnProtocol;
    }, () => "fails");
    checks.same(got, want, `handshake: ${name}`);
  }
}

/** Before the answer the server says nothing, and takes nothing but control frames. */
async function beforeGreeting() {
  const silent = await dial(PORT, { host: THEM });
  const before = silent.socket.bytesRead;
  await sleep(QUIET_MS);
  checks.same(silent.frames.length, 0, "before the greeting: no frame");
  checks.ok(before === silent.socket.bytesRead && silent.socket.getSession !== undefined,
    "before the greeting: no byte of TLS");
  silent.close();
  const rows = [
    ["a packet", frame(TYPE.packet, Buffer.alloc(20))],
    ["segments", frame(TYPE.segments, Buffer.alloc(64), { flags: 1, segment: 32 })],
    ["a keepalive", keepalive()], ["an answer", frame(TYPE.answer, Buffer.alloc(8))],
    ["a close frame", frame(TYPE.close)], ["an unknown type", frame(9)],
    ["nothing for ten seconds", Buffer.alloc(0), 14_000],
  ];
  await Promise.all(rows.map(async ([name, data, ms = ROW_MS_MAX]) => {
    const peer = await dial(PORT, { host: THEM });
    const began = performance.now();
    peer.send(data);
    checks.ok(await peer.end(ms), `before the greeting: ${name} ends it`);
    checks.same(peer.frames.length, 0, `before the greeting: ${name} gets no frame`);
    if (ms === ROW_MS_MAX) return;
    const took = performance.now() - began;
    checks.ok(took > 9_000, "the deadline is ten seconds", `${Math.round(took)} ms`);
  }));
}

function greetings(secret) {
  const good = { v: 1, token: secret, segments: true };
  // A refusal is never longer than what was sent.
  const long = { ...good, note: "x".repeat(64) };
  return [
    ["as it should be", control(good), "taken"],
    ["unknown members", control({ ...good, unknown: [1] }), "taken"],
    ["a wish that cannot be", control({ ...good, want4: "1.2.3.4", want6: "rubbish" }), "taken"],
    ["a name of 64 bytes", control({ ...good, name: "n".repeat(64) }), "taken"],
    ["version 2", control({ ...long, v: 2 }), "version"],
    ["a version of text", control({ ...long, v: "1" }), "version"],
    ["another token", control({ ...long, token: "nobody's" }), "auth"],
    ["no token", control({ v: 1, segments: true, note: "x".repeat(64) }), "malformed"],
    ["an empty token", control({ ...long, token: "" }), "malformed"],
    ["a token of 513 bytes", control({ ...long, token: "t".repeat(513) }), "malformed"],
    ["a number as token", control({ ...long, token: 1 }), "malformed"],
    ["segments of text", control({ ...long, segments: "true" }), "malformed"],
    ["no word about segments", control({ ...long, segments: undefined }), "malformed"],
    ["a name of 65 bytes", control({ ...long, name: "n".repeat(65) }), "malformed"],
    ["a number as name", control({ ...long, name: 5 }), "malformed"],
    ["a number as wish", control({ ...long, want4: 5 }), "malformed"],
    ["a list as wish", control({ ...long, want6: ["fd00::1"] }), "malformed"],
    ["a list", control(`[${" ".repeat(64)}]`), "malformed"],
    ["no JSON", control("{".repeat(64)), "malformed"],
    ["no UTF-8", frame(TYPE.control, Buffer.alloc(64, 0xff)), "malformed"],
    ["too short for a refusal", control("{}"), "nothing"],
  ];
}

async function answerOfGateway(secret) {
  const peer = await dial(PORT, { host: THEM });
  peer.send(control({ v: 1, token: secret, segments: false, want4: "10.64.7.7" }));
  const answer = await peer.nextControl();
  const { v, addr4, addr6, mtu, segments } = answer ?? {};
  checks.same(v, 1, "answer: version");
  checks.same(addr4, "10.64.7.7/16", "answer: the address that was wished for");
  checks.ok(/^fd00:64::[0-9a-f:]+\/64$/.test(addr6), "answer: an IPv6 address", addr6);
  checks.ok(Number.isInteger(mtu) && mtu >= 1_280, "answer: an MTU", mtu);
  checks.same(segments, true, "answer: segments");
  peer.close();
}

async function packetsOfClients(secret) {
  const peer = await greeted(secret);
  const own = peer.address;
  const source = (text) => frame(TYPE.packet, packet4(text, "10.64.0.1"));
  const to = (text) => frame(TYPE.packet, packet4(own, text));
  peer.send(...["10.64.99.99", "127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", THEM]
    .map(source), ...["127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", own].map(to));
  checks.ok(await peer.isAlive(), "packets: dropped ones do not close the connection");
  const newer = await greeted(secret);
  const reason = await peer.next(TYPE.close);
  checks.same(reason?.toString(), "a newer session serves this client", "a second connection");
  newer.close();
}

/** A client that was taken. */
async function greeted(secret) {
  const peer = await dial(PORT, { host: THEM });
  peer.send(control({ v: 1, token: secret, segments: true }));
  const { addr4 = "" } = (await peer.nextControl()) ?? {};
  peer.address = addr4.split("/")[0];
  return peer;
}

async function tryFrames([name, data, ends], peer, who = "gateway") {
  await peer.isAlive();
  peer.frames.length = 0;
  peer.send(data);
  if (ends) {
    checks.ok(await peer.end(ROW_MS_MAX), `${who}: ${name} ends it`);
    const said = peer.frames.filter(({ type }) => type !== TYPE.answer);
    checks.same(said.length, 0, `${who}: ${name} gets no answer`);
  } else {
    checks.ok(await peer.isAlive(ROW_MS_MAX), `${who}: ${name} is survived`);
  }
  peer.close();
}

// -- the daemon as router: each row is a location with a gateway of its own --

async function asGateways() {
  const { cert, key, pin } = makeIdentity(DIR, "peer");
  const files = { cert: readFileSync(cert), key: readFileSync(key) };
  const rows = [...answerRows(), ...frameRows.map((row, at) => ({ name: `frames ${at}`, row }))];
  await Promise.all(rows.map(async (one) => {
    one.seen = 0;
    one.server = await serve({ ...files, ...one.options }, (peer) => play(one, peer));
  }));
  const locations = rows.map(({ server }, at) => ({
    name: `row-${at}`, token: "secret", dial: "now",
    peers: [{ endpoint: `${US}:${server.address().port}`, pin }],
  }));
  mkdirSync(`${DIR}/router`);
  const config = { role: "router", tun_ifname: "wrt0", wan_ifname: "eth1", locations,
    api: { socket: `${DIR}/router/adit.sock` } };
  const daemon = startDaemon("adit", config);
  try {
    for (const [at, one] of rows.entries()) await judge(one, `row-${at}`, daemon);
  } finally {
    await stopDaemon(daemon);
  }
}

/** The answers of gateways, and what the router's log says of them. */
function answerRows() {
  const row = (name, answer, want, options = {}) =>
    ({ name: `answer: ${name}`, answer, want, options });
  const change = (name, members, want) => row(name, control({ ...GOOD, ...members }), want);
  return [
    change("as it should be", {}, /is up/),
    change("unknown members", { x: [1], addr4: "10.64.0.6/16", addr6: undefined }, /is up/),
    change("an MTU of 1,280", { mtu: 1_280, addr4: "10.64.0.7/16", addr6: undefined }, /is up/),
    change("an MTU of 1,279", { mtu: 1_279 }, /welcome: mtu/),
    change("an MTU of 65,536", { mtu: 65_536 }, /welcome: mtu/),
    change("an MTU of text", { mtu: "1400" }, /welcome: mtu/),
    change("an MTU of 1,400.5", { mtu: 1_400.5 }, /welcome: mtu/),
    change("segments of text", { segments: "true" }, /welcome: segments/),
    change("no word about segments", { segments: undefined }, /welcome: segments/),
    change("an address of another family", { addr4: "fd00::5/64" }, /welcome: addr4/),
    change("an empty address", { addr6: "" }, /welcome: addr6/),
    change("a number as address", { addr6: 6 }, /welcome: addr6/),
    change("no address", { addr4: undefined, addr6: undefined }, /welcome: no address/),
    change("the network as address", { addr4: "10.64.0.0/16" }, /welcome: addr4/),
    change("a number as name", { name: 1 }, /welcome: name/),
    change("a number as its own address", { gateway4: 1 }, /welcome: gateway4/),
    change("an address that is ours", { addr4: `${THEM}/24` }, /address: 203\.0\.113\.2, /),
    change("version 2", { v: 2 }, /welcome: not of version 1/),
    change("a version of text", { v: "1" }, /welcome: not of version 1/),
    row("a list", control("[]"), /welcome: not a JSON object/),
    row("no JSON", control("}{"), /welcome: not a JSON object/),
    row("no UTF-8", frame(TYPE.control, Buffer.alloc(9, 0xff)), /welcome: not a JSON object/),
    row("a refusal", control({ v: 1, error: "full", text: "later" }), /refused: full: later/),
    row("a refusal with control characters",
      control({ v: 1, error: "full", text: "a\u001b[2J\nb" }), /refused: full: a\?\[2J\?b$/m),
    row("a packet before it", Buffer.concat([frame(TYPE.packet, Buffer.alloc(20)), control(GOOD)]),
      /protocol: packet before/),
    row("a keepalive before it", Buffer.concat([keepalive(), control(GOOD)]),
      /protocol: keepalive before/),
    row("a close frame in its place", frame(TYPE.close, Buffer.from("go \u001b away")),
      /reset: peer says: go \? away/),
    row("bytes without end before it", Buffer.alloc(70_000, control("{ }")), /flood|welcome/),
    row("another protocol", control(GOOD), /alpn: /, { ALPNProtocols: ["h2"] }),
    row("TLS 1.2", control(GOOD), /tls: |alpn: /,
      { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }),
    row("P-384 alone", control(GOOD), /tls: /, { ecdhCurve: "P-384" }),
    row("AES-256 alone", control(GOOD), /tls: /, { ciphers: "TLS_AES_256_GCM_SHA384" }),
  ];
}

async function play(one, peer) {
  one.seen++;
  const greeting = await peer.nextControl();
  if (greeting === undefined) return;
  one.greeting ??= greeting;
  if (one.row === undefined) return peer.send(one.answer);
  // Each location has an address of its own; what comes later finds nobody who answers.
  if (one.peer !== undefined) return undefined;
  one.peer = peer;
  const at = Number(one.name.split(" ")[1]) + 10;
  return peer.send(control({ ...GOOD, addr4: `10.64.1.${at}/16`, addr6: `fd00:64::1:${at}/64` }));
}

async function judge(one, location, daemon) {
  const said = () => daemon.child.text.split("\n")
    .filter((line) => line.includes(`location ${location}`));
  if (one.row !== undefined) {
    const isUp = () => said().some((line) => /is up/.test(line));
    await waitFor(`${location} to be up`, ROW_MS_MAX, isUp);
    return tryFrames(one.row, one.peer, "router");
  }
  const find = () => said().some((line) => one.want.test(line));
  await waitFor(one.name, ROW_MS_MAX, find).catch(() => {});
  checks.ok(find(), one.name, said().at(-1));
  if (one.greeting !== undefined) {
    const { v, token, segments } = one.greeting;
    checks.ok(v === 1 && token === "secret" && segments === true, `${one.name}: greeting`);
  }
}
