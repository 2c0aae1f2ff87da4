/** What C may call, include and start. */
import { callsOf, includesOf } from "./c-source.js";
import { inFolder, isC, type Finding, type SourceFile } from "./tree.js";

/** Banned calls, each with what to write instead. */
export const BANNED_CALLS: Readonly<Record<string, string>> = {
  strcpy: "snprintf with the size of the target",
  stpcpy: "snprintf with the size of the target",
  strncpy: "snprintf: strncpy may leave the text without its end",
  strcat: "snprintf into the remaining space",
  strncat: "snprintf into the remaining space",
  sprintf: "snprintf",
  vsprintf: "vsnprintf",
  gets: "fgets",
  atoi: "strtol, and check what it says",
  atol: "strtol, and check what it says",
  atoll: "strtoll, and check what it says",
  sscanf: "a parser that checks ranges",
  strtok: "strsep or a loop over the bytes",
  system: "an argument vector through c/sys/exec.c",
  popen: "an argument vector through c/sys/exec.c",
  alloca: "a buffer with a named limit",
  rand: "getrandom",
  random: "getrandom",
  srand: "getrandom",
  usleep: "a timer of the loop",
  sleep: "a timer of the loop",
};

const STARTERS = ["fork", "vfork", "clone", "posix_spawn", "posix_spawnp"];
const STARTER_FILES = ["c/sys/exec.c", "c/mover/child.c"];

const daemon = (files: readonly SourceFile[]): SourceFile[] =>
  files.filter((file) => inFolder(file.path, "c") && isC(file.path));

export function bannedCalls(files: readonly SourceFile[]): Finding[] {
  return daemon(files).flatMap((file) => callsOf(file.text).flatMap((call) => {
    const instead = Object.hasOwn(BANNED_CALLS, call.text) ? BANNED_CALLS[call.text] : undefined;
    if (instead === undefined) return [];
    return [{ path: file.path, line: call.line, rule: `calls ${call.text}`, remedy: instead }];
  }));
}

/** Processes are started in two places, which know what a child may inherit. */
export function processStarts(files: readonly SourceFile[]): Finding[] {
  return daemon(files).filter((file) => !STARTER_FILES.includes(file.path)).flatMap((file) =>
    callsOf(file.text).filter((call) => STARTERS.includes(call.text)).map((call) => ({
      path: file.path,
      line: call.line,
      rule: `calls ${call.text}`,
      remedy: `go through ${STARTER_FILES.join(" or ")}`,
    })));
}

interface Boundary {
  readonly from: (path: string) => boolean;
  readonly to: RegExp;
  readonly why: string;
}

/** What the program is composed in: it chooses between mover, decider and client, so knows all. */
const COMPOSITION = ["c/main.c", "c/mover/entry.c"];

const common = (path: string): boolean =>
  !inFolder(path, "c/vm") && !inFolder(path, "c/mover") && !COMPOSITION.includes(path);

const BOUNDARIES: readonly Boundary[] = [
  {
    from: (path) => !inFolder(path, "c/vm"),
    to: /(^|\/)(quickjs|quickjs-libc|libregexp|libunicode|cutils)\.h$/,
    why: "only c/vm knows the engine",
  },
  {
    from: (path) => inFolder(path, "c/vm"),
    to: /(^|\/)mover\//,
    why: "c/vm knows the mover by the contract only",
  },
  {
    from: (path) => inFolder(path, "c/mover") && !COMPOSITION.includes(path),
    to: /(^|\/)vm\//,
    why: "c/mover knows the decider by the contract only",
  },
  { from: common, to: /(^|\/)(mover|vm)\//, why: "what both use depends on neither" },
];

export function boundaries(files: readonly SourceFile[]): Finding[] {
  return daemon(files).flatMap((file) => includesOf(file.text).flatMap((included) =>
    BOUNDARIES.filter((boundary) => boundary.from(file.path) && boundary.to.test(included.text))
      .map((boundary) => ({
        path: file.path,
        line: included.line,
        rule: `includes ${included.text}`,
        remedy: boundary.why,
      }))));
}
