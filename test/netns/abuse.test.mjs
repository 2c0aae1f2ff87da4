// The local interfaces of a running daemon, abused: forms of HTTP, bodies, command lines, clients
// that are slow, many or deaf, run directories and socket paths that are somebody else's. What is
// refused is refused as the page says, the daemon lives, and the owner is heard.

import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync,
  writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { COMMAND_LINES, REQUESTS } from "./lab/abuses.mjs";
import { finishParts, makeChecks } from "./lab/check.mjs";
import { BUILD, adit, aditJson, waitSettled } from "./lab/daemon.mjs";
import { makeLab, routerConfig, startRouter } from "./lab/lab.mjs";
import { exchange, openRaw, requestText, statusOf } from "./lab/raw-http.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsStart, sleep, stop, waitFor } from "./lab/sh.mjs";

const { httpForms, httpFormsWhole } =
  await import(new URL("../../build/test/test/unit/support/http-forms.js", import.meta.url));

const SETTLE_MS_MAX = 10_000;
const END_MS_MAX = 5000;
const AT_ONCE = 6;
const CONNECTIONS_MAX = 16;
const READERS_MAX = 8;
/** Byte by byte, longer ones would take long and show nothing else. */
const CRUMBS_MAX = 400;
const LARGE = 900_000;
const SENT_ON = 60_000;
const OTHER_USER = 1000;
const CASES_MIN = 270;
const plain = requestText("GET", "/v1/status");

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks({ quiet: true });
  const lab = await makeLab();
  const router = startRouter(lab);
  await waitSettled(router, SETTLE_MS_MAX);
  const parts = [
    ["forms of HTTP", () => forms(checks, router)],
    ["forms of HTTP, byte by byte", () => crumbs(checks, router)],
    ["requests", () => requests(checks, router)],
    ["command lines", () => commandLines(checks, router)],
    ["clients that are slow, many or deaf", () => clients(checks, router)],
    ["run directories", () => runDirectories(checks, lab)],
    ["socket paths", () => socketPaths(checks, lab)],
  ];
  const status = await finishParts(checks, [...parts,
    ["after all of it", () => lives(checks, router)]]);
  return status;
});

