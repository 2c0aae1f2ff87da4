// adit-policy check: types, rules, size, and whether the router's engine takes the script over.

import { dirname, resolve } from "node:path";
import { bundle } from "../bundler.mjs";
import { LIMITS, runJob } from "../engine.mjs";
import { EXIT, SourceError, fileError } from "../errors.mjs";
import { isFile, realPath } from "../files.mjs";
import { finding, isError, showFinding, shownPath, sortFindings } from "../findings.mjs";
import { lint } from "../lint.mjs";
import { inspectJob } from "../inspect.mjs";
import { makeMapper } from "../source-maps.mjs";
import { checkTypes } from "../types.mjs";

/** The same number as scriptBytesMax in src/limits.ts. */
export const SCRIPT_BYTES_MAX = 262_144;

export const command = {
  usage: "[FILE] [OPTION...]",
  about: [
    "Checks a policy, by default policy.ts: its types, what it must not use (a clock, chance,",
    "code from texts, foreign modules), its size, and that the router's engine takes it over.",
  ].join("\n"),
  options: {},
  run,
};

async function run({ positionals, folder }) {
  const file = resolve(folder, positionals[0] ?? "policy.ts");
  const { findings, bytes, policy } = await checkPolicy(file);
  const shown = findings.map((found) => ({ ...found, file: shownPath(found.file, folder) }));
  const errors = findings.filter(isError).length;
  const name = shownPath(file, folder);
  const size = bytes === undefined ? "" : `, ${bytes} of ${SCRIPT_BYTES_MAX} bytes`;
  const verdict = errors > 0 ? `${errors} errors` :
    `ok, version ${policy.version}, ${policy.functions.join(" ")}`;
  return {
    code: errors === 0 ? EXIT.ok : EXIT.found,
    report: { ok: errors === 0, file: name, bytes, bytesMax: SCRIPT_BYTES_MAX, ...policy,
      findings: shown },
    text: [...findings.map((found) => showFinding(found, folder)),
      `${name}: ${verdict}${size}`, ""].join("\n"),
  };
}

/** { findings, bytes, policy }; the last two only if the script can be bundled and taken over. */
export async function checkPolicy(file) {
  if (!isFile(file)) throw fileError(`${file}: cannot be read: there is no such file`);
  const entry = realPath(file);
  const { program, sources, findings: typed } = checkTypes(entry);
  const checker = program.getTypeChecker();
  const linted = sources.flatMap((source) => lint(source, checker));
  // A global that is not there gives two findings: the rule's remedy helps more than the type.
  const told = new Set(linted.map(placeKey));
  const findings = [...linted, ...typed.filter((found) => !told.has(placeKey(found)))];
  const built = await tryBundle(entry);
  if (built.findings !== undefined) {
    return { findings: sortFindings([...findings, ...onlyNew(built.findings, findings)]) };
  }
  const bytes = Buffer.byteLength(built.code);
  const tooBig = bytes > SCRIPT_BYTES_MAX ? [sizeFinding(entry, bytes)] : [];
  const { policy, findings: taken } = await takeOver(built, entry);
  const all = [...findings, ...tooBig, ...findings.some(isError) ? [] : taken];
  return { findings: sortFindings(all), bytes, policy };
}

const placeKey = ({ file, line, column }) => `${file}:${line}:${column}`;

/** The compiler says the same of an import as the bundler, at the same place. */
function onlyNew(findings, known) {
  const places = new Set(known.filter(({ file }) => file !== "").map(placeKey));
  return findings.filter((found) => !places.has(placeKey(found)));
}

async function tryBundle(entry) {
  try {
    return await bundle(entry);
  } catch (error) {
    if (error instanceof SourceError) return { findings: error.findings };
    throw error;
  }
}

export const sizeFinding = (file, bytes) => finding("size",
  `${bytes} bytes as one module, at most ${SCRIPT_BYTES_MAX}`,
  "move tables into policy.vars of the configuration", { file });

/** Evaluates the bundle as the cage does: what it says of itself, or why it cannot be used. */
async function takeOver(built, entry) {
  let policy;
  const job = await inspectJob(built.code);
  const { error } = await runJob(job, (message) => {
    if (message.type === "result") policy = message.result;
  });
  if (error === undefined) return { policy, findings: [] };
  const mapper = makeMapper({ "policy.mjs": built }, dirname(entry));
  const place = mapper.place(error.stack) ?? { file: entry };
  const remedy = `this is what a router would say; memory ${LIMITS.memoryKib} KiB`;
  return { findings: [finding(error.kind, `${error.name}: ${error.message}`, remedy, place)] };
}
