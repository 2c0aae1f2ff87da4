/** Tells a policy what happened and checks the effects that it asks for. */
import { aText, expect, freeze, mistake } from "./check.js";
import { aList } from "./decide.js";
import { createFailures } from "./failures.js";
import { effectsMax, notifyCharsMax } from "./limits.js";
import { takeLog } from "./log.js";
import { redecide } from "./answers.js";
import type { Effect, Policy, PolicyEvent, World } from "./types.js";
import type { EventAnswer, WireEffect, WireEvent } from "./wire.js";

/** The answer to an `event` call, as JSON. */
export function hear(policy: Policy, event: WireEvent, world: World): string {
  const failures = createFailures();
  let effects: WireEffect[] = [];
  let isAnswered = false;
  try {
    const asked = policy.onEvent?.(viewEvent(event, world), world) ?? [];
    isAnswered = true;
    const list = Array.isArray(asked) ? asked : [asked];
    effects = aList("onEvent", list, effectsMax, (effect) => wireEffect(effect as Effect, world));
  } catch (error) {
    failures.add({ in: "onEvent" }, error, isAnswered);
  }
  const { list: failed } = failures;
  const answer: EventAnswer = { effects, ...(failed.length > 0 && { failed }), log: takeLog() };
  return JSON.stringify(answer);
}

function viewEvent(event: WireEvent, world: World): PolicyEvent {
  const device = "mac" in event && { device: world.device(event.mac) };
  return freeze({ ...event, ...device }) as PolicyEvent;
}

function wireEffect(effect: Effect, world: World): WireEffect {
  switch (effect?.effect) {
    case "notify":
      return { effect: "notify", text: aText("notify", effect.text).slice(0, notifyCharsMax) };
    case "reconnect": {
      const { location } = effect;
      const isKnown = world.location(location) !== undefined;
      expect(isKnown, "reconnect", location, "a location of the world");
      return { effect: "reconnect", location };
    }
    case "redecide":
      return { effect: "redecide", after_s: redecide(effect.afterS).afterS };
    default:
      throw mistake("onEvent", effect, "notify(…), reconnect(…) or redecide(…)");
  }
}