/** Runs a case for each row, some at once. */
async function eachRow(rows, run) {
  const left = [...rows];
  const worker = async () => {
    while (left.length > 0) await run(left.shift());
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What the daemon answers to a form: it has no such resource, and waits in vain for what lacks. */
function answerTo(status) {
  return { 0: 408, 200: 404 }[status] ?? status;
}

async function forms({ ok }, { socket }) {
  await eachRow(httpForms, async ([name, text, status]) => {
    const got = statusOf(await exchange(socket, [text]));
    ok(got === answerTo(status), `${name}: ${answerTo(status)}`, `${got}`);
  });
}

async function crumbs({ ok }, { socket }) {
  const short = httpFormsWhole.filter(([, text, status]) =>
    text.length <= CRUMBS_MAX && status !== 0);
  await eachRow(short, async ([name, text, status]) => {
    const got = statusOf(await exchange(socket, text.split("")));
    ok(got === answerTo(status), `${name}, byte by byte: ${answerTo(status)}`, `${got}`);
  });
}

async function requests({ ok }, { socket }) {
  await eachRow(REQUESTS, async ([name, words, status]) => {
    const text = await exchange(socket, [requestText(...words)]);
    ok(statusOf(text) === status, `${name}: ${status}`, text.slice(0, 400));
  });
}

function commandLines({ ok }, router) {
  for (const [words, status] of COMMAND_LINES) {
    const done = adit(router, ...words);
    const said = done.stdout + done.stderr;
    const isTold = said.trim() !== "" && !/^\s+at |[\0-\x08\x0b-\x1f\x7f]|error -?\d+$/m.test(said);
    ok(done.status === status && isTold, `adit ${JSON.stringify(words).slice(0, 80)}: ${status}`,
      `${done.status}: ${said.slice(0, 300)}`);
  }
}

async function clients(checks, router) {
  await silentOnes(checks, router);
  await readers(checks, router);
  await early(checks, router);
  await rude(checks, router);
}

/** Whoever has said nothing for longest makes room. */
async function silentOnes({ ok }, { socket }) {
  const silent = Array.from({ length: CONNECTIONS_MAX }, () => openRaw(socket));
  await Promise.all(silent.map(({ opened }) => opened));
  ok(statusOf(await exchange(socket, [plain])) === 200, "a 17th client is answered");
  await silent[0].ended;
  ok(statusOf(silent[0].text) === 503, "the first of 16 silent ones made room", silent[0].text);
  await Promise.all(silent.map(({ ended }) => ended));
  const told = silent.slice(1).map(({ text }) => statusOf(text));
  ok(told.every((status) => status === 408), "the others are told after a while", told.join());
}

async function readers({ ok }, router) {
  const { socket } = router;
  const open = Array.from({ length: READERS_MAX }, () => openRaw(socket));
  for (const { socket: each } of open) each.write(requestText("GET", "/v1/events?replay=1"));
  await waitFor("the readers' heads", END_MS_MAX, () => open.every(({ text }) => text !== ""));
  const further = await exchange(socket, [requestText("GET", "/v1/events")]);
  ok(statusOf(further) === 503, "a ninth reader of events is refused", further);
  ok(adit(router, "status").status === 0, "the owner is heard beside eight readers");
  open.forEach(({ socket: each }) => each.destroy());
  await waitFor("a place for a reader", END_MS_MAX, async () => {
    const next = openRaw(socket);
    next.socket.write(requestText("GET", "/v1/events?replay=1"));
    await waitFor("its head", END_MS_MAX, () => next.text !== "");
    next.socket.destroy();
    return next.text.startsWith("HTTP/1.1 200");
  });
  ok(true, "readers that left make room");
}

/** Answers that come before the request is over, to clients that go on sending. */
async function early({ ok }, router) {
  const { socket } = router;
  const head = `POST /v1/protect HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n`;
  const text = await exchange(socket, [head + "x".repeat(SENT_ON)]);
  ok(statusOf(text) === 413, "413 reaches who sends on", text);
  const file = "/run/adit-lab/large.mjs";
  writeFileSync(file, `//${"x".repeat(LARGE)}\n`);
  const done = adit(router, "policy", "try", file);
  ok(done.status === 1 && /at most|too large|768/.test(done.stderr), "the client says what it read",
    `${done.status} ${done.stderr}`);
}

async function rude({ ok }, { socket }) {
  const half = openRaw(socket);
  await half.opened;
  half.socket.end(plain);
  await half.ended;
  ok(statusOf(half.text) === 200, "who sends no more is answered", half.text.slice(0, 80));
  const leavers = { "before a byte": "", "in the head": "GET /v1/sta", "behind the head": plain,
    "in the body": `${requestText("POST", "/v1/protect", "application/json", "{}").slice(0, -1)}` };
  for (const [when, text] of Object.entries(leavers)) {
    const raw = openRaw(socket);
    await raw.opened;
    if (text !== "") raw.socket.write(text);
    raw.socket.destroy();
    ok(statusOf(await exchange(socket, [plain])) === 200, `who leaves ${when} harms nobody`);
  }
}

/** A daemon in a network of its own; ends by itself or is `ready`. */
async function startAt(lab, { runDir, socket, flags = [], change = (config) => config }) {
  const file = "/run/adit-lab/other.json";
  writeFileSync(file, JSON.stringify(change({ ...routerConfig(lab), api: { socket } })));
  const child = nsStart("laptop", [join(BUILD, "aditd"), "-c", file, "-m", join(BUILD, "adit.mjs"),
    "--run-dir", runDir, ...flags]);
  await waitFor("aditd to be ready or to end", SETTLE_MS_MAX, () =>
    child.exitCode !== null || /ready as router/.test(child.text));
  return { ns: "laptop", child, socket, file };
}

async function endOf({ child }) {
  if (child.exitCode === null) await stop(child);
  return child;
}

async function runDirectories({ ok }, lab) {
  const at = "/run/dirs";
  mkdirSync(at);
  const made = (name, mode, owner = 0) => {
    mkdirSync(`${at}/${name}`);
    chmodSync(`${at}/${name}`, mode);
    chownSync(`${at}/${name}`, owner, owner);
    return `${at}/${name}`;
  };
  symlinkSync(made("theirs", 0o755, OTHER_USER), `${at}/link-theirs`);
  symlinkSync(made("fine", 0o755), `${at}/link-fine`);
  writeFileSync(`${at}/file`, "keep");
  const rows = [
    ["root's own", `${at}/fine`, true], ["a link to root's own", `${at}/link-fine`, true],
    ["one that is not there", `${at}/new`, true], ["another user's", `${at}/theirs`, false],
    ["a link to another user's", `${at}/link-theirs`, false],
    ["one that its group may write", made("group", 0o770), false],
    ["one that all may write", made("all", 0o1777), false], ["a file", `${at}/file`, false],
    ["one below a file", `${at}/file/x`, false],
    ["one below what is not there", `${at}/nothing/x/y`, true],
    ...[125, 200, 256, 4000].map((length) =>
      [`a name of ${length} bytes`, `${at}/`.padEnd(length, "x"), false]),
  ];
  for (const [name, runDir, isGood] of rows) {
    const daemon = await startAt(lab, { runDir, socket: "/run/adit-lab/other.sock" });
    const isUp = daemon.child.exitCode === null;
    const { exitCode, text } = await endOf(daemon);
    ok(isUp === isGood && (isGood || exitCode !== 0) && text !== "", `run directory: ${name}`,
      `${exitCode} ${text.slice(-300)}`);
  }
  ok(readFileSync(`${at}/file`, "utf8") === "keep", "the file is as it was");
}

async function socketPaths(checks, lab) {
  const at = "/run/socks";
  mkdirSync(at);
  await takenPaths(checks, lab, at);
  await laterPaths(checks, lab, at);
}

/** A program of somebody else, which says who it is. */
function ownServer() {
  return createServer((peer) => peer.on("error", () => {}).end("mine"));
}

/** What somebody else has at the path stays, whatever the daemon does. */
async function takenPaths({ ok }, lab, at) {
  const alive = ownServer().listen(`${at}/alive`);
  await waitFor("a socket of somebody", END_MS_MAX, () => existsSync(`${at}/alive`));
  writeFileSync(`${at}/file`, "keep");
  mkdirSync(`${at}/folder`);
  symlinkSync(`${at}/file`, `${at}/link-file`);
  symlinkSync(`${at}/alive`, `${at}/link-alive`);
  symlinkSync(`${at}/gone`, `${at}/link-gone`);
  const before = Object.fromEntries(["alive", "file", "folder", "link-file", "link-alive"]
    .map((name) => [name, statSync(`${at}/${name}`).ino]));
  for (const [name, ino] of Object.entries(before)) {
    const daemon = await startAt(lab, { runDir: "/run/dir", socket: `${at}/${name}` });
    daemon.child.kill("SIGHUP");
    await sleep(300);
    const { text } = await endOf(daemon);
    const isThere = existsSync(`${at}/${name}`) && statSync(`${at}/${name}`).ino === ino;
    ok(isThere && text.includes(`${at}/${name}`), `socket path: ${name} stays, and is named`,
      text.slice(-400));
  }
  ok(await exchange(`${at}/alive`, ["x"]) === "mine", "the socket of somebody lives");
  ok(readFileSync(`${at}/file`, "utf8") === "keep", "the file is as it was");
  alive.close();
}

/** Its own path is taken again after a crash, and moves with a reload or not at all. */
async function laterPaths({ ok }, lab, at) {
  const first = await startAt(lab, { runDir: "/run/dir", socket: `${at}/own` });
  first.child.kill("SIGKILL");
  await waitFor("its end", END_MS_MAX, () => first.child.exitCode !== null
    || first.child.signalCode !== null);
  ok(existsSync(`${at}/own`), "a killed daemon leaves its socket");
  const next = await startAt(lab, { runDir: "/run/dir", socket: `${at}/own` });
  await waitFor("the next one to answer", END_MS_MAX, () => adit(next, "status").status === 0);
  ok(true, "the next one takes it over");
  const config = JSON.parse(readFileSync(next.file, "utf8"));
  const reload = (socket) => {
    writeFileSync(next.file, JSON.stringify({ ...config, api: { socket } }));
    return adit(next, "reload");
  };
  for (const bad of [`${at}/nothing/x`, `${at}/folder`, `${at}/file`, "relative", "",
    `${at}/`.padEnd(200, "x")]) {
    const { status } = reload(bad);
    ok(status === 1 && adit(next, "status").status === 0,
      `a reload to ${bad.slice(0, 30)} is refused and the old path answers`, `${status}`);
  }
  reload(`${at}/moved`);
  await waitFor("the new path to answer", END_MS_MAX, () =>
    adit({ ...next, socket: `${at}/moved` }, "status").status === 0);
  ok(!existsSync(`${at}/own`), "the former path is gone");
  rmSync(`${at}/moved`);
  const thief = ownServer().listen(`${at}/moved`);
  await waitFor("a socket in its place", END_MS_MAX, () => existsSync(`${at}/moved`));
  await endOf(next);
  ok(await exchange(`${at}/moved`, ["x"]) === "mine", "a stop leaves what came in its place");
  thief.close();
}

async function lives({ ok, count }, router) {
  const status = aditJson(router, "status") ?? {};
  ok(status.decider_restarts === 0, "no decider died", `${status.last_death}`);
  ok(count.passed + count.failed >= CASES_MIN, `at least ${CASES_MIN} cases`, `${count.passed}`);
}
