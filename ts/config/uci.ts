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
  readonly entries: UciEntry[];
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

/** Sections and commands that are read: more than a whole configuration has, less than memory. */
const sectionsMax = 5_000;
const commandsMax = 20_000;
/** Options of one section, and values of one option. */
const optionsMax = 128;
const valuesMax = 128;

/** The sections so far, and the one that options go to. */
interface Sections {
  readonly all: UciSection[];
  readonly byName: Map<string, UciSection>;
  current: UciSection | undefined;
}

type Tell = (fault: UciEntry, expected: string) => void;

/** All sections, whatever is wrong with parts of the text; `tell` hears of those. */
export function readUci(text: string, tell: Tell): UciSection[] {
  const reader = { text, at: 0, line: 1 };
  const sections: Sections = { all: [], byName: new Map(), current: undefined };
  for (let count = 0; reader.at < text.length; count++) {
    const { line } = reader;
    if (count >= commandsMax || sections.all.length > sectionsMax) {
      const expected = `at most ${sectionsMax} sections and ${commandsMax} lines`;
      tell({ line, text: "" }, expected);
      break;
    }
    takeCommand(sections, readCommand(reader), line, tell);
  }
  return sections.all;
}

function takeCommand(
  sections: Sections,
  words: readonly string[],
  line: number,
  tell: Tell,
): void {
  const [command = "", name = "", value = ""] = words;
  const isGood = grammar.test(words.join("\0"));
  const isList = command.startsWith("l");
  if (command.startsWith("c")) {
    openSection(sections, { type: name, name: value, line, options: new Map() }, isGood, tell);
  } else if (isGood && !command.startsWith("p") && sections.current !== undefined) {
    const expected = setOption(sections.current.options, name, isList, { line, text: value });
    if (expected !== "") tell({ line, text: name }, expected);
  }
  const isLost = sections.current === undefined && !command.startsWith("p");
  if (words.length === 0 || (isGood && !isLost)) return;
  // The third one is a value, and might be a secret.
  const said = words.slice(0, 2).filter((word) => !word.endsWith(unclosed));
  const isOpen = words.some((word) => word.endsWith(unclosed));
  tell({ line, text: said.join(" ") }, isOpen ? "a closing quote" : grammarText);
}

function openSection(sections: Sections, fresh: UciSection, isGood: boolean, tell: Tell): void {
  const { type, name, line } = fresh;
  const known = sections.byName.get(name);
  // What follows a section that is refused must not change another one.
  sections.current = known?.type === type ? known : fresh;
  if (!isGood) return;
  if (known === undefined) {
    sections.all.push(fresh);
    if (name !== "") sections.byName.set(name, fresh);
  } else if (sections.current === fresh) tell({ line, text: name }, "a name of one section");
}

/**
 * An empty `option` is none; `list` makes a list of an option, `option` replaces a list. Returns
 * what was expected, "" if it is good.
 */
function setOption(
  options: UciSection["options"],
  name: string,
  isList: boolean,
  entry: UciEntry,
): string {
  const { entries = [] } = options.get(name) ?? {};
  if (!options.has(name) && options.size >= optionsMax) return `at most ${optionsMax} options`;
  if (isList && entries.length >= valuesMax) return `at most ${valuesMax} values`;
  if (isList) {
    entries.push(entry);
    options.set(name, { isList, entries });
  } else if (entry.text !== "") options.set(name, { isList, entries: [entry] });
  return "";
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
