// A crowd of devices lives for a while beside an idle router, and no connection may go silent.

import { finish, makeChecks } from "./check.mjs";
import { adit, pidsOf, waitSettled } from "./daemon.mjs";
import { EVENTS, crowdRules, forgetFlows, silentOnes, speak, startCrowd } from "./crowd.mjs";
import { makeLab, startAll } from "./lab.mjs";
import { waitFor } from "./sh.mjs";

const SETTLE_MS_MAX = 30_000;
const CONTROL_MS = 4000;
/** Events between two looks at all connections. */
const EVENTS_PER_LOOK = 20;
const DIR = "/run/adit-lab";

/** Gives the exit status. `seed` chooses what happens to whom. */
export async function runCrowd({ count, seconds, seed = 1 }) {
  const checks = makeChecks();
  const lab = await makeLab();
  await startAll(lab, { change: (config) => ({ ...config,
    protected_mac_addrs: [...config.protected_mac_addrs, ...crowdRules(count)] }) });
  const crowd = await startCrowd(DIR, count);
  checks.ok((await silentOnes(crowd)).silent.length === 0, `${count} devices are spoken to`);
  await control(checks, crowd);
  const happened = await live(checks, lab, crowd, { seconds, seed });
  checks.ok(happened > 0, `${happened} times a device slept, roamed or got another address`,
    `${crowd.connections} connections`);
  await restart(checks, lab, crowd);
  await move(checks, lab, crowd);
  return finish(checks);
}

// Who succeeds a decider looks at all flows and knows nothing of what was.
async function restart(checks, { daemons: { router } }, crowd) {
  const { decider } = pidsOf(router);
  process.kill(decider, "SIGKILL");
  await waitFor("another decider", SETTLE_MS_MAX, () => {
    const now = pidsOf(router).decider;
    return now !== undefined && now !== decider;
  });
  await waitSettled(router, SETTLE_MS_MAX);
  const { silent } = await silentOnes(crowd);
  checks.same(silent.join(), "", "a restarted decider cuts none");
}

// What is moved is cut, every connection of it and no other.
async function move(checks, { daemons: { router } }, crowd) {
  const [device] = crowd.devices;
  adit(router, "protect", device.mac, "de");
  await waitSettled(router, SETTLE_MS_MAX);
  const { silent } = await silentOnes(crowd, CONTROL_MS);
  checks.same(silent.join(), device.connections.join(), "a moved device loses its own flows");
}

// What the test is to notice: one connection is forgotten as soon as its device shows up.
async function control(checks, crowd) {
  const [device] = crowd.devices;
  EVENTS.sleeps(device);
  forgetFlows(device);
  const { silent } = await silentOnes(crowd, CONTROL_MS);
  checks.same(silent.join(), "0", "with flows forgotten at each arrival, the test sees it");
  await speak(crowd);
  checks.ok((await silentOnes(crowd)).silent.length === 0, "who speaks again is spoken to again");
}

async function live(checks, lab, crowd, { seconds, seed }) {
  const end = performance.now() + seconds * 1000;
  const pick = picker(seed);
  let happened = 0;
  while (performance.now() < end && checks.count.failed === 0) {
    for (let i = 0; i < EVENTS_PER_LOOK; i++, happened++) {
      const device = pick(crowd.devices);
      await EVENTS[pick(Object.keys(EVENTS))](device, crowd);
    }
    await waitSettled(lab.daemons.router, SETTLE_MS_MAX);
    const { silent } = await silentOnes(crowd);
    if (silent.length > 0) checks.ok(false, "no flow is cut", `silent: ${silent.join(" ")}`);
  }
  checks.ok(checks.count.failed === 0, `no flow is cut in ${seconds} s`);
  return happened;
}

/** The same choices for the same seed: a linear congruential generator is enough. */
function picker(seed) {
  let state = seed >>> 0;
  return (list) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return list[Math.floor((state / 2 ** 32) * list.length)];
  };
}
