// What the generators share: the files that they write, or with --check only compare.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/**
 * Writes what differs of `texts`, by path below the root of the repository, and returns 0. With
 * --check it writes nothing and returns 1 if something differs from `source`, which it was made of.
 */
export function writeGenerated(texts, source) {
  const isCheck = process.argv.includes("--check");
  let differing = 0;
  for (const [path, text] of Object.entries(texts)) {
    const file = fileURLToPath(new URL(path, root));
    if (readIfThere(file) === text) continue;
    differing += 1;
    if (isCheck) console.error(`${path} differs from ${source}: run make generate`);
    else writeFileSync(file, text);
  }
  return isCheck && differing > 0 ? 1 : 0;
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}
