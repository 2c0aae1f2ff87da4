/** What no file may contain, whatever language it is in. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as c from "./c-source.js";
import {
  inFolder, isC, isGenerated, isScript, isShell, lineAt, type Finding, type SourceFile,
} from "./tree.js";
import * as script from "./ts-source.js";

/** This file and its test must name what they look for. */
const isTidyItself = (path: string): boolean =>
  inFolder(path, "test/tidy") || path === "test/unit/tidy.test.ts";

function commentsOf(file: SourceFile): c.Span[] {
  if (isC(file.path)) return c.commentsOf(file.text);
  if (isScript(file.path)) return script.commentsOf(file);
  if (!isShell(file) && file.path !== "Makefile") return [];
  return [...file.text.matchAll(/^\s*#(?!!).*$/gm)]
    .map((match) => ({ line: lineAt(file.text, match.index), text: match[0].trim() }));
}

function matches(
  file: SourceFile, pattern: RegExp, rule: (text: string) => string, remedy: string,
): Finding[] {
  return [...file.text.matchAll(pattern)].map((match) => ({
    path: file.path, line: lineAt(file.text, match.index), rule: rule(match[0]), remedy,
  }));
}

const OPEN_WORK = /\b(TODO|FIXME|XXX|HACK)\b|\b(not implemented|unimplemented)\b/g;
const TEST_SWITCHES = /\b(?:test|suite|it|describe)\.(?:skip|only)\(|\.(?:skip|only)\(\s*["'`]/g;

const asIs = (text: string): string => text;

export function leftovers(files: readonly SourceFile[]): Finding[] {
  const own = files.filter((file) => !isTidyItself(file.path));
  const code = own.filter((file) => isC(file.path) || isScript(file.path) || isShell(file));
  return [
    ...code.flatMap((file) => matches(file, OPEN_WORK, asIs, "finish it or leave it out")),
    ...own.filter((file) => inFolder(file.path, "ts")).flatMap((file) =>
      matches(file, /\bconsole\.\w+/g, asIs, "log through the host")),
    ...own.filter((file) => inFolder(file.path, "test") && isScript(file.path)).flatMap((file) =>
      matches(file, TEST_SWITCHES, asIs, "run every test, or remove it")),
  ];
}

const STATEMENTS = [
  /^\}$/,
  /^[\w.$[\]]+\s*(?:\([^)]*\)|[-+|&]?=[^=].*);$/,
  /\)\s*\{$/,
  /^(?:const|let|var|return|import|export|if|for|while|#include|#define)\b.*[;{]$/,
];
const COMMENT_START = /^\s*(?:\/\/|\/\*+|\*+(?!\/))?\s?/;

/** Examples in documentation comments, between fences. */
const EXAMPLES = /^\s*\* ```[\s\S]*?^\s*\* ```$/gm;

/** The text with as many lines, but without examples. */
const withoutExamples = (text: string): string =>
  text.replace(EXAMPLES, (example) => example.replace(/[^\n]/g, ""));

/** Lines of comments that read as statements. */
export function commentedOutCode(files: readonly SourceFile[]): Finding[] {
  const code = files.filter((file) => isC(file.path) || isScript(file.path));
  return code.filter((file) => !isTidyItself(file.path)).flatMap((file) =>
    commentsOf(file).flatMap((comment) => statementsIn(comment).map((line) =>
      ({ path: file.path, line, rule: "commented-out code", remedy: "remove it" }))));
}

function statementsIn(comment: c.Span): number[] {
  return withoutExamples(comment.text).split("\n").flatMap((text, index) => {
    const bare = text.replace(COMMENT_START, "").replace(/\*\/\s*$/, "").trim();
    return STATEMENTS.some((statement) => statement.test(bare)) ? [comment.line + index] : [];
  });
}

const CHANGE_WORDS =
  /\b(no longer(?! than)|anymore|previously|formerly|for now|refactored|used to be)\b/gi;

/** A comment describes the code that is there; its history stands in the log. */
export function changeWords(files: readonly SourceFile[]): Finding[] {
  return files.filter((file) => !isTidyItself(file.path)).flatMap((file) =>
    commentsOf(file).flatMap((comment) => [...comment.text.matchAll(CHANGE_WORDS)].map((match) => ({
      path: file.path,
      line: comment.line + lineAt(comment.text, match.index) - 1,
      rule: `"${match[0]}" in a comment`,
      remedy: "describe the code, not the change",
    }))));
}

const COMMON_PARENTS = [
  "/", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp",
];

/** Folders of this machine that no other machine has: the home and where the clone stands. */
export function machineFolders(root: string): string[] {
  const parent = dirname(root);
  const folders = [root, homedir(), ...(COMMON_PARENTS.includes(parent) ? [] : [parent])];
  return folders.filter((folder) => folder.length > 1).map((folder) => `${folder}/`);
}

export function machinePaths(files: readonly SourceFile[], folders: readonly string[]): Finding[] {
  return files.flatMap((file) => folders.flatMap((folder) =>
    occurrences(file, folder, "a path of this machine", "make it relative to the repository")));
}

function occurrences(file: SourceFile, text: string, rule: string, remedy: string): Finding[] {
  const found: Finding[] = [];
  for (let at = file.text.indexOf(text); at >= 0; at = file.text.indexOf(text, at + 1)) {
    if (/[\w.]/.test(file.text[at - 1] ?? "")) continue;
    found.push({ path: file.path, line: lineAt(file.text, at), rule: `${rule}: ${text}`, remedy });
  }
  return found;
}

const APT = "/etc/apt";

/** Hosts of the package registries that this machine is set up to use. */
export function registryHosts(): string[] {
  const parts = join(APT, "sources.list.d");
  const lists = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  const texts = [join(APT, "sources.list"), ...lists].filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8"));
  const npm = execFileSync("npm", ["config", "get", "registry"], {
    encoding: "utf8", stdio: ["ignore", "pipe", "ignore"],
  });
  const hosts = [...texts, npm].flatMap((text) =>
    [...text.matchAll(/https?:\/\/([^/\s"]+)/g)].map((match) => match[1] ?? ""));
  return [...new Set(hosts)].filter((host) => host !== "");
}

export function registryNames(files: readonly SourceFile[], hosts: readonly string[]): Finding[] {
  const remedy = "derive it from the machine's own configuration";
  const named = files.flatMap((file) => hosts.flatMap((host) =>
    occurrences(file, host, "a registry's host", remedy)));
  const locked = files.filter((file) => file.path === "package-lock.json").flatMap((file) =>
    occurrences(file, '"resolved"', "a registry address in the lock file",
      "set omit-lockfile-registry-resolved"));
  return [...named, ...locked];
}

const FOREIGN = /(^|\/)(quickjs|mbedtls|libmnl|monocypher|openssl)[^/]*\.(c|h)$/;
// What configures a library bears the library's name for it.
const OURS = /(^|\/)mbedtls_config\.h$/;

/** Third-party source is fetched by digest, never committed. */
export function foreignSource(files: readonly SourceFile[]): Finding[] {
  return files.filter(({ path }) => FOREIGN.test(path) && !OURS.test(path)).map((file) => ({
    path: file.path, line: 1, rule: "looks like third-party source", remedy: "fetch it instead",
  }));
}

// Tab, line feed and carriage return aside; the last is refused below as a line ending.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

export function bytes(files: readonly SourceFile[]): Finding[] {
  const text = files.filter((file) => !isGenerated(file.path) && !file.path.includes("/corpus/"));
  return text.flatMap((file) => [
    ...matches(file, CONTROL, () => "a control character", "write it as an escape"),
    ...matches(file, /\r$/gm, () => "a carriage return", "end lines with a line feed alone"),
    ...(file.path.endsWith(".md") ? [] :
      matches(file, /[ \t]+$/gm, () => "blanks at the end of a line", "remove them")),
  ]);
}
