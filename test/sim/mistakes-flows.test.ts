/** Mistakes about flows, and about what quotes them; see mistakes.test.ts. */
import { flowMistakes } from "../../runtime/sim/flow-mistakes.js";
import { quoteMistakes } from "../../runtime/sim/quote-mistakes.js";
import { testPlanted } from "./planted.js";

await testPlanted("sim: planted mistakes about flows", [...flowMistakes, ...quoteMistakes]);
