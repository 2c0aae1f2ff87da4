// adit-policy sim: a scenario played with a policy in the router's engine.

import { basename, dirname, resolve } from "node:path";
import { bundle } from "../bundler.mjs";
import { runJob } from "../engine.mjs";
import { EXIT, Refusal, usageError } from "../errors.mjs";
import { writeWhole } from "../files.mjs";
import { shownPath } from "../findings.mjs";
import { policyJob } from "../inspect.mjs";
import { drawTimeline } from "../picture.mjs";
import { readScenario } from "../scenario.mjs";
import { makeMapper } from "../source-maps.mjs";
import { showTimeline } from "../timeline.mjs";

export const command = {
  usage: "SCENARIO.json [OPTION...]",
  about: [
    "Plays a scenario: devices come and go, locations fail, time passes, and the policy is",
    "asked as on the router. Prints who went where when, and draws it. The form of a scenario",
    "is in tools/scenario.schema.json of this package.",
  ].join("\n"),
  options: {
    policy: { type: "string", value: "FILE", about: "another policy than the scenario names" },
    svg: { type: "string", value: "FILE", about: "the picture, by default SCENARIO.svg" },
  },
  run,
};

async function run({ positionals, values, folder }) {
  if (positionals.length !== 1) throw usageError("sim: one scenario is expected");
  const file = resolve(folder, positionals[0]);
  const scenario = readScenario(file, positionals[0]);
  const policy = values.policy === undefined
    ? resolve(dirname(file), scenario.policy ?? "policy.ts") : resolve(folder, values.policy);
  const timeline = await playScenario(policy, scenario, folder);
  const svg = resolve(folder, values.svg ?? file.replace(/\.json$/, "") + ".svg");
  const title = scenario.title ?? basename(file, ".json");
  writeWhole(svg, drawTimeline(timeline, title));
  const failed = timeline.notes.filter(({ kind }) => kind === "failure");
  const name = shownPath(svg, folder);
  return {
    code: failed.length === 0 ? EXIT.ok : EXIT.found,
    report: { ok: failed.length === 0, svg: name, ...timeline },
    text: [showTimeline(timeline, title), ...failed.flatMap(showFailure), `picture: ${name}`, ""]
      .join("\n"),
  };
}

const showFailure = ({ text, stack = "" }) =>
  [`FAILED ${text}`, ...stack.split("\n").map((line) => `       ${line}`)];

/** Plays a scenario that is known to be valid; the timeline of engine/play.ts. */
export async function playScenario(policy, scenario, folder) {
  const built = await bundle(policy);
  const mapper = makeMapper({ "policy.mjs": built }, folder);
  const { events, devices, locations, start, end } = scenario;
  const { utc_offset_min, uplinks, vars } = scenario;
  const plain = { events, devices, locations, start, end, utc_offset_min, uplinks, vars };
  const job = await policyJob(built.code, {
    imports: { play: "play.ts", tell: "host.ts" },
    code: `play(module.default, ${JSON.stringify(plain)})`,
  });
  let timeline;
  const { error } = await runJob(job, (message) => {
    if (message.type === "result") timeline = message.result;
  });
  if (error !== undefined) throw new Refusal(showEnd(error, mapper), EXIT.found);
  const notes = timeline.notes.map((note) =>
    (note.stack === undefined ? note : { ...note, stack: mapper.stack(note.stack) }));
  return { ...timeline, notes };
}

function showEnd({ name, message, stack }, mapper) {
  if (name === "ScenarioError") return message;
  return `${name}: ${message}\n${mapper.stack(stack)}`.trimEnd();
}
