/**
 * UCI text as OpenWrt's libuci reads it (file.c there): the commands package, config, option and
 * list, or their first letters; words in single or double quotes or none; comments; `;` between
 * commands. A quoted word may go on in the next line, and a backslash before a line's end joins it.
 */

export interface UciEntry {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

export interface UciOption {
  /** Made by `list`. */
  readonly isList: boolean;
  readonly entries: readonly UciEntry[];
}

export interface UciSection {
  readonly type: string;
  /** "" of an anonymous one. */
  readonly name: string;
  readonly line: number;
  readonly options: Map<string, UciOption>;
}

interface Reader {
  readonly text: string;
  /** Index of the next character. */
  at: number;
  line: number;
}

const blanks = " \t\v\f\r\n;\ufeff";
const commandEnds = "\n;";
const quotes = "'\"";
/** A command and its words, with NUL between them. */
const grammar =
  /^(?:p(ackage)?\0[\w-]+|c(onfig)?\0[!-~]+(\0\w*)?|(o(ption)?|l(ist)?)\0\w+(\0[^\0]*)?)$/;
const grammarText = "config TYPE NAME, then option NAME VALUE or list NAME VALUE";
/** Behind a word whose quote is not closed, so that no command takes it. */
const unclosed = "\0\0";

/** All sections, whatever is wrong with parts of the text; `tell` hears of those. */
export function readUci(
  text: string,
  tell: (fault: UciEntry, expected: string) => void,
): UciSection[] {
  const reader = { text, at: 0, line: 1 };
  const sections: UciSection[] = [];
  let current: UciSection | undefined;
  while (reader.at < text.length) {
    const { line } = reader;
    const words = readCommand(reader);
    const [command = "", name = "", value = ""] = words;
    const isGood = grammar.test(words.join("\0"));
    if (command.startsWith("c")) {
      const known = sections.find((one) => value !== "" && one.name === value);
      const fresh = { type: name, name: value, line, options: new Map<string, UciOption>() };
      // What follows a section that is refused must not change another one.
      current = known?.type === name ? known : fresh;
      if (isGood && known === undefined) sections.push(fresh);
      else if (isGood && current === fresh) tell({ line, text: value }, "a name of one section");
    } else if (isGood && !command.startsWith("p") && current !== undefined) {
      setOption(current.options, name, command.startsWith("l"), { line, text: value });
    }
    const isLost = current === undefined && !command.startsWith("p");
    if (words.length > 0 && (!isGood || isLost)) {
      // The third one is a value, and might be a secret.
      const said = words.slice(0, 2).filter((word) => !word.endsWith(unclosed));
      const isOpen = words.some((word) => word.endsWith(unclosed));
      tell({ line, text: said.join(" ") }, isOpen ? "a closing quote" : grammarText);
    }
  }
  return sections;
}

/** An empty `option` is none; `list` makes a list of an option, `option` replaces a list. */
function setOption(
  options: UciSection["options"],
  name: string,
  isList: boolean,
  entry: UciEntry,
): void {
  const before = isList ? (options.get(name)?.entries ?? []) : [];
  if (isList || entry.text !== "") options.set(name, { isList, entries: [...before, entry] });
}

function readCommand(reader: Reader): readonly string[] {
  const words: string[] = [];
  for (;;) {
    const sign = reader.text[reader.at] ?? "\n";
    if (sign === "#") {
      const end = reader.text.indexOf("\n", reader.at);
      reader.at = end < 0 ? reader.text.length : end;
    } else if (blanks.includes(sign)) {
      readSign(reader);
      if (commandEnds.includes(sign)) return words;
    } else {
      words.push(readWord(reader));
    }
  }
}

function readWord(reader: Reader): string {
  let word = "";
  let quote = "";
  for (;;) {
    // At the end of the text it is empty, which every text includes.
    const sign = reader.text[reader.at] ?? "";
    if (quote === "" && `${blanks}#`.includes(sign)) return word;
    if (sign === "") return word + unclosed;
    readSign(reader);
    if (sign === quote) quote = "";
    else if (sign === "\\" && quote !== "'") word += readEscaped(reader);
    else if (quote === "" && quotes.includes(sign)) quote = sign;
    else word += sign;
  }
}

/** What is behind a backslash stands for itself, but the end of a line for nothing. */
function readEscaped(reader: Reader): string {
  if (reader.text.startsWith("\r\n", reader.at)) readSign(reader);
  const sign = readSign(reader);
  return sign === "\n" ? "" : sign;
}

function readSign(reader: Reader): string {
  const sign = reader.text[reader.at] ?? "";
  reader.at += 1;
  if (sign === "\n") reader.line += 1;
  return sign;
}
