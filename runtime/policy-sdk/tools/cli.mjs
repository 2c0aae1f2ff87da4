// The command line: which commands there are, their options, help, and what becomes of a result.
//
// A command module exports `command`: { usage, about, options, run }. `run` gets { positionals,
// values, folder } and returns { code, report, text }: `report` is printed with --json, `text`
// without, so that both always say the same.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { EXIT, Refusal, SourceError, usageError } from "./errors.mjs";
import { showFinding } from "./findings.mjs";

const COMMANDS = {
  new: "write a starter: a policy, its test and a scenario",
  check: "types, rules and size of a policy",
  test: "run uvu tests in the router's engine",
  sim: "play a scenario: a timeline and a picture",
  bundle: "make the one module that a router loads",
  keygen: "make a key pair for signing",
  sign: "sign a bundle",
};

const COMMON = {
  help: { type: "boolean", short: "h", about: "this text" },
  json: { type: "boolean", about: "print one JSON object instead of text" },
};

/** Runs one command line and returns the exit status. */
export async function main(args, io = standardIo()) {
  const [name, ...rest] = args;
  const json = args.includes("--json");
  try {
    if (name === undefined) throw usageError(`a command is missing\n\n${overview()}`);
    if (name === "--help" || name === "-h" || name === "help") return print(io, overview());
    if (name === "--version") return print(io, version());
    if (!Object.hasOwn(COMMANDS, name)) throw unknownCommand(name);
    return await runCommand(name, rest, io);
  } catch (error) {
    return fail(error, json, io);
  }
}

function standardIo() {
  return {
    folder: process.cwd(),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  };
}

const print = (io, text) => {
  io.out(`${text}\n`);
  return EXIT.ok;
};

const unknownCommand = (name) =>
  usageError(`no command '${name}', expected one of ${Object.keys(COMMANDS).join(" ")}`);

async function runCommand(name, args, io) {
  const { command } = await import(`./commands/${name}.mjs`);
  const options = { ...command.options, ...COMMON };
  const { positionals, values } = parse(name, args, options);
  if (values.help) return print(io, helpOf(name, command, options));
  const result = await command.run({ positionals, values, folder: io.folder });
  io.out(values.json ? `${JSON.stringify(result.report, null, 2)}\n` : result.text);
  return result.code;
}

function parse(name, args, options) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error.message.split(". ")[0];
    throw usageError(`${message}; 'adit-policy ${name} --help' lists the options`);
  }
}

function fail(error, json, io) {
  const findings = error instanceof SourceError ? error.findings : undefined;
  if (findings === undefined && !(error instanceof Refusal)) throw error;
  const message = findings === undefined ? error.message :
    findings.map((found) => showFinding(found, io.folder)).join("\n");
  if (json) io.out(`${JSON.stringify({ ok: false, error: error.message, findings }, null, 2)}\n`);
  else io.err(findings === undefined ? `adit-policy: ${message}\n` : `${message}\n`);
  return findings === undefined ? error.exitCode : EXIT.found;
}

function overview() {
  const rows = Object.entries(COMMANDS).map(([name, about]) => `  ${name.padEnd(8)} ${about}`);
  return ["Usage: adit-policy COMMAND [OPTION...]", "", ...rows, "",
    "'adit-policy COMMAND --help' says more. Exit status: 0 all is well, 1 something was found,",
    "2 wrong usage, 3 a file cannot be read or written."].join("\n");
}

function helpOf(name, command, options) {
  const rows = Object.entries(options).map(([option, { type, short, about, value }]) => {
    const flag = `${short === undefined ? "    " : `-${short}, `}--${option}`;
    const shown = type === "boolean" ? flag : `${flag} ${value ?? "TEXT"}`;
    return `  ${shown.padEnd(26)} ${about}`;
  });
  return [`Usage: adit-policy ${name} ${command.usage}`, "", command.about, "", ...rows].join("\n");
}

function version() {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return JSON.parse(text).version;
}
