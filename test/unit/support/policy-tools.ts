/** Runs adit-policy in this process, in a folder of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Io {
  readonly folder: string;
  out(text: string): void;
  err(text: string): void;
}

interface Cli {
  main(args: readonly string[], io: Io): Promise<number>;
}

/** The tools are JavaScript, because they must run without a build. */
export async function importTool<T>(name: string): Promise<T> {
  return await import(pathToFileURL(resolve("runtime/policy-sdk/tools", name)).href) as T;
}

/** One command line in a folder; paths of the folder are left out of what it prints. */
export async function runIn(folder: string, ...args: string[]): Promise<Ended> {
  const { main } = await importTool<Cli>("cli.mjs");
  const said = { out: "", err: "" };
  const code = await main(args, {
    folder,
    out: (text) => { said.out += text; },
    err: (text) => { said.err += text; },
  });
  const strip = (text: string): string => text.replaceAll(`${folder}/`, "");
  return { code, out: strip(said.out), err: strip(said.err) };
}

/** Makes a folder with these files, lets `use` work in it, and removes it. */
export async function inFolder(
  files: Readonly<Record<string, string>>, use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "adit-policy-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
