// The tier `cross`: the programs of big- and little-endian MIPS under QEMU's user mode emulation.

import { capture } from "./child.mjs";

const TARGETS = ["mips", "mipsel"];
const CPU = "24Kc";
const SECONDS_MAX = 300;

const NO_FILTERS = "the emulator has no seccomp filters";
const NO_OPENSSL = "OpenSSL, which the suite talks to, is not built for the target";
const NO_PROCESSES = "the emulator is itself the process that the suite watches and replaces";
const NO_NETFILTER = "the emulator does not translate netfilter's netlink messages";

/** Suites in C that cannot run there; all others do. */
const SUITES_NOT = {
  cages_test: NO_PROCESSES,
  chaos_test: NO_PROCESSES,
  control_test: NO_PROCESSES,
  datapath_test: "the emulator does not translate TCP_INFO and SO_ERROR",
  ed25519_test: NO_OPENSSL,
  kernel_test: NO_NETFILTER,
  policy_memory_test: "its hook is in the build with sanitizers only",
  policy_test: NO_FILTERS,
  seccomp_test: NO_FILTERS,
  supervise_test: NO_PROCESSES,
  tls_interop_test: NO_OPENSSL,
  tls_test: NO_OPENSSL,
  tls_verify_test: NO_OPENSSL,
  vm_test: NO_FILTERS,
  watch_test: NO_NETFILTER,
};

/** Why this machine can run none of it, or "". */
export function whyNoCross() {
  for (const target of TARGETS) {
    for (const program of [`${target}-linux-gnu-gcc`, `qemu-${target}`]) {
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
    name: "the engine in five builds",
    command: [process.execPath, "test/cross/engine.mjs", ...TARGETS],
    secondsMax: SECONDS_MAX,
  };
  return [engines, ...suites.map(suiteOf), ...TARGETS.map((target) => cages(target, policyTests))];
}

function suiteOf(file) {
  const name = file.replace("test/c/", "").replace(/\.c$/, "");
  return {
    name: `${file} [mips]`,
    command: ["qemu-mips", "-cpu", CPU, `build/mips/test/${name}`],
    secondsMax: SECONDS_MAX,
    whyNot: SUITES_NOT[name] ?? "",
  };
}

function cages(target, tests) {
  return {
    name: `policies in cages [${target}]`,
    command: ["env", `PROGRAM=build/${target}/aditd`, `EMULATOR=qemu-${target}`,
      process.execPath, "test/policies/in-cage.mjs", ...tests],
    secondsMax: SECONDS_MAX,
  };
}
