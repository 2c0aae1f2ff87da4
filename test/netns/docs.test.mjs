// What the pages tell a newcomer to type, typed: the first configuration of the README and the
// gateway's page, in the order of the page, each in a lab of its own making. What is typed on
// OpenWrt is typed by test/packages/docs.test.mjs. Only the folder, the
// uplink's name and the gateway's address are the lab's; a command that fails, fails here.

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { finish, makeChecks, part } from "./lab/check.mjs";
import { BUILD } from "./lab/daemon.mjs";
import { exitAddress, makeLab } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { nsStart, nsTry, stop, waitFor } from "./lab/sh.mjs";
import { GATEWAYS, NET, addressOf } from "./lab/topology.mjs";

const DIR = "/run/adit-docs";
const READY_MS_MAX = 20_000;
const EVENTS_MS_MAX = 5000;
const TOKEN_MODE = 0o600;
const GATEWAY = addressOf(NET.inet, GATEWAYS.us.host).v4;

const HERE = [
  ["/etc/adit", DIR],
  ["198.51.100.10", GATEWAY],
  ['"wan_ifname": "eth0"', '"wan_ifname": "eth1"'],
];

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  mkdirSync(DIR);
  await makeLab();
  const secrets = {};
  await part(checks, "README.md: a first configuration", () => firstConfiguration(checks, secrets));
  await part(checks, "docs/troubleshooting.md", () => questions(checks));
  await part(checks, "docs/gateway.md", () => gatewayPage(checks, secrets));
  await part(checks, "every configuration of every page",
    () => everyConfiguration(checks, secrets));
  return finish(checks);
});

/** Fenced blocks below a heading of rank two, or of the whole page: `{ language, text }`. */
function blocksOf(page, heading = "") {
  const text = readFileSync(page, "utf8");
  const start = text.indexOf(heading);
  if (start < 0) throw new Error(`${page} has no heading '${heading}'`);
  const end = heading === "" ? -1 : text.indexOf("\n## ", start + heading.length);
  const part = text.slice(start, end < 0 ? text.length : end);
  return [...part.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language, body]) =>
    ({ language, text: here(body) }));
}

function here(text) {
  return HERE.reduce((all, [told, ours]) => all.replaceAll(told, ours), text);
}

function environment() {
  return { cwd: DIR, env: { ...process.env, PATH: `${BUILD}:${process.env.PATH}` } };
}

/** Runs a block as a shell would, and gives what it printed. */
function type(checks, ns, text) {
  const done = nsTry(ns, ["sh", "-e", "-c", text], environment());
  checks.ok(done.status === 0, text.trim().split("\n").join("; "),
    done.status === 0 ? "" : `${done.stderr}${done.stdout}`.trim());
  return done.stdout;
}

/** What the commands that make secrets printed, put where the page says. */
function readSecrets(printed) {
  const pin = /sha256\/[A-Za-z0-9+/]{43}=/.exec(printed)?.[0];
  const digest = /\b[0-9a-f]{64}\b/.exec(printed)?.[0];
  const token = /^(?:token:?\s+)?([A-Za-z0-9_-]{24,63})$/m.exec(printed)?.[1];
  if (pin === undefined || digest === undefined || token === undefined) {
    throw new Error(`no pin, digest and token in: ${printed}`);
  }
  return { pin, digest, token };
}

function filled(text, { pin, digest }) {
  return text.replaceAll("<the pin>", pin).replaceAll("<the SHA-256>", digest);
}

/** The page's command that stays in the foreground. */
function startInForeground(ns, command) {
  return nsStart(ns, ["sh", "-c", `exec ${command}`], environment());
}

