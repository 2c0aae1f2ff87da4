/** Mistakes about policy scripts; see mistakes.test.ts. */
import { scriptMistakes } from "../../runtime/sim/script-mistakes.js";
import { testPlanted } from "./planted.js";

await testPlanted("sim: planted mistakes about scripts", scriptMistakes);
