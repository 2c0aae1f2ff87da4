/** The files that the tidy rules look at, and the form in which a rule reports what it found. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly rule: string;
  readonly remedy: string;
}

export type Rule = (files: readonly SourceFile[]) => Finding[];

const FILE_BYTES_MAX = 1 << 20;

/** Every text file that git tracks or would track below `root`. */
export function readTree(root: string): SourceFile[] {
  const listed = execFileSync(
    "git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: root, encoding: "utf8" },
  );
  const paths = [...new Set(listed.split("\0"))].filter((path) => path !== "").sort();
  return paths.flatMap((path) => readSource(root, path));
}

function readSource(root: string, path: string): SourceFile[] {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  const stat = statSync(full);
  if (!stat.isFile() || stat.size > FILE_BYTES_MAX) return [];
  const bytes = readFileSync(full);
  return bytes.includes(0) ? [] : [{ path, text: bytes.toString("utf8") }];
}

export const isGenerated = (path: string): boolean => /\.gen\.[a-z]+$/.test(path);

export const isScript = (path: string): boolean => /\.(ts|mjs|js)$/.test(path);

export const isC = (path: string): boolean => /\.[ch]$/.test(path);

/** Shell files by name or by their first line. */
export function isShell(file: SourceFile): boolean {
  return file.path.endsWith(".sh") || /^#!.*\b(ba)?sh\b/.test(file.text);
}

export const inFolder = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

export const lineAt = (text: string, offset: number): number =>
  text.slice(0, offset).split("\n").length;

/** One line for each finding, as an editor can follow it. */
export function show(findings: readonly Finding[]): string {
  return findings.map((f) => `${f.path}:${f.line}: ${f.rule}; ${f.remedy}`).join("\n");
}
