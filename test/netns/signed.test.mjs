// With public keys in the configuration the mover itself runs only control modules that one of them
// signed: what somebody leaves in the state directory, as a decider that was taken over could, is
// passed over by the next start, and tunnels come up with the installed one.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyLine, makeKeys, signBytes } from "../../runtime/policy-sdk/tools/signing.mjs";
import { finish, makeChecks, part } from "./lab/check.mjs";
import { BUILD, aditAsync, aditJson, killAll, pidsOf } from "./lab/daemon.mjs";
import { makeLab, startAll, startRouter, waitExit, waitReady } from "./lab/lab.mjs";
import { runSandboxed } from "./lab/sandbox.mjs";
import { waitFor } from "./lab/sh.mjs";
import { exitOf } from "./lab/topology.mjs";

const DIR = "/run/adit-lab";
const STATE = `${DIR}/router/state`;
const TRIAL_MS_MAX = 30_000;
const EXIT_MS_MAX = 5000;
const UNSIGNED = /no key of the configuration has signed the module/;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  const keys = makeKeys();
  const policy = { public_keys: [keyLine(keys.publicText)] };
  await startAll(lab, { change: (config) => ({ ...config, policy }) });
  await part(checks, "an unsigned module is refused", () => swapUnsigned(checks, lab));
  await part(checks, "a signed one is tried, kept and started again",
    () => swapSigned(checks, lab, keys));
  await part(checks, "one that was put in its place is not started",
    () => replaceModule(checks, lab));
  return finish(checks);
});

function writeModule(name, version) {
  const text = readFileSync(join(BUILD, "adit.mjs"), "utf8");
  const file = `${DIR}/${name}.mjs`;
  writeFileSync(file, `// adit-control target=lab version=${version}\n${text}\n// ${name}\n`);
  return file;
}

async function swapUnsigned(checks, lab) {
  const file = writeModule("unsigned", 1);
  const { status, stdout } = await aditAsync(lab.daemons.router,
    "policy", "swap", "--control", "--no-wait", file);
  checks.ok(status !== 0, "the swap fails", stdout.trim());
}

async function swapSigned(checks, lab, keys) {
  const { router } = lab.daemons;
  const file = writeModule("signed", 2);
  writeFileSync(`${file}.sig`, signBytes(readFileSync(file), keys.secretText, "key"));
  const { status } = await aditAsync(router, "policy", "swap", "--control", "--no-wait", file);
  checks.same(status, 0, "the swap is taken");
  await waitFor("the module to be kept", TRIAL_MS_MAX, () => moduleOf(router) === "a false");
  await killAll(pidsOf(router).all);
  await expectStart(checks, lab, "a false");
  checks.ok(!UNSIGNED.test(lab.daemons.router.child.text), "the mover has no doubt");
}

/** Its digest is the one that is recorded as confirmed; only its signature is of other bytes. */
async function replaceModule(checks, lab) {
  await killAll(pidsOf(lab.daemons.router).all);
  const text = readFileSync(writeModule("replaced", 3));
  const digest = createHash("sha256").update(text).digest("hex");
  writeFileSync(`${STATE}/control-a.mjs`, text);
  writeFileSync(`${STATE}/control`, `confirmed a ${digest}\n`);
  await expectStart(checks, lab, "rom false");
  checks.ok(UNSIGNED.test(lab.daemons.router.child.text), "the mover says why");
}

async function expectStart(checks, lab, module) {
  startRouter(lab, { change: () => lab.daemons.router.config });
  await waitReady(lab);
  checks.same(moduleOf(lab.daemons.router), module, "the module that runs");
  const want = exitOf("us", "phone").v4;
  const { got } = await waitExit("phone", "v4", want, EXIT_MS_MAX);
  checks.same(got, want, "the phone leaves through us");
}

function moduleOf(router) {
  const view = aditJson(router, "policy");
  return `${view?.module} ${view?.trial}`;
}
