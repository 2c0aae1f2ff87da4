/**
 * The simulation cannot lie: random commands go to the simulated mover and to build/aditd, and
 * every answer, the whole state that each reports, and the way of random packets have to be equal.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../runtime/sim/random.js";
import type { Packet } from "../../runtime/sim/resolve.js";
import { chooseRoute, hookPacket } from "../../runtime/sim/resolve.js";
import { TABLE_SCRIPT } from "./messages.js";
import { observe, observeTable } from "./observe.js";
import type { Step } from "./random-commands.js";
import { randomPacket, randomStep } from "./random-commands.js";
import { RealTarget, whyNotReal } from "./real-target.js";
import { SimTarget } from "./sim-target.js";
import type { Target } from "./target.js";

const SEQUENCES = Number(process.env["SEQUENCES"] ?? 150);
const STEPS = 15;
const PACKETS = 20;
const SEED = Number(process.env["SEED"] ?? 1);

const test = suite("simulated kernel against Linux");
const why = whyNotReal();

if (why !== "") console.log(`0 passed, 0 failed, 1 skipped (aditd: ${why})`);
else {
  test(`${SEQUENCES} sequences of ${STEPS} commands, ${PACKETS} packets each`, compareAll);
  test.run();
}

async function compareAll(): Promise<void> {
  const real = await RealTarget.start();
  const sim = new SimTarget();
  const random = new Random(SEED);
  const history: string[] = [];
  try {
    for (let i = 0; i < SEQUENCES; i++) {
      await compareSequence(real, sim, random, history);
      for (let j = 0; j < PACKETS; j++) comparePacket(real, sim, randomPacket(random), history);
    }
  } finally {
    await real.close();
  }
}

const HISTORY_SHOWN = 400;

function told(history: readonly string[]): string {
  return history.slice(-HISTORY_SHOWN).join("\n");
}

async function compareSequence(
  real: RealTarget,
  sim: SimTarget,
  random: Random,
  history: string[],
): Promise<void> {
  for (let i = 0; i < STEPS; i++) {
    const step = randomStep(random);
    history.push(describe(step));
    const expected = await take(real, step);
    assert.is(await take(sim, step), expected, `answers differ after\n${told(history)}`);
  }
  const [expected, actual] = [await observe(real), await observe(sim)];
  assert.is(actual, expected, `states differ after\n${told(history)}`);
  const [table, mirrored] = [await observeTable(real), await observeTable(sim)];
  assert.is(mirrored, table, `tables differ after\n${told(history)}`);
}

function describe(step: Step): string {
  if (step.kind === "foreign") return JSON.stringify(step.act);
  const { message } = step;
  if (message.type !== "nft_apply") return JSON.stringify(message);
  const script = Buffer.from(message.script).toString();
  return script === TABLE_SCRIPT ? "(the whole table)" : script.trim();
}

/** The error of the answer. What nft says to a bad script has no number of its own. */
async function take(target: Target, step: Step): Promise<string> {
  if (step.kind === "foreign") {
    target.foreign(step.act);
    return "";
  }
  const [answer] = await target.ask(step.message);
  const error = answer !== undefined && "error" in answer ? answer.error : 0;
  if (step.message.type === "nft_apply") return error < 0 ? "refused" : "taken";
  return String(error);
}

function comparePacket(
  real: RealTarget,
  sim: SimTarget,
  packet: Packet,
  history: readonly string[],
): void {
  const expected = kernelChoice(real, packet);
  const actual = modelChoice(sim, packet);
  const what = `${JSON.stringify(packet)} after\n${told(history)}`;
  assert.is(actual, expected, `ways differ: ${what}`);
}

function kernelChoice(real: RealTarget, { iif, src, dst, mark = 0 }: Packet): string {
  const family = dst.includes(":") ? "-6" : "-4";
  const from = iif === "" ? [] : ["from", src, "iif", iif];
  const words = ["ip", family, "route", "get", dst, ...from, "mark", String(mark)];
  const { status, output } = real.run(...words);
  if (status !== 0 || /^(unreachable|blackhole|prohibit) /.test(output)) return "unreachable";
  if (output.startsWith("local ")) return "local";
  return / dev (\S+)/.exec(output)?.[1] ?? output;
}

function modelChoice(sim: SimTarget, packet: Packet): string {
  const unspecified = packet.dst.includes(":") ? "::" : "0.0.0.0";
  const at = hookPacket({ ...packet, src: packet.src === "" ? unspecified : packet.src });
  const choice = chooseRoute(sim.kernel, at);
  return choice.route === undefined ? choice.kind : sim.kernel.linkName(choice.route.oif);
}
