// Runs the tiers of tests in order, cheap and broad ones first, and counts what they say.
//
//   node scripts/run-tests.mjs [tier...]        without names: all of TIERS
//
// Every program of a tier is one child process. Its counts are read from its output: uvu's totals
// or a line "N passed, N failed[, N skipped]"; a child that ends badly without saying that
// something failed is one failure. A tier that this machine cannot run is counted as skipped, with
// the reason. The last line is "N passed, N failed" and, if anything was skipped, ", N skipped".
//
// Environment: FUZZ_RUNS inputs for each fuzzer; JOBS programs at a time (not for netns);
// KEEP_GOING=0 stops after the first tier that failed.

import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { findChrome } from "../test/luci/chrome.mjs";
import { isLuci } from "../test/luci/server.mjs";
import { makeBench } from "./run-tests/bench.mjs";
import { capture } from "./run-tests/child.mjs";
import { addCounts, closingLine, noCounts } from "./run-tests/counts.mjs";
import { crossPrograms, variantPrograms, whyNoCross } from "./run-tests/cross.mjs";

const JOBS = Number(process.env.JOBS ?? availableParallelism());
const FUZZ_RUNS = Number(process.env.FUZZ_RUNS ?? 20_000);
const FUZZ_SEED = 1;
const FUZZ_INPUT_BYTES_MAX = 65_536;
const SECONDS_MAX = { quick: 300, build: 900, slow: 1800, netns: 1500 };
const TIDY = "build/test/test/unit/tidy.test.js";