/** Those that stand for themselves; pieces of one are for test/unit/docs.test.ts. */
function everyConfiguration({ ok, same }, secrets) {
  const pages = ["README.md", ...readdirSync("docs").filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)];
  const isWhole = /"role"|^config adit /m;
  const found = pages.flatMap((page) => blocksOf(page).filter(({ language, text }) =>
    /^(json|uci)$/.test(language) && isWhole.test(text)).map(({ text }) => ({ page, text })));
  ok(found.length >= 6, "there are some", `${found.length}`);
  for (const { page, text } of found) {
    writeFileSync(`${DIR}/page`, filled(text, secrets));
    const { status, stderr } = nsTry("router", ["adit", "config", "check", "--elsewhere",
      `${DIR}/page`], environment());
    same(`${status} ${stderr}`, "0 ", `${page}: ${text.trim().split("\n")[1].trim()}`);
  }
}

async function firstConfiguration(checks, secrets) {
  const blocks = blocksOf("README.md", "\n## A first configuration\n");
  const [makeSecrets, useThem] = blocks.filter(({ language }) => language === "sh");
  const [gateway, router] = blocks.filter(({ language }) => language === "json");
  Object.assign(secrets, readSecrets(type(checks, "us", makeSecrets.text)));
  writeFileSync(`${DIR}/gateway.json`, filled(gateway.text, secrets));
  secrets.gateway = startInForeground("us", `aditd -c gateway.json --run-dir ${DIR}/gateway`);
  writeFileSync(`${DIR}/us.token`, `${secrets.token}\n`, { mode: TOKEN_MODE });
  writeFileSync(`${DIR}/router.json`, filled(router.text, secrets));
  for (const line of useThem.text.trim().split("\n")) await typeLine(checks, line);
  await expectExit(checks, "phone");
}

async function typeLine(checks, line) {
  if (!line.startsWith("aditd ")) {
    type(checks, "router", line);
    return;
  }
  const daemon = startInForeground("router", line.replace(/\s+#.*/, ""));
  await waitFor("the daemon to be ready", READY_MS_MAX,
    () => nsTry("router", ["adit", "status"], environment()).stdout.includes(" up ") ||
      (daemon.exitCode !== null && Promise.reject(new Error(daemon.text))));
}

async function expectExit(checks, device) {
  const got = await waitFor(`${device} behind the gateway`, READY_MS_MAX,
    async () => (await exitAddress(device, "v4")) === GATEWAY && GATEWAY);
  checks.same(got, GATEWAY, `${device} leaves through the gateway`);
}

async function questions(checks) {
  const [{ text }] = blocksOf("docs/troubleshooting.md")
    .filter(({ language }) => language === "sh");
  for (const line of text.trim().split("\n")) {
    if (line.startsWith("adit events")) await expectEvents(checks, line);
    else type(checks, "router", line);
  }
}

/** It goes on until it is interrupted. */
async function expectEvents(checks, line) {
  const reader = startInForeground("router", line);
  await waitFor(`'${line}' to print something`, EVENTS_MS_MAX, () => reader.text !== "");
  checks.ok(reader.exitCode === null, line, reader.exitCode === null ? "" : reader.text);
  await stop(reader);
}

/** What systemd starts for adit@gateway, with the lab's folders. */
function commandOf(unit) {
  const [, command] = /^ExecStart=@PREFIX@\/sbin\/(.*)$/m.exec(unit) ?? [];
  const told = command.replaceAll("%i", "gateway").replace("/etc/adit", DIR);
  return `${told.replace("/var/lib/adit", DIR)}-state --run-dir ${DIR}/gateway`;
}

/** A gateway after its own page takes the place of the first one: the router comes to it. */
async function gatewayPage(checks, secrets) {
  await stop(secrets.gateway);
  const blocks = blocksOf("docs/gateway.md");
  const [config] = blocks.filter(({ language }) => language === "json");
  const [makeSecrets, check] = blocks.filter(({ language }) => language === "sh");
  const fresh = readSecrets(type(checks, "us",
    makeSecrets.text.replaceAll(`${DIR}/gateway`, `${DIR}/second`)));
  writeFileSync(`${DIR}/gateway.json`, filled(config.text, secrets));
  type(checks, "us", check.text);
  checks.ok(fresh.pin !== secrets.pin, "another key has another pin");
  startInForeground("us", commandOf(readFileSync("share/systemd/adit@.service", "utf8")));
  await expectExit(checks, "guest");
}
