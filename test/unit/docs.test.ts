/**
 * The documentation. Goal: nothing in it is refused by the program that it describes. Method: every
 * link leads to a file and a heading that exist, every configuration is read by the daemon's own
 * parser, every command line is understood by the client's.
 */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commands } from "../../ts/api/cli-commands.js";
import { parseCommandLine } from "../../ts/api/cli-parse.js";
import { parseConfig } from "../../ts/config/parse.js";

const PIN = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const DIGEST = "ab".repeat(32);

interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

const TOP = ["README.md", "ARCHITECTURE.md", "SECURITY-MODEL.md", "STYLE.md"];

function pagesBelow(folder: string): string[] {
  return readdirSync(folder).sort().flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return pagesBelow(path);
    return name.endsWith(".md") ? [path] : [];
  });
}

const pages = new Map(
  [...TOP, ...pagesBelow("docs")].map((page) => [page, readFileSync(page, "utf8")]),
);

/** Fenced blocks with the language after the fence, "" for none. */
function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence !== null && open === undefined) {
      open = { line: at + 1, language: fence[1] ?? "", lines: [] };
    } else if (line === "```" && open !== undefined) {
      blocks.push({ page, line: open.line, language: open.language, text: open.lines.join("\n") });
      open = undefined;
    } else open?.lines.push(line);
  }
  assert.is(open, undefined, `${page}: a block does not end`);
  return blocks;
}

const blocks = [...pages].flatMap(([page, text]) => blocksOf(page, text));

/** The anchor that web pages of repositories give a heading. */
function anchorOf(heading: string): string {
  const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return words.replace(/[^\p{L}\p{N}\- _]/gu, "").trim().replace(/ /g, "-");
}

function anchorsOf(page: string): Set<string> {
  const text = readFileSync(page, "utf8").replace(/^```[^]*?^```$/gm, "");
  return new Set([...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading)));
}

function brokenLinks(page: string, text: string): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^https?:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    if (!existsSync(file)) return [`${page}: no file ${target}`];
    if (anchor === undefined || anchorsOf(file).has(anchor)) return [];
    return [`${page}: no heading ${target}`];
  });
}

/** What a reader puts in the place of words in angle brackets. */
const filled = (text: string): string =>
  text.replace(/<the pin>/g, PIN).replace(/<the SHA-256>/g, DIGEST);

function configIssues({ page, line, text }: Block): string[] {
  const { issues, warnings } = parseConfig(filled(text));
  return [...issues, ...warnings].map((issue) =>
    `${page}:${line}: ${issue.path}: expected ${issue.expected}`);
}

