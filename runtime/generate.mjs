// Writes the codecs and the documentation of runtime/contract.json. With --check it writes nothing
// and fails if a file on disk differs from what it would write.
import { readFileSync } from "node:fs";
import { writeGenerated } from "../scripts/write-generated.mjs";
import { generateHeader, generateTables } from "./generator/c.mjs";
import { readContract } from "./generator/contract.mjs";
import { generateDocs } from "./generator/docs.mjs";
import { generateTypes } from "./generator/ts.mjs";

const outputs = [
  { path: "c/contract.gen.h", generate: generateHeader },
  { path: "c/contract.gen.c", generate: generateTables },
  { path: "ts/host/contract.gen.ts", generate: generateTypes },
  { path: "docs/contract.md", generate: generateDocs },
];

const contract = readContract(readFileSync(new URL("contract.json", import.meta.url), "utf8"));
const texts = outputs.map(({ path, generate }) => [path, generate(contract)]);
process.exitCode = writeGenerated(Object.fromEntries(texts), "runtime/contract.json");
