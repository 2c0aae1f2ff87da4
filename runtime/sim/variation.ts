/** What differs from one world to the next before anything happens. */
import type { Variation } from "./policy.js";
import type { Random } from "./random.js";
import type { LocationPlan } from "./topology.js";
import { locations } from "./topology.js";
import { secondOf } from "./uplinks.js";

/** Users of every third life speak ubus. */
const busEvery = 3;
/** In every second life a rule names one family of a device that has two. */
const oneFamilyEvery = 2;
/** A day with a script costs three times one without. */
const scriptedPercent = 20;

export function variationOf(
  random: Random, scripted?: boolean, seed = 0, isSecond = false,
): Variation {
  const isScripted = random.chance(scriptedPercent);
  return {
    lazy: random.chance(30),
    defaultGateway: random.chance(20),
    samePool: random.chance(25),
    named: random.chance(30),
    scripted: scripted ?? isScripted,
    bus: seed % busEvery === 1,
    oneFamily: seed % oneFamilyEvery === 0,
    second: secondOf(seed, isSecond),
  };
}

export function poolsOf({ samePool }: Variation): LocationPlan[] {
  const [first] = locations;
  if (first === undefined || !samePool) return [...locations];
  const { pool4, pool6 } = first;
  return locations.map((plan) => ({ ...plan, pool4, pool6 }));
}