/** Words of a shell's line up to what ends a command; quotes are taken off. */
function shellWords(line: string): string[] {
  const words = line.replace(/\s#.*$/, "").match(/'[^']*'|"[^"]*"|[^\s|;&>]+|[|;&>]/g) ?? [];
  const end = words.findIndex((word) => /^[|;&>]$/.test(word));
  const own = words.slice(0, end < 0 ? words.length : end);
  return own.map((word) => word.replace(/^["']|["']$/g, ""));
}

/** Lines of a block that call the client, prompts taken off. */
function clientLines({ text }: Block): string[] {
  return text.split("\n").map((line) => line.replace(/^([$#] )?(sudo )?/, ""))
    .filter((line) => /^adit( |$)/.test(line));
}

const docs = suite("docs");

docs("every link leads somewhere", () => {
  const broken = [...pages].flatMap(([page, text]) => brokenLinks(page, text));
  assert.equal(broken, []);
});

docs("a link that leads nowhere would be found", () => {
  assert.is(brokenLinks("README.md", "[a](no-such.md) [b](STYLE.md#none) [c](STYLE.md)").length, 2);
});

docs("every page for readers is in the index", () => {
  const index = readFileSync("docs/README.md", "utf8");
  const missing = pagesBelow("docs").map((page) => page.slice("docs/".length))
    .filter((page) => page !== "README.md" && !index.includes(`](${page})`));
  assert.equal(missing, []);
});

docs("every whole configuration is taken as it stands", () => {
  const isWhole = /"role"|^config adit /m;
  const configs = blocks.filter(({ language, text }) => /^(json|uci)$/.test(language) &&
    isWhole.test(text));
  assert.ok(configs.length >= 6, `${configs.length} configurations`);
  assert.equal(configs.flatMap(configIssues), []);
});

/** What a piece of a configuration is put into. */
const BASE = {
  role: "router",
  tun_ifname: "wrt0",
  wan_ifname: "eth1",
  locations: [{ name: "us", token_file: "/t", peers: [{ endpoint: "192.0.2.1:443", pin: PIN }] }],
};

function pieceIssues(block: Pick<Block, "page" | "line">, piece: object): string[] {
  return configIssues({ ...block, language: "json", text: JSON.stringify({ ...BASE, ...piece }) });
}

docs("every piece of a configuration is taken, beside what it needs", () => {
  const json = blocks.filter(({ language }) => language === "json");
  const pieces = json.filter(({ text }) => /^"\w+": /.test(text));
  const vars = json.filter(({ page, text }) =>
    page.startsWith("docs/policies/") && text.startsWith("{"));
  assert.ok(pieces.length >= 1 && vars.length >= 4, `${pieces.length}, ${vars.length}`);
  assert.equal(pieces.flatMap((block) => {
    return pieceIssues(block, JSON.parse(`{${block.text}}`) as object);
  }), []);
  assert.equal(vars.flatMap((block) => {
    const policy = { file: "/p", ifnames: ["br-lan"], vars: JSON.parse(block.text) as object };
    return pieceIssues(block, { policy });
  }), []);
});

/** Code within a sentence. */
function codesOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
}

/** The last cells of a table's rows: in docs/migration.md that is what adit has. */
function lastCells(text: string): string[] {
  return [...text.matchAll(/^\|.*\| ([^|]+) \|$/gm)].map(([, cell = ""]) => cell);
}

const UCI_BASE = `config adit 'main'
	option enabled '1'
	option tun_ifname 'wrt0'
	option wan_ifname 'eth1'
config location 'us'
	option token_file '/t'
config peer
	option location 'us'
	option endpoint '192.0.2.1:443'
	option pin '${PIN}'
`;

docs("what a migration leads to is taken, as far as a cell says it", () => {
  const cells = lastCells(pages.get("docs/migration.md") ?? "").map(codesOf);
  const sections = cells.filter(([first = "", ...rest]) =>
    first.startsWith("config ") && rest.some((code) => /^option \w+ '/.test(code)));
  assert.ok(sections.length >= 2, `${sections.length} sections`);
  const found = sections.flatMap((codes) => {
    const lines = codes.filter((code) => /^(config \w+$|(option|list) \w+ ')/.test(code));
    const { issues, warnings } = parseConfig(`${UCI_BASE}${lines.join("\n")}\n`);
    return [...issues, ...warnings].map(({ path, expected }) => `${path}: expected ${expected}`);
  });
  assert.equal(found, []);
  const rules = ["protected_mac_addr", "protected_ip_addr", "protected_iface"];
  const known = new Set(["adit", "location", "peer", ...rules]);
  const types = cells.flat().flatMap((code) => /^config (\w+)$/.exec(code)?.[1] ?? []);
  assert.equal(types.filter((type) => !known.has(type)), []);
});

docs("every call of the client is understood", () => {
  const calls = blocks.filter(({ language }) => language === "" || language === "sh")
    .flatMap((block) => clientLines(block).map((line) => ({ block, line })));
  assert.ok(calls.length >= 15, `${calls.length} calls`);
  const wrong = calls.flatMap(({ block, line }) => {
    const parsed = parseCommandLine(shellWords(line).slice(1), commands);
    return parsed.kind === "wrong" ? [`${block.page}:${block.line}: ${line}: ${parsed.text}`] : [];
  });
  assert.equal(wrong, []);
});

docs.run();
