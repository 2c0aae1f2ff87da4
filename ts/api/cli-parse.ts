/** The words of a command line, by the table of commands. Pure. */
import { nearestWord } from "../config/near.js";

export interface OptionSpec {
  readonly name: string;
  /** Name of the value for people, "" for a flag. */
  readonly value: string;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  /** Names of positional words for people; those in brackets may be left out. */
  readonly words: readonly string[];
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** What the first word may be, where there is a choice: usage and help. */
  readonly verbs?: readonly (readonly [string, string])[];
}

export interface Invocation {
  readonly command: string;
  readonly words: readonly string[];
  /** Values by option name; flags have the value "1". */
  readonly options: ReadonlyMap<string, string>;
}

export type Parsed =
  | { readonly kind: "run"; readonly invocation: Invocation }
  | { readonly kind: "help"; readonly command: string }
  | { readonly kind: "wrong"; readonly text: string; readonly command: string };

const commonOptions: readonly OptionSpec[] = [
  { name: "--socket", value: "PATH", help: "the daemon's socket" },
  { name: "--json", value: "", help: "answer in JSON" },
  { name: "--help", value: "", help: "tell what the command does" },
];

/** Options may stand anywhere; `--` ends them. */
export function parseCommandLine(
  args: readonly string[],
  commands: readonly CommandSpec[],
): Parsed {
  const options = new Map<string, string>();
  const words: string[] = [];
  const known = [...commonOptions, ...commands.flatMap((command) => command.options)];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] === "--version" ? "version" : (args[at] as string);
    if (arg === "--") {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
      continue;
    }
    const [name = "", ...rest] = (arg === "-h" ? "--help" : arg).split("=");
    const option = known.find((one) => one.name === name);
    if (option === undefined) return unknownOption(name, args, commands);
    const inline = rest.length > 0 ? rest.join("=") : undefined;
    if (option.value === "" && inline !== undefined) return wrong(`${name} takes no value`);
    const value = option.value === "" ? "1" : (inline ?? args[++at]);
    if (value === undefined) return wrong(`${name} needs a value: ${option.value}`);
    options.set(name, value);
  }
  return matchCommand(words, options, commands);
}

function matchCommand(
  words: readonly string[],
  options: ReadonlyMap<string, string>,
  commands: readonly CommandSpec[],
): Parsed {
  const [name = ""] = words;
  const asks = options.has("--help");
  const helps = asks || name === "help";
  const wanted = name === "help" && !asks ? (words[1] ?? "") : name;
  if (wanted === "") return helps ? { kind: "help", command: "" } : wrong("a command is needed");
  const spec = commands.find((one) => one.name === wanted);
  if (spec === undefined) return unknown("command", wanted, commands.map((one) => one.name));
  if (helps) return { kind: "help", command: wanted };
  const rest = words.slice(1);
  const least = spec.words.filter((word) => !word.startsWith("[")).length;
  if (rest.length < least) return wrong(`${spec.words[rest.length] ?? ""} is missing`, wanted);
  if (rest.length > spec.words.length) {
    return wrong(`unexpected word ${rest[spec.words.length] ?? ""}`, wanted);
  }
  const allowed = namesOf(spec.options);
  for (const option of options.keys()) {
    if (!allowed.includes(option)) return wrong(strangeText(option, wanted, spec.options), wanted);
  }
  return { kind: "run", invocation: { command: wanted, words: rest, options } };
}

function wrong(text: string, command = ""): Parsed {
  return { kind: "wrong", text, command };
}

function namesOf(options: readonly OptionSpec[]): readonly string[] {
  return [...options, ...commonOptions].map(({ name }) => name);
}

/** An option that is of no use where it stands, and those that would be. */
export function strangeText(name: string, where: string, options: readonly OptionSpec[]): string {
  return `${name} means nothing to ${where}, expected ${oneOf(namesOf(options))}`;
}

function oneOf(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}`;
}

/** The command may stand behind the option that is in question. */
function unknownOption(
  name: string,
  args: readonly string[],
  commands: readonly CommandSpec[],
): Parsed {
  const first = args.find((arg) => commands.some((one) => one.name === arg));
  const spec = commands.find((one) => one.name === first);
  const known = namesOf(spec?.options ?? []);
  const text = unknownText("option", name, known);
  const isHinted = nearestWord(name, known) !== undefined;
  return wrong(isHinted ? text : `${text}, expected ${oneOf(known)}`, spec?.name);
}

function unknown(what: string, word: string, known: readonly string[]): Parsed {
  return wrong(unknownText(what, word, known));
}

export function unknownText(what: string, word: string, known: readonly string[]): string {
  const near = nearestWord(word, known);
  return `unknown ${what} ${word}${near === undefined ? "" : `, did you mean ${near}?`}`;
}

/** Help for one command, or the list of all with "". */
export function helpText(commands: readonly CommandSpec[], command: string): string {
  const spec = commands.find(({ name }) => name === command);
  const options = [...(spec?.options ?? []), ...commonOptions].map(({ name, value, help }) => {
    return [`  ${`${name} ${value}`.trim()}`, help] as const;
  });
  const rows = commands.map((one) => [`  ${usage(one)}`, one.help] as const);
  const verbs = (spec?.verbs ?? []).map(([verb, help]) => [`  ${verb}`, help] as const);
  const width = Math.max(...[...rows, ...verbs, ...options].map(([left]) => left.length)) + 2;
  const list = (pairs: readonly (readonly [string, string])[]): string => {
    return pairs.map(([left, right]) => `${left.padEnd(width)}${right}\n`).join("");
  };
  if (spec === undefined) {
    return `adit COMMAND\n\n${list(rows)}\nOptions of every command:\n${list(options)}`;
  }
  const choice = verbs.length === 0 ? "" : `\nVerbs:\n${list(verbs)}`;
  return `adit ${usage(spec)}\n  ${spec.help}\n${choice}\nOptions:\n${list(options)}`;
}

function usage({ name, words }: CommandSpec): string {
  return [name, ...words].join(" ");
}
