/** `adit policy`: tries scripts, swaps them in and waits for what becomes of it. */
import type { CliContext } from "./cli-context.js";
import { exitFailed, exitUsage, printAnswer, readText, tableWidth } from "./cli-context.js";
import type { OptionSpec } from "./cli-parse.js";
import { strangeText, unknownText } from "./cli-parse.js";
import {
  eventLine,
  historyText,
  limitsText,
  logText,
  movesText,
  policyText,
  swapText,
} from "./cli-policy-text.js";
import type { Json } from "./cli-text.js";
import { mapPlaces } from "./source-map.js";

/** How often a waiting `swap` looks. */
const lookMs = 1_000;
/** Looks in a row at a daemon that is not there: it is absent for a moment while it is swapped. */
const missesMax = 30;

export const policyOptions: readonly OptionSpec[] = [
  { name: "--signature", value: "FILE", help: "its signature; FILE.sig is found by itself" },
  { name: "--confirm-s", value: "N", help: "seconds until a swap is confirmed or rolled back" },
  { name: "--no-wait", value: "", help: "do not wait for the end of the probation" },
  { name: "--control", value: "", help: "adit's own module; for swap, confirm, rollback, history" },
];

export const policyVerbs = [
  ["try FILE", "Ask a script where every device would go, without effect"],
  ["diff FILE", "The same, only what would change"],
  ["swap FILE", "Let a script decide, on probation"],
  ["confirm", "Keep the script that is on probation"],
  ["rollback", "Return to the script before it, from probation or from a confirmed one"],
  ["remove", "Return to what the configuration names, policy.file or nothing"],
  ["status", "Which script decides, and how it fares"],
  ["history", "What was swapped, confirmed and rolled back"],
  ["log", "What scripts wrote, and their errors"],
  ["limits", "What a script may use, and uses"],
] as const;

/** Options that mean something to a verb; `--control` is not for those that ask a script. */
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  try: ["--signature"],
  diff: ["--signature"],
  swap: ["--signature", "--confirm-s", "--no-wait", "--control"],
  confirm: ["--control"],
  rollback: ["--control"],
  history: ["--control"],
};

export function runPolicy(context: CliContext): void {
  const { words, options, end } = context;
  const [verb = "", file = ""] = words;
  const names = policyVerbs.map(([usage]) => usage.split(" ")[0] ?? "");
  if (verb !== "" && !names.includes(verb)) {
    return end(exitUsage, unknownText("verb", verb, names));
  }
  const wantsFile = ["try", "diff", "swap"].includes(verb);
  if (wantsFile !== (file !== "")) {
    return end(exitUsage, wantsFile ? "FILE is missing" : `unexpected word ${file}`);
  }
  const own = policyOptions.map(({ name }) => name).filter((name) => options.has(name));
  const strange = own.find((name) => optionsOf[verb]?.includes(name) !== true);
  if (strange !== undefined) {
    const fitting = policyOptions.filter(({ name }) => optionsOf[verb]?.includes(name) === true);
    return end(exitUsage, strangeText(strange, `policy ${verb}`.trim(), fitting));
  }
  if (wantsFile) return sendScript(context, verb, file);
  const ends = ["confirm", "rollback", "remove"].includes(verb);
  return ends ? endProbation(context, verb) : look(context, verb);
}

function moduleOf({ options }: CliContext): "policy" | "control" {
  return options.has("--control") ? "control" : "policy";
}

function look(context: CliContext, view: string): void {
  const render = { history: historyText, log: logText, limits: limitsText }[view] ?? policyText;
  const text = (answer: Json): string => render(answer, tableWidth(context), moduleOf(context));
  const path = view === "" || view === "status" ? "" : `/${view}`;
  printAnswer(context, `/v1/policy${path}`, text);
}

function endProbation(context: CliContext, verb: string): void {
  printAnswer(context, `/v1/policy/${verb}`, eventLine, { module: moduleOf(context) });
}

function sendScript(context: CliContext, verb: string, file: string): void {
  const { native, options, json, ask, end } = context;
  const seconds = options.get("--confirm-s");
  if (seconds !== undefined && !/^\d{1,5}$/.test(seconds)) {
    return end(exitUsage, `--confirm-s: expected whole seconds, not ${seconds}`);
  }
  const script = readText(context, file, exitFailed);
  const beside = `${file}.sig`;
  const found = typeof native.readFile(beside) === "number" ? undefined : beside;
  const signatureFile = options.get("--signature") ?? found;
  const signature =
    signatureFile === undefined ? undefined : readText(context, signatureFile, exitFailed);
  if (script === undefined || (signatureFile !== undefined && signature === undefined)) return;
  const map = native.readFile(`${file}.map`);
  const mapText = typeof map === "number" ? undefined : native.utf8Decode(map);
  const body = {
    script,
    ...(signature === undefined ? {} : { signature }),
    ...(options.has("--control") ? { module: "control" } : {}),
    ...(seconds === undefined ? {} : { confirm_s: Number(seconds) }),
  };
  const explain = (cause: string): string => mapPlaces(cause, mapText);
  const onAnswer = (answer: Json, text: string): void => {
    if (verb === "swap") return onSwapped(context, answer, text);
    native.writeOut(json ? text : explain(movesText(answer, tableWidth(context))));
    const { warnings } = answer;
    return end(Array.isArray(warnings) && warnings.length > 0 ? exitFailed : 0, "");
  };
  return ask({ target: `/v1/policy/${verb}`, body, onAnswer, explain });
}

function onSwapped(context: CliContext, answer: Json, text: string): void {
  const { native, json, options, end, after } = context;
  native.writeOut(json ? text : swapText(answer));
  if (options.has("--no-wait")) return end(0, "");
  return after(lookMs, () => follow(context, String(answer["sha256"]), 0));
}

/** Looks until the probation has ended, with a countdown on a terminal. */
function follow(context: CliContext, sha256: string, misses: number): void {
  const { native, json, ask, end, after } = context;
  const shows = !json && native.isTerminal();
  const onAnswer = (answer: Json): void => {
    const { pending, last } = (answer[moduleOf(context)] ?? {}) as Record<string, Json | null>;
    if (pending !== null && pending?.["sha256"] === sha256) {
      if (shows) native.writeOut(`\r${String(pending["left_s"])} s left  `);
      return after(lookMs, () => follow(context, sha256, 0));
    }
    if (shows) native.writeOut("\r");
    const mine = last?.["sha256"] === sha256 ? last : undefined;
    if (mine === undefined) return end(exitFailed, "nobody knows what became of it");
    native.writeOut(json ? `${JSON.stringify(mine)}\n` : eventLine(mine));
    return end(mine["action"] === "confirm" ? 0 : exitFailed, "");
  };
  const onFailure = (why: string): void => {
    if (misses >= missesMax) return end(exitFailed, why);
    return after(lookMs, () => follow(context, sha256, misses + 1));
  };
  ask({ target: "/v1/policy", onAnswer, onFailure });
}
