// Writes the codecs and the documentation of runtime/contract.json. With --check it writes nothing
// and fails if a file on disk differs from what it would write.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generateHeader, generateTables } from "./generator/c.mjs";
import { readContract } from "./generator/contract.mjs";
import { generateDocs } from "./generator/docs.mjs";
import { generateTypes } from "./generator/ts.mjs";

const root = new URL("../", import.meta.url);

const outputs = [
  { path: "c/contract.gen.h", generate: generateHeader },
  { path: "c/contract.gen.c", generate: generateTables },
  { path: "ts/host/contract.gen.ts", generate: generateTypes },
  { path: "docs/contract.md", generate: generateDocs },
];

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}

function main(check) {
  const contract = readContract(readFileSync(new URL("runtime/contract.json", root), "utf8"));
  let stale = 0;
  for (const { path, generate } of outputs) {
    const file = fileURLToPath(new URL(path, root));
    const text = generate(contract);
    if (readIfThere(file) === text) continue;
    stale += 1;
    if (check) console.error(`${path} differs from runtime/contract.json: run make generate`);
    else writeFileSync(file, text);
  }
  return check && stale > 0 ? 1 : 0;
}

process.exitCode = main(process.argv.includes("--check"));
