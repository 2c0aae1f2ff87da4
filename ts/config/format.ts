/** Which of the two formats a configuration has, and what else it may be by mistake. */
import type { Issue } from "../model/config.js";
import { isJson } from "./json.js";

/** The command without which UCI holds nothing. */
const uciCommand = /(^|;)[ \t]*c(onfig)?[ \t]/m;
const blankOrComment = /^\s*(#.*)?$/;
/** By the first line that says something. */
const others: readonly (readonly [RegExp, string])[] = [
  [/^\s*(---|-\s|["']?[\w-]+["']?\s*:(\s|$))/, "YAML"],
  [/^\s*\[+[\w ."-]+]+\s*$/, "an INI or TOML file"],
  [/^\s*[\w.-]+\s*=/, "an INI or TOML file"],
  [/^\s*[["]/, "JSON, but no object"],
  [/^\s*</, "XML"],
];

/** An empty text is UCI without anything in it. What is neither is one issue, not one a line. */
export function formatOf(text: string): "json" | "uci" | Issue {
  if (isJson(text)) return "json";
  if (uciCommand.test(text)) return "uci";
  const lines = text.replace("\ufeff", "").split("\n");
  const at = lines.findIndex((line) => !blankOrComment.test(line));
  if (at < 0) return "uci";
  const like = others.find(([pattern]) => pattern.test(lines[at] ?? ""))?.[1];
  const guess = like === undefined ? "" : `; this looks like ${like}`;
  const expected = `JSON, which begins with {, or UCI, which begins with config adit${guess}`;
  // Nothing of an unknown format is shown: the line may hold a secret.
  return { path: `${at + 1}`, value: "", expected };
}