/** Files below `folder` whose name ends in `ending`, sorted; none if there is no such folder. */
function filesIn(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

const node = (file, secondsMax = SECONDS_MAX.quick) => ({
  name: file.replace("build/test/", ""),
  command: [process.execPath, "--enable-source-maps", file],
  secondsMax,
});

/** Builds a make target; a broken build is one failure, and what was built is still run. */
const make = (target) => ({
  name: `make ${target}`,
  command: ["make", "--keep-going", target],
  secondsMax: SECONDS_MAX.build,
  countsAs: "build",
});

const check = (name, command) => ({
  name, command, secondsMax: SECONDS_MAX.quick, countsAs: "one check",
});

// The compiled copy of a deleted source stays behind in build/test, so the sources say what runs.
const compiled = (tier) => filesIn(`test/${tier}`, ".test.ts")
  .map((file) => `build/test/${file.replace(/\.ts$/, ".js")}`)
  .filter((file) => file !== TIDY);

const nodeTier = (name, title, secondsMax = SECONDS_MAX.quick, folders = [name], more = []) => ({
  name,
  title,
  prepare: [make("build/test/.stamp"), make("bundle"), ...more.map(make)],
  programs: () => folders.flatMap(compiled).map((file) => node(file, secondsMax)),
});

function shellScripts() {
  const listed = capture(["git", "ls-files", "--cached", "--others", "--exclude-standard"]);
  const files = listed.split("\n").filter((file) => file !== "" && existsSync(file));
  return files.filter((file) => file.endsWith(".sh") || /^#!.*\b(ba)?sh\b/.test(firstLine(file)));
}

// Names of scripts for OpenWrt end as they please.
function firstLine(file) {
  const isSource = /\.[a-z]+$/.test(file) && !/^(openwrt-feed|test\/openwrt)\//.test(file);
  return isSource ? "" : capture(["head", "-c", "80", file]).split("\n")[0];
}

function fuzzer(file) {
  const name = file.replace("test/c/fuzz/", "").replace(/\.c$/, "");
  const corpus = `test/c/fuzz/corpus/${name.replace(/_fuzz$/, "")}`;
  const program = `build/fuzz/test/${name}`;
  // The first folder receives new inputs, so that the committed corpus is only ever read.
  const found = `build/fuzz/corpus/${name}`;
  const options = [`-runs=${FUZZ_RUNS}`, `-seed=${FUZZ_SEED}`, "-print_final_stats=1",
    `-max_len=${FUZZ_INPUT_BYTES_MAX}`, "-timeout=10", "-rss_limit_mb=1024",
    "-artifact_prefix=build/fuzz/", "-verbosity=0"];
  return {
    name,
    command: ["sh", "-c", 'rm -rf "$1" && mkdir -p "$1" && shift && exec "$@"', "fuzz", found,
      program, ...options, found, ...(existsSync(corpus) ? [corpus] : [])],
    secondsMax: SECONDS_MAX.slow,
    countsAs: "fuzzer",
  };
}

// What rests on the TLS library runs on the other one too; MBEDTLS_TESTS in mk/tls.mk builds these.
const ON_BOTH_TLS = ["tls_test", "session_test", "ed25519_test", "known_answers_test"];

const cTest = (file, folder) => ({
  name: folder === "test" ? file : `${file} [${folder}]`,
  command: [file.replace(/^test\/c/, `build/san/${folder}`).replace(/\.c$/, "")],
  secondsMax: SECONDS_MAX.quick,
});

/** What docs/policies promises: types, rules, and the same tests in two engines. */
function policyTests() {
  const tool = "runtime/policy-sdk/bin/adit-policy.mjs";
  const tests = filesIn("docs/policies", ".test.ts");
  const policies = filesIn("docs/policies", ".policy.ts");
  const program = (name, ...args) =>
    ({ name, command: [process.execPath, ...args], secondsMax: SECONDS_MAX.quick });
  return [
    check("types of docs/policies",
      [process.execPath, "node_modules/typescript/bin/tsc", "--project", "docs/policies"]),
    program("adit-policy check", "test/policies/check.mjs", ...policies),
    program("on a PC", tool, "test", ...tests),
    program("in cages", "test/policies/in-cage.mjs", ...tests),
  ];
}

function whyNoNamespaces() {
  if (process.getuid() !== 0) return "not root";
  if (!existsSync("/dev/net/tun")) return "no /dev/net/tun";
  if (capture(["unshare", "--net", "true"]) === null) return "no network namespaces here";
  return "";
}

/** The pages of the LuCI app need what this repository does not hold: LuCI, and a browser. */
function whyNoBrowser() {
  const folder = process.env.LUCI_DIR ?? "";
  if (folder === "") return "LUCI_DIR names no checkout of LuCI";
  if (!isLuci(folder)) return `no checkout of LuCI in ${folder}`;
  if (findChrome(existsSync) === undefined) return "no chromium here";
  return whyNoNamespaces();
}

/** A router's package managers: our reading of their rules, or a real one. */
function managers(which, whyNot) {
  const file = "test/packages/managers.test.mjs";
  return { name: `${file} [${which}]`, whyNot, secondsMax: SECONDS_MAX.quick,
    command: ["env", `MANAGER=${which}`, process.execPath, file] };
}

function whyNoTool(variable, what) {
  const program = process.env[variable] ?? "";
  if (program === "") return `${variable} names no ${what}, which Debian does not have`;
  return existsSync(program) ? "" : `no ${what} in ${program}`;
}

function packageTests() {
  const openwrt = process.env.OPENWRT_DIR ?? "";
  const hasMetadata = existsSync(join(openwrt, "scripts/package-metadata.pl"));
  const missing = openwrt === "" ? "OPENWRT_DIR names no checkout of OpenWrt"
    : `no checkout of OpenWrt in ${openwrt}`;
  return [
    node("test/packages/form.test.mjs"),
    node("test/packages/dist.test.mjs"),
    { ...node("test/packages/scripts.test.mjs"), whyNot: whyNoNamespaces() },
    { ...node("test/packages/docs.test.mjs"), whyNot: whyNoNamespaces() },
    managers("own", whyNoNamespaces()),
    managers("apk", whyNoTool("APK_TOOL", "apk-tools 3") || whyNoNamespaces()),
    managers("opkg", whyNoTool("OPKG_TOOL", "opkg") || whyNoNamespaces()),
    { ...node("test/packages/feed.test.mjs"), whyNot: hasMetadata ? "" : missing },
  ];
}

const TIERS = [
  {
    name: "lint",
    title: "types, tidy, shellcheck",
    prepare: [make("build/test/.stamp")],
    programs: () => [
      check("types of ts/", [process.execPath, "node_modules/typescript/bin/tsc", "--noEmit",
        "--incremental", "--tsBuildInfoFile", "build/lint.tsbuildinfo"]),
      node(TIDY),
      {
        ...check("shellcheck", ["shellcheck", "--severity=style", ...shellScripts()]),
        whyNot: capture(["shellcheck", "--version"]) === null ? "no shellcheck here" : "",
      },
    ],
  },
  {
    name: "generated",
    title: "generated files are what their generators write",
    programs: () => [...filesIn("runtime", ".mjs"), ...filesIn("scripts", ".mjs")]
      .filter((file) => /^(runtime|scripts)\/generate[^/]*$/.test(file))
      .map((file) => check(file, [process.execPath, file, "--check"])),
  },
  {
    name: "size",
    title: "bytes against their budgets",
    prepare: [make("build"), make("router-bundle"), make("build/obj/bench/module")],
    programs: () => [check("scripts/size.mjs", [process.execPath, "scripts/size.mjs"])],
  },
  nodeTier("unit", "pure code, and golden texts", SECONDS_MAX.quick, ["unit", "golden"]),
  nodeTier("sim", "the bundle on the simulated host", SECONDS_MAX.slow, ["sim"], ["router-bundle"]),
  {
    ...nodeTier("contract", "one suite on both hosts", SECONDS_MAX.slow),
    prepare: [make("build/test/.stamp"), make("build")],
  },
  {
    name: "policies",
    title: "the worked policies, in the engine of a PC and in a real cage",
    prepare: [make("build")],
    programs: policyTests,
  },
  {
    name: "luci",
    title: "the LuCI app, in stubs and in a browser",
    prepare: [make("build"), make("tools")],
    jobs: 1,
    programs: () => [
      { name: "test/luci/views.test.mjs",
        command: [process.execPath, "test/luci/views.test.mjs"], secondsMax: SECONDS_MAX.quick },
      { name: "test/luci/setup.test.mjs",
        command: [process.execPath, "test/luci/setup.test.mjs"], secondsMax: SECONDS_MAX.quick },
      { name: "test/luci/texts.test.mjs",
        command: [process.execPath, "test/luci/texts.test.mjs"], secondsMax: SECONDS_MAX.quick },
      { name: "test/luci/lossless.test.mjs",
        command: [process.execPath, "test/luci/lossless.test.mjs"], secondsMax: SECONDS_MAX.quick },
      { name: "test/luci/browser.test.mjs", whyNot: whyNoBrowser(),
        command: [process.execPath, "test/luci/browser.test.mjs"], secondsMax: SECONDS_MAX.slow },
    ],
  },
  {
    name: "packages",
    title: "packages for OpenWrt: their form, their scripts, the feed",
    prepare: [make("test-packages"), make("test-dist")],
    programs: packageTests,
  },
  {
    name: "c",
    title: "C under ASan and UBSan",
    prepare: [make("c-tests")],
    programs: () => [...filesIn("test/c", "_test.c").map((file) => cTest(file, "test")),
      ...ON_BOTH_TLS.map((name) => cTest(`test/c/${name}.c`, "mbedtls-test"))],
  },
  {
    name: "cross",
    title: "engine, C and policies on MIPS, emulated",
    whyNot: whyNoCross,
    prepare: [make("cross-tests")],
    programs: () => [
      check("scripts/size-package", ["scripts/size-package", "mips-router", "mipsel-router"]),
      ...crossPrograms(filesIn("test/c", "_test.c"), filesIn("docs/policies", ".test.ts")),
    ],
  },
  {
    name: "variant",
    title: "the package for the system's TLS library, built as the feed builds it",
    whyNot: whyNoCross,
    prepare: [make("variant-tests"), make("bundle")],
    programs: () => [
      check("scripts/size-package", ["scripts/size-package", "variant-mips"]),
      ...variantPrograms(["session_test", "known_answers_test"],
        [...ON_BOTH_TLS, "tls_interop_test", "tls_verify_test"],
        filesIn("docs/policies", ".test.ts")),
    ],
  },
  {
    name: "hostile",
    title: "scripts that want to break their cage",
    prepare: [make("hostile")],
    programs: () => ["obj", "san"].map((set) => ({
      name: `test/hostile [${set}]`,
      command: [process.execPath, "test/hostile/run.mjs", `build/${set}/hostile/cage`],
      secondsMax: SECONDS_MAX.slow,
    })),
  },
  {
    name: "fuzz",
    title: `${FUZZ_RUNS} inputs for every parser of outside bytes`,
    whyNot: () => (capture(["clang", "--version"]) === null ? "no clang here" : ""),
    prepare: [make("fuzzers")],
    programs: () => filesIn("test/c/fuzz", "_fuzz.c").map(fuzzer),
  },
  {
    name: "netns",
    title: "end to end in network namespaces",
    whyNot: whyNoNamespaces,
    jobs: 1,
    prepare: [make("build"), make("aditd-mbedtls"), make("tools"), make("test-packages")],
    programs: () => [...filesIn("test/netns", ".test.sh"), ...filesIn("test/netns", ".test.mjs")]
      .map((file) => ({
        name: file,
        command: [file.endsWith(".sh") ? "bash" : process.execPath, file],
        secondsMax: SECONDS_MAX.netns,
        live: true,
      })),
  },
];

/** The tiers that were asked for, or all; an unknown name ends the run. */
function chosenTiers(names) {
  const unknown = names.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length > 0) {
    console.error(`run-tests: unknown tier '${unknown[0]}', expected one of ` +
      TIERS.map((tier) => tier.name).join(" "));
    process.exit(2);
  }
  return TIERS.filter((tier) => names.length === 0 || names.includes(tier.name));
}

async function main(names) {
  const bench = makeBench({ jobs: JOBS });
  let total = noCounts();
  for (const tier of chosenTiers(names)) {
    const counts = await bench.runTier(tier);
    total = addCounts(total, counts);
    if (counts.failed > 0 && process.env.KEEP_GOING === "0") break;
  }
  bench.printSummary();
  console.log(closingLine(total));
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
