// A gateway that sends tiny valid packets at full speed beside an honest one. Goal: the honest
// tunnel keeps its share, about half of what it carries while the other one is silent, both ways.

import { fileURLToPath } from "node:url";
import { finish, makeChecks, part } from "../test/netns/lab/check.mjs";
import { aditJson, waitUp } from "../test/netns/lab/daemon.mjs";
import { makeLab, startGateway, startRouter } from "../test/netns/lab/lab.mjs";
import { throughput, withThroughputServer } from "../test/netns/lab/measure.mjs";
import { runSandboxed } from "../test/netns/lab/sandbox.mjs";
import { nsStart, sleep, waitFor } from "../test/netns/lab/sh.mjs";
import { GATEWAYS } from "../test/netns/lab/topology.mjs";

const START_MS_MAX = 10_000;
const SECONDS = Number(process.env.FAIR_SECONDS ?? 2);
const ROUNDS = Number(process.env.FAIR_ROUNDS ?? 3);
/** Packets of the flood that come through in a second; with fewer it would be none. */
const FLOOD_PER_S_MIN = 5_000;
/** One round scatters where others use the machine as well; without turns the share is 1 %. */
const SHARE_MIN = 0.5;

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const lab = await makeLab();
  startGateway(lab, "us");
  const flooder = startFlooder(lab);
  await waitFor("the flooder", START_MS_MAX, () => flooder.text.includes("listens"));
  const router = startRouter(lab);
  await waitUp(router, Object.keys(GATEWAYS), START_MS_MAX);
  await withThroughputServer(async () => {
    for (const [name, options] of [["towards the internet", []], ["from the internet", ["-R"]]]) {
      await part(checks, name, () => compare(checks, router, flooder, options));
    }
  });
  return finish(checks);
});

function startFlooder({ secrets }) {
  const { cert, key } = secrets.de.identity;
  const script = fileURLToPath(new URL("../test/peer/flood.mjs", import.meta.url));
  return nsStart("de", [process.execPath, script, cert, key, `10.${GATEWAYS.de.pool}`]);
}

/** The two are measured in turns, and the medians compared: the machine is others' as well. */
async function compare({ ok }, router, flooder, options) {
  const [quiet, loud] = [[], []];
  let packets = 0;
  for (let round = 0; round < ROUNDS; round++) {
    quiet.push(await throughput("phone", SECONDS, options));
    const before = flooded(router);
    flooder.stdin.write("turn\n");
    loud.push(await throughput("phone", SECONDS, options));
    packets += flooded(router) - before;
    flooder.stdin.write("turn\n");
    await sleep(500);
  }
  const perS = Math.round(packets / ROUNDS / SECONDS);
  const [before, during] = [quiet, loud].map(median);
  ok(perS >= FLOOD_PER_S_MIN, "control: the flood comes through", `${perS} packets a second`);
  ok(during >= SHARE_MIN * before, "the honest tunnel keeps its share",
    `${during} of ${before} Mbit/s (${quiet} without, ${loud} beside the flood)`);
}

function flooded(router) {
  const { locations = [] } = aditJson(router, "status") ?? {};
  const { stats = {}, ...rest } = locations.find(({ name }) => name === "de") ?? {};
  return stats.rx_packets ?? rest.rx_packets ?? 0;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
