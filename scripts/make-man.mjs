/**
 * The manual pages, made of what the programs say of themselves with --help, so that both are one
 * text. Usage: make-man.mjs PROGRAMS-FOLDER OUTPUT-FOLDER
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [programs = "build", output = "build/man"] = process.argv.slice(2);

function helpOf(program, ...words) {
  return execFileSync(join(programs, program), words, { encoding: "utf8" }).trimEnd().split("\n");
}

/** A backslash, and a dot or quote that begins a line, mean something to troff. */
function escaped(text) {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}

/** Lines as they are. */
function verbatim(lines) {
  return [".nf", ...lines.map(escaped), ".fi"];
}

function page(name, section, title, parts) {
  const { version } = JSON.parse(execFileSync(join(programs, "adit"), ["version", "--json"]));
  const head = `.TH ${name.toUpperCase()} ${section} "" "adit ${version}" "adit"`;
  const body = parts.flatMap(([heading, lines]) => [`.SH ${heading}`, ...lines]);
  const named = [".SH NAME", `${name} \\- ${escaped(title)}`];
  const text = [head, ...named, ...body].join("\n");
  writeFileSync(join(output, `${name}.${section}`), `${text}\n`);
}

function clientPage() {
  const help = helpOf("adit", "help");
  const commands = help.flatMap((line) => /^ {2}([a-z]\w*)/.exec(line)?.[1] ?? []);
  const details = commands.flatMap((command) => {
    return [`.SS ${command}`, ...verbatim(helpOf("adit", "help", command))];
  });
  page("adit", 1, "client of the VPN policy router aditd", [
    ["SYNOPSIS", verbatim(help.slice(0, 1))],
    ["DESCRIPTION", verbatim(help.slice(1))],
    ["COMMANDS", details],
    ["EXIT STATUS", verbatim([
      "0   done", "1   refused, failed or not valid", "2   the command line is wrong",
      "3   the daemon is not reachable", "78  the configuration has an issue",
    ])],
    ["ENVIRONMENT", [".B ADIT_SOCKET", "is the daemon's socket where \\-\\-socket names none."]],
    ["SEE ALSO", [".BR aditd (8)"]],
  ]);
}

function daemonPage() {
  const help = helpOf("aditd", "--help");
  page("aditd", 8, "VPN policy router and gateway", [
    ["SYNOPSIS", verbatim(help.slice(0, 1))],
    ["OPTIONS", verbatim(help.slice(1))],
    ["EXIT STATUS", verbatim(["0   stopped", "1   failed", "78  the configuration has an issue"])],
    ["SEE ALSO", [".BR adit (1)"]],
  ]);
}

/** The tables of docs/config.md, which are made of the same rows as the parser. */
function configurationPage() {
  const lines = readFileSync("docs/config.md", "utf8").trimEnd().split("\n");
  page("adit.json", 5, "configuration of aditd", [
    ["DESCRIPTION", verbatim(lines.filter((line) => !/^<!--|^# /.test(line)))],
    ["SEE ALSO", [".BR adit (1)", ".BR aditd (8)"]],
  ]);
}

mkdirSync(output, { recursive: true });
clientPage();
daemonPage();
configurationPage();
