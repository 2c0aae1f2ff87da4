// adit-policy test: every file of tests in an engine of its own.

import { readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { POLICY_MODULE, SDK_FOLDER, bundle } from "../bundler.mjs";
import { runInCage } from "../cage.mjs";
import { LIMITS, runJob } from "../engine.mjs";
import { EXIT, SourceError, usageError } from "../errors.mjs";
import { isFile, isFolder } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { readCount } from "../numbers.mjs";
import { HARDEN, routerModules } from "../runtime.mjs";
import { makeMapper } from "../source-maps.mjs";

/** What uvu and the household take; a policy on a router does not carry them. */
const OVERHEAD_KIB = 512;

const ENGINE = join(SDK_FOLDER, "tools/engine");
const HOST_LOG = join(ENGINE, "host-log.ts");
const ALIAS = {
  uvu: join(ENGINE, "uvu.ts"),
  "adit-policy/testing": join(ENGINE, "testing.ts"),
};

export const command = {
  usage: "[FILE or FOLDER...] [OPTION...]",
  about: [
    "Runs uvu tests, by default all *.test.ts of the folder, in the router's engine: QuickJS",
    "with the memory and stack of a cage, no clock, no chance, time that moves when told.",
  ].join("\n"),
  options: {
    "memory-kib": { type: "string", value: "N", about: `memory, by default ${LIMITS.memoryKib}` },
    "stack-kib": { type: "string", value: "N", about: `stack, by default ${LIMITS.stackKib}` },
    "call-ms": {
      type: "string", value: "N", about: `time of one call, by default ${LIMITS.callMs}`,
    },
    host: { type: "string", value: "ADITD", about: "run in this program's cage instead" },
    runner: { type: "string", value: "WORDS", about: "before the program, such as an emulator" },
  },
  run,
};

async function run({ positionals, values, folder }) {
  const named = positionals.length > 0 ? positionals : ["."];
  const files = named.map((name) => resolve(folder, name))
    .flatMap((path) => (isFolder(path) ? findTests(path) : [path]));
  const limits = readLimits(values);
  const modules = await routerModules();
  const host = values.host === undefined ? undefined
    : { program: resolve(folder, values.host), runner: values.runner?.split(" ") };
  const results = [];
  for (const file of files) results.push(await runFile(file, { folder, limits, modules, host }));
  return conclude(results, folder);
}

function findTests(folder) {
  const names = readdirSync(folder).filter((name) => /\.test\.(ts|mjs|js)$/.test(name)).sort();
  if (names.length === 0) throw usageError(`${folder}: has no *.test.ts; name the files to run`);
  return names.map((name) => join(folder, name));
}

/** Options as limits of the engine; see engine.mjs. */
export function readLimits(values) {
  return {
    memoryKib: readCount("--memory-kib", values["memory-kib"], LIMITS.memoryKib, 256, 8192),
    stackKib: readCount("--stack-kib", values["stack-kib"], LIMITS.stackKib, 16, 1024),
    callMs: readCount("--call-ms", values["call-ms"], LIMITS.callMs, 10, 1000),
  };
}

async function runFile(file, { folder, limits, modules, host }) {
  const built = host === undefined ? await bundleTests(file) : await bundleForCage(file);
  if (built.findings !== undefined) return { file, tests: [broken(built.findings[0], folder)] };
  const mapper = makeMapper({ "tests.mjs": built, "policy.mjs": built }, folder);
  const state = {
    file, mapper, tests: [], printed: [], running: undefined, memoryKib: 0, counted: 0,
  };
  const { error, memoryKib } = host === undefined
    ? await runInEngine(built, { limits, modules }, state)
    : await runOnHost(built, { limits, host }, state);
  if (error !== undefined) addEnd(state, error);
  if (state.tests.length === 0) addNothing(state);
  state.memoryKib = memoryKib;
  return state;
}

function runInEngine(built, { limits, modules }, state) {
  const job = {
    modules: { ...modules, "tests.mjs": built.code },
    main: "tests.mjs", limits, overheadKib: OVERHEAD_KIB,
  };
  return runJob(job, (message) => note(state, message));
}

/** The bundle brings a second copy of the interface along, and uvu. */
async function runOnHost(built, { limits, host }, state) {
  const memoryKib = limits.memoryKib + 2 * OVERHEAD_KIB;
  const { error, messages } = await runInCage(built.code, host, memoryKib, limits.stackKib);
  for (const message of messages) note(state, message);
  return { error: error && { name: error.kind, ...error }, memoryKib: 0 };
}

function bundleTests(file) {
  const [main, harden] = ["\0main", "\0harden"];
  const text = `import { runAll } from ${JSON.stringify(ALIAS.uvu)};\n` +
    `import "${harden}";\nimport ${JSON.stringify(file)};\nawait runAll();\n`;
  return tryBundle(file, main, { virtual: { [main]: text, [harden]: HARDEN }, alias: ALIAS });
}

/** The tests as a script of their own: they run while it loads, and its log tells what they say. */
function bundleForCage(file) {
  const [main, outer] = ["\0main", "adit:outer"];
  const text = `import { runAll } from ${JSON.stringify(ALIAS.uvu)};
import ${JSON.stringify(file)};
import { takeLines } from ${JSON.stringify(HOST_LOG)};
import { definePolicy, log } from "${outer}";
await runAll();
export default definePolicy({ onEvent() { for (const line of takeLines()) log(line); } });
`;
  return tryBundle(file, main, {
    virtual: { [main]: text },
    alias: { ...ALIAS, [POLICY_MODULE]: join(SDK_FOLDER, "src/index.ts") },
    external: [outer], paths: { [outer]: POLICY_MODULE },
    replace: { [join(ENGINE, "host.ts")]: HOST_LOG },
  });
}

async function tryBundle(file, main, options) {
  if (!isFile(file)) throw usageError(`${file}: there is no such file`);
  try {
    return await bundle(main, {
      root: dirname(file), packages: true, fileName: "tests.mjs", ...options,
    });
  } catch (error) {
    if (error instanceof SourceError) return { findings: error.findings };
    throw error;
  }
}

const broken = (found, folder) => ({
  outcome: "failed", suite: "", name: "the file can be bundled", message: found.message,
  details: found.remedy,
  stack: `at ${shownPath(found.file, folder)}:${found.line}:${found.column}`,
});

/** Takes down what the engine tells; `running` is the test that a limit would hit. */
function note(state, message) {
  const { type, suite, name } = message;
  if (type === "print") state.printed.push(message.text);
  if (type === "test") state.running = { suite, name };
  if (type === "passed" || type === "skipped") state.tests.push({ outcome: type, suite, name });
  if (type === "failed") {
    const { details, stack } = message;
    const text = { message: message.message, details, stack: state.mapper.stack(stack) };
    state.tests.push({ outcome: "failed", suite, name, ...text });
  }
  if (type !== "test" && type !== "print") state.running = undefined;
  if (type === "result") addUntold(state, message.result);
}

/** Tests that uvu counts and that never began: a hook before them failed. */
function addUntold(state, { total }) {
  const begun = state.tests.filter(({ outcome }) => outcome !== "skipped").length;
  const untold = total - (begun - state.counted);
  if (untold > 0) {
    state.tests.push({
      outcome: "failed", suite: "", name: "hooks before the tests", message:
        `${untold} of ${total} tests did not begin`, details: "", stack: "",
    });
  }
  state.counted = begun + (untold > 0 ? 1 : 0);
}

const REMEDIES = {
  limit: "a policy must answer within its time: bound its loops",
  memory: "a policy must fit into its memory: keep less, or try --memory-kib",
  stack: "a policy must fit into its stack: bound its recursion",
};

/** The engine ended before the tests did. */
function addEnd(state, error) {
  const { suite = "", name = "the file can be evaluated" } = state.running ?? {};
  const message = error.kind === "throw" ? `${error.name}: ${error.message}` : error.message;
  const details = REMEDIES[error.kind] ?? "";
  const stack = state.mapper.stack(error.stack);
  state.tests.push({ outcome: "failed", suite, name, message, details, stack });
}

function addNothing(state) {
  const remedy = "end the file with test.run()";
  state.tests.push({
    outcome: "failed", suite: "", name: "the file has tests", message: "no test ran",
    details: remedy, stack: "",
  });
}

function conclude(results, folder) {
  const count = (outcome) => results.flatMap(({ tests }) => tests)
    .filter((test) => test.outcome === outcome).length;
  const totals = { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
  const files = results.map(({ file, tests, printed = [], memoryKib = 0 }) =>
    ({ file: shownPath(file, folder), memoryKib, tests, printed }));
  return {
    code: totals.failed === 0 && totals.passed > 0 ? EXIT.ok : EXIT.found,
    report: { ok: totals.failed === 0, ...totals, files },
    text: `${files.map(showFile).join("\n")}\n${closingLine(totals)}\n`,
  };
}

const WORDS = { passed: "ok    ", failed: "FAILED", skipped: "skip  " };

function showFile({ file, tests, printed }) {
  const lines = tests.flatMap(({ outcome, suite, name, message, details, stack }) => {
    const title = `  ${WORDS[outcome]} ${suite === "" ? "" : `${suite}: `}${name}`;
    if (outcome !== "failed") return [title];
    return [title, ...[message, details, stack].filter((part) => part !== "").flatMap(indented)];
  });
  return [file, ...printed.map((text) => `  | ${text}`), ...lines].join("\n");
}

const indented = (text) => text.split("\n").map((line) => `           ${line}`.trimEnd());

const closingLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
