/** How long, how wide, how named: rules about the shape of files. */
import * as c from "./c-source.js";
import {
  inFolder, isC, isGenerated, isScript, isShell, type Finding, type SourceFile,
} from "./tree.js";
import * as script from "./ts-source.js";

export const FUNCTION_LINES_MAX = 70;
export const FUNCTION_LINES_MEDIAN_MAX = 15;
export const SCRIPT_LINES_MAX = 400;
export const C_LINES_MAX = 800;
export const COLUMNS_MAX = 100;
const TAB_COLUMNS = 8;

/**
 * Files that may be longer, with the length they have. The number must be lowered when the file
 * gets shorter, so it can only shrink; a file that fits loses its row.
 */
export const LONGER_FILES: Readonly<Record<string, number>> = {};

interface Measured {
  readonly path: string;
  readonly line: number;
  readonly length: number;
}

export function measureFunctions(files: readonly SourceFile[]): Measured[] {
  return files.filter((file) => !isGenerated(file.path)).flatMap((file) => {
    const { path, text } = file;
    if (isC(path)) return c.functionsOf(text).map((f) => ({ path, ...f }));
    return isScript(path) ? script.functionsOf(file).map((f) => ({ path, ...f })) : [];
  });
}

export function functionLength(files: readonly SourceFile[]): Finding[] {
  return measureFunctions(files).filter((f) => f.length > FUNCTION_LINES_MAX).map((f) => ({
    path: f.path,
    line: f.line,
    rule: `function of ${f.length} lines, at most ${FUNCTION_LINES_MAX}`,
    remedy: "keep the branches here and move the loops and the arithmetic into functions",
  }));
}

/** The middle length; 0 for none. */
export function medianLength(functions: readonly Measured[]): number {
  const lengths = functions.map((f) => f.length).sort((a, b) => a - b);
  return lengths[Math.floor(lengths.length / 2)] ?? 0;
}

export function fileLength(
  files: readonly SourceFile[], longer: Readonly<Record<string, number>> = LONGER_FILES,
): Finding[] {
  const stale = Object.keys(longer).filter((path) => !files.some((file) => file.path === path));
  return [
    ...files.filter((file) => !isGenerated(file.path)).flatMap((file) => tooLong(file, longer)),
    ...stale.map((path) => ({
      path, line: 1, rule: "a named exception for a file that is gone", remedy: "remove its row",
    })),
  ];
}

function tooLong(file: SourceFile, longer: Readonly<Record<string, number>>): Finding[] {
  const limit = limitOf(file);
  const lines = file.text.split("\n").length - 1;
  const excepted = longer[file.path];
  if (limit === 0 || (excepted === undefined && lines <= limit)) return [];
  if (excepted === undefined) {
    const remedy = "split it by noun, one concern for each file";
    return [{ path: file.path, line: limit, rule: `${lines} lines, at most ${limit}`, remedy }];
  }
  if (lines === excepted && lines > limit) return [];
  const remedy = lines > excepted ? "split it: it may only shrink" : "lower or remove its row";
  return [{ path: file.path, line: 1, rule: `${lines} lines, listed with ${excepted}`, remedy }];
}

/** 0 for files without a limit. */
function limitOf(file: SourceFile): number {
  if (isC(file.path)) return C_LINES_MAX;
  return isScript(file.path) ? SCRIPT_LINES_MAX : 0;
}

export function lineLength(files: readonly SourceFile[]): Finding[] {
  const counted = files.filter((file) => !isGenerated(file.path) &&
    (isC(file.path) || isScript(file.path) || isShell(file) || file.path === "Makefile"));
  return counted.flatMap((file) => file.text.split("\n").flatMap((text, index) => {
    const columns = columnsOf(text);
    if (columns <= COLUMNS_MAX) return [];
    const rule = `${columns} columns, at most ${COLUMNS_MAX}`;
    return [{ path: file.path, line: index + 1, rule, remedy: "break the line" }];
  }));
}

function columnsOf(line: string): number {
  let columns = 0;
  for (const char of line) columns += char === "\t" ? TAB_COLUMNS - (columns % TAB_COLUMNS) : 1;
  return columns;
}

const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|gen|d|config|policy))*$/;
const SNAKE = /^[a-z0-9]+(_[a-z0-9]+)*(\.gen)?$/;

/** TypeScript and JavaScript files are kebab-case, C files snake_case. */
export function fileNames(files: readonly SourceFile[]): Finding[] {
  return files.flatMap(({ path }) => {
    const stem = (path.split("/").at(-1) ?? "").replace(/\.[a-z]+$/, "");
    if (isScript(path) && !KEBAB.test(stem)) return [misnamed(path, "kebab-case")];
    const isOurC = inFolder(path, "c") && isC(path);
    return isOurC && !SNAKE.test(stem) ? [misnamed(path, "snake_case")] : [];
  });
}

const misnamed = (path: string, wanted: string): Finding => ({
  path, line: 1, rule: `file name is not ${wanted}`, remedy: "rename it",
});
