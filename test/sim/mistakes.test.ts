/**
 * A simulation that finds nothing proves nothing: each planted mistake must be found. Those of one
 * kind, flows and quotes, scripts, or uplinks, stand in files beside this one, so that they run
 * together.
 */
import { flowMistakes } from "../../runtime/sim/flow-mistakes.js";
import { mistakes } from "../../runtime/sim/mistakes.js";
import { quoteMistakes } from "../../runtime/sim/quote-mistakes.js";
import { scriptMistakes } from "../../runtime/sim/script-mistakes.js";
import { uplinkMistakes } from "../../runtime/sim/uplink-mistakes.js";
import { wholeMistakes } from "../../runtime/sim/whole-mistakes.js";
import { testPlanted } from "./planted.js";

const elsewhere = new Set([
  ...flowMistakes, ...quoteMistakes, ...scriptMistakes, ...uplinkMistakes,
  ...wholeMistakes,
]);

await testPlanted("sim: planted mistakes", mistakes.filter((one) => !elsewhere.has(one)));
