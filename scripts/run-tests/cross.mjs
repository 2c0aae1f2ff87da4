// The tier `cross`: the programs of big- and little-endian MIPS under QEMU's user mode emulation.

import { capture } from "./child.mjs";

const TARGETS = ["mips", "mipsel"];
/** Targets whose suites in C run. */
const SUITES = (process.env.CROSS_SUITES ?? "mips").split(" ").filter((target) => target !== "");
const TESTED = [...new Set([...TARGETS, ...SUITES])];
const COMPILERS = { arm: "arm-linux-gnueabihf-gcc", "x86-64": "x86_64-linux-gnu-gcc" };
const EMULATORS = { aarch64: ["qemu-aarch64"], arm: ["qemu-arm"], "x86-64": [] };
const SECONDS_MAX = 300;

const NO_FILTERS = "the emulator has no seccomp filters";
const NO_OPENSSL = "OpenSSL, which the suite talks to, is not built for the target";
const NO_PROCESSES = "the emulator is itself the process that the suite watches and replaces";
const NO_NETFILTER = "the emulator does not translate netfilter's netlink messages";

/** Suites in C that cannot run under emulation; all others do. */
const SUITES_NOT = {
  cages_test: NO_PROCESSES,
  chaos_test: NO_PROCESSES,
  control_test: NO_OPENSSL,
  datapath_test: "the emulator does not translate TCP_INFO and SO_ERROR",
  ed25519_test: NO_OPENSSL,
  hostile_test: NO_PROCESSES,
  kernel_test: NO_NETFILTER,
  policy_memory_test: "its hook is in the build with sanitizers only",
  policy_test: NO_FILTERS,
  seccomp_test: NO_FILTERS,
  supervise_test: NO_PROCESSES,
  tls_interop_test: NO_OPENSSL,
  tls_test: NO_OPENSSL,
  tls_verify_test: NO_OPENSSL,
  trust_test: NO_OPENSSL,
  vm_test: NO_FILTERS,
  watch_test: NO_NETFILTER,
};

/** And those of them that cannot run on this machine's own processor either. */
const SUITES_NOT_NATIVE = ["control_test", "ed25519_test", "policy_memory_test",
  "tls_interop_test", "tls_test", "tls_verify_test", "trust_test"];

/** The command that runs programs for a target; nothing where none is needed. */
export const emulatorOf = (target) => EMULATORS[target] ?? [`qemu-${target}`, "-cpu", "24Kc"];

/** Why this machine can run none of it, or "". */
export function whyNoCross() {
  for (const target of TESTED) {
    for (const program of [COMPILERS[target] ?? `${target}-linux-gnu-gcc`,
      ...emulatorOf(target).slice(0, 1)]) {
      if (capture([program, "--version"]) === null) {
        return `no ${program} here; scripts/bootstrap cross installs it`;
      }
    }
  }
  return "";
}

/** Programs for the engine, for suites given as their sources, and for policies' tests. */
export function crossPrograms(suites, policyTests) {
  const engines = {
    name: `the engine in ${3 + TESTED.length} builds`,
    command: [process.execPath, "test/cross/engine.mjs", ...TESTED],
    secondsMax: SECONDS_MAX,
  };
  return [
    engines,
    ...SUITES.flatMap((target) => suites.map((file) => suiteOf(file, target))),
    ...TESTED.map((target) => cages(target, policyTests)),
  ];
}

function suiteOf(file, target) {
  const name = file.replace("test/c/", "").replace(/\.c$/, "");
  const runs = emulatorOf(target).length === 0 && !SUITES_NOT_NATIVE.includes(name);
  return {
    name: `${file} [${target}]`,
    command: [...emulatorOf(target), `build/${target}/test/${name}`],
    secondsMax: SECONDS_MAX,
    whyNot: runs ? "" : SUITES_NOT[name] ?? "",
  };
}

function cages(target, tests) {
  const [emulator] = emulatorOf(target);
  const settings = [`PROGRAM=build/${target}/aditd`];
  if (emulator !== undefined) settings.push(`EMULATOR=${emulator}`);
  return {
    name: `policies in cages [${target}]`,
    command: ["env", ...settings, process.execPath, "test/policies/in-cage.mjs", ...tests],
    secondsMax: SECONDS_MAX,
  };
}

/** Suites of TLS and the program against the system's library; `make variant-tests` built them. */
export const variantPrograms = (suites, systemSuites, policyTests) => [
  ...systemSuites.map((name) => ({
    name: `test/c/${name}.c [system's library]`,
    command: [`build/san/system-test/${name}`],
    secondsMax: SECONDS_MAX,
  })),
  ...suites.map((name) => ({
    name: `test/c/${name}.c [variant-mips-gateway]`,
    command: [...emulatorOf("mips"), "-L", "build/system/mips",
      `build/variant-mips-gateway/test/${name}`],
    secondsMax: SECONDS_MAX,
  })),
  ...["mips", "mips-gateway"].map((place) => ({
    name: `test/cross/variant.mjs [${place}]`,
    command: [process.execPath, "test/cross/variant.mjs", place],
    secondsMax: SECONDS_MAX,
  })),
  {
    name: "policies in cages [variant-mips]",
    command: ["env", "PROGRAM=build/variant-mips/aditd", "EMULATOR=qemu-mips",
      "QEMU_LD_PREFIX=build/system/mips", process.execPath, "test/policies/in-cage.mjs",
      ...policyTests],
    secondsMax: SECONDS_MAX,
  },
];
