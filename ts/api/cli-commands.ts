/** The table of commands: help, completion and dispatch all come from it. */
import type { Machine } from "../config/machine.js";
import { lookAtMachine } from "../config/machine.js";
import { parseConfig } from "../config/parse.js";
import { daysLeft } from "../engine/certificate.js";
import { disabled, issueLines } from "../engine/issues.js";
import { hexText } from "../engine/base64.js";
import { errnoText } from "../host/errno.js";
import type { Native } from "../host/native.js";
import type { Config, Issue } from "../model/config.js";
import { hasGateway } from "../model/features.js";
import { parseIp, parseMac, parsePrefix } from "../model/ip.js";
import type { CliContext } from "./cli-context.js";
import { exitFailed, exitUsage, printAnswer, readText } from "./cli-context.js";
import type { CommandSpec, OptionSpec } from "./cli-parse.js";
import { policyOptions, policyVerbs, runPolicy } from "./cli-policy.js";
import type { Json } from "./cli-text.js";
import { devicesText, eventText, explanationText, planLines, statusText } from "./cli-answers.js";

const exitConfig = 78;

const certificateDays = 3_650;
const tokenBytes = 24;

interface Command extends CommandSpec {
  readonly run: (context: CliContext) => void;
}

const kind: OptionSpec = { name: "--kind", value: "KIND", help: "mac, ip or iface" };
const whenDown: OptionSpec = {
  name: "--when-down",
  value: "WHAT",
  help: "while the tunnel is down: block (default), direct or another location",
};
const token: OptionSpec = { name: "--token", value: "", help: "make an access token instead" };
const elsewhere: OptionSpec = {
  name: "--elsewhere",
  value: "",
  help: "the file is for another machine: leave interfaces and files here aside",
};
const replay: OptionSpec = { name: "--replay", value: "", help: "begin with the last events" };

export const commands: readonly Command[] = [
  row("status", [], "Tunnels or clients, and how the daemon is", show("/v1/status", statusText)),
  row("devices", [], "Devices seen and where their traffic goes", show("/v1/devices", devicesText)),
  row(
    "protect",
    ["SUBJECT", "LOCATION"],
    "Send a MAC, address, prefix or interface through a location, or direct",
    (context) => change(context, true),
    [kind, whenDown],
  ),
  row(
    "unprotect",
    ["SUBJECT"],
    "Remove the rule of a MAC, address, prefix or interface",
    (context) => change(context, false),
    [kind],
  ),
  row(
    "explain",
    ["SUBJECT", "[DESTINATION]"],
    "Why a device's traffic, or that to one address, goes where it goes",
    explainSubject,
  ),
  row("plan", [], "What would be changed in the kernel now", show("/v1/plan", planLines)),
  row("events", [], "Follow events until interrupted", followEvents, [replay]),
  row("reload", [], "Read the configuration again", reload),
  {
    name: "policy",
    words: ["[VERB]", "[FILE]"],
    help: "Try a policy script, swap it in, and how it fares",
    verbs: policyVerbs,
    options: policyOptions,
    run: runPolicy,
  },
  row(
    "config",
    ["check", "FILE"],
    "Check a configuration file, without a daemon",
    checkConfig,
    [elsewhere],
  ),
  ...(hasGateway
    ? [row("keygen", ["[NAME]"], "Make NAME.crt and NAME.key and print the pin", generate, [token])]
    : []),
  row("version", [], "Print the version", printVersion),
  row("help", ["[COMMAND]"], "Tell what a command does", () => undefined),
];

function row(
  name: string,
  words: readonly string[],
  help: string,
  run: (context: CliContext) => void,
  options: readonly OptionSpec[] = [],
): Command {
  return { name, words, help, run, options };
}

function show(
  target: string,
  render: (answer: Json, width: number) => string,
): (context: CliContext) => void {
  return (context) => printAnswer(context, target, render);
}

/** Lets the daemon do something and says what was done. */
function post(context: CliContext, target: string, body: object, said: string): void {
  printAnswer(context, target, () => `${said}\n`, body);
}

function explainSubject(context: CliContext): void {
  const [subject = "", destination = ""] = context.words.map(encodeURIComponent);
  const target = `/v1/explain?subject=${subject}`;
  const further = destination === "" ? "" : `&destination=${destination}`;
  printAnswer(context, target + further, explanationText);
}

function reload(context: CliContext): void {
  post(context, "/v1/reload", {}, "reloaded");
}

function change(context: CliContext, protects: boolean): void {
  const [subject = "", vl = ""] = context.words;
  const when = context.options.get("--when-down");
  const kind = context.options.get("--kind") ?? kindOf(subject);
  if (kind === undefined) {
    return context.end(exitUsage, `${subject} is no MAC and no address; try --kind iface`);
  }
  const who = { kind, subject };
  if (!protects) return post(context, "/v1/unprotect", who, `${subject} has no rule any more`);
  const body = { ...who, vl, ...(when === undefined ? {} : { when_down: when }) };
  return post(context, "/v1/protect", body, `${subject} goes through ${vl}`);
}

/** Hexadecimal groups: sooner a mistyped address than the name of an interface. */
const groups = /^[0-9a-f]+([.:/-][0-9a-f]*){2,}$/i;

function kindOf(subject: string): string | undefined {
  if (parseMac(subject) !== undefined) return "mac";
  if ((parseIp(subject) ?? parsePrefix(subject)) !== undefined) return "ip";
  return groups.test(subject) ? undefined : "iface";
}

function followEvents(context: CliContext): void {
  const { native, json, ask, end } = context;
  const target = `/v1/events${context.options.has("--replay") ? "?replay=1" : ""}`;
  const onLine = (line: string): void => native.writeOut(json ? `${line}\n` : eventText(line));
  const onAnswer = (): void => end(exitFailed, "the daemon ended the stream");
  ask({ target, onAnswer, onLine });
}

function checkConfig(context: CliContext): void {
  const { native, words, json, end } = context;
  const [verb, path = ""] = words;
  if (verb !== "check") return end(exitUsage, `unknown word ${verb ?? ""}, did you mean check?`);
  const text = readText(context, path, exitConfig);
  if (text === undefined) return;
  const isElsewhere = context.options.has("--elsewhere");
  const look = (one: Config): readonly Issue[] => lookAtMachine(one, path, machineOf(native));
  const parsed = parseConfig(text, isElsewhere ? undefined : look);
  const { config, issues, warnings: found, isEnabled } = parsed;
  const warnings = isEnabled ? found : [...found, disabled];
  if (json) {
    native.writeOut(`${JSON.stringify({ valid: config !== undefined, issues, warnings })}\n`);
  } else {
    for (const line of issueLines(warnings, path)) native.writeErr(`warning: ${line}\n`);
    for (const line of issueLines(issues, path)) native.writeErr(`${line}\n`);
    if (config !== undefined) native.writeOut(`${path}: a valid ${config.role} configuration\n`);
  }
  return end(config === undefined ? exitConfig : 0, "");
}

/** The machine at hand. */
function machineOf(native: Native): Machine {
  return {
    hasInterface: (name) => native.hasInterface(name),
    factsOf: (file) => {
      const facts = native.fileFacts(file);
      return typeof facts === "number" ? undefined : facts;
    },
    daysLeft: (file) => {
      if (!hasGateway) return undefined;
      const bytes = native.readFile(file);
      const text = typeof bytes === "number" ? undefined : native.utf8Decode(bytes);
      return daysLeft(text ?? "", native.wallMs());
    },
  };
}

function generate(context: CliContext): void {
  const { native, words, json, options, end } = context;
  if (options.has("--token")) {
    const value = hexText(native.random(tokenBytes));
    const digest = hexText(native.sha256(native.utf8Encode(value)));
    print(native, json, { token: value, token_sha256: digest });
    return end(0, "");
  }
  const name = words[0] ?? "adit";
  const { certificate, key, pin } = native.generateCertificate(name, certificateDays);
  const files = [
    [`${name}.key`, key, 0o600],
    [`${name}.crt`, certificate, 0o644],
  ] as const;
  for (const [path, text, mode] of files) {
    const error = native.createFile(path, mode, native.utf8Encode(text));
    if (error !== 0) return end(exitFailed, `${path}: ${errnoText(error)}`);
  }
  print(native, json, { cert: `${name}.crt`, key: `${name}.key`, pin });
  return end(0, "");
}

function print(native: Native, json: boolean, facts: Readonly<Record<string, string>>): void {
  const lines = Object.entries(facts).map(([key, value]) => `${key} ${value}\n`);
  native.writeOut(json ? `${JSON.stringify(facts)}\n` : lines.join(""));
}

function printVersion({ native, json, end }: CliContext): void {
  const { hostVersion } = native;
  native.writeOut(json ? `${JSON.stringify({ version: hostVersion })}\n` : `${hostVersion}\n`);
  end(0, "");
}
