/** Mistakes about uplinks; see mistakes.test.ts. */
import { uplinkMistakes } from "../../runtime/sim/uplink-mistakes.js";
import { testPlanted } from "./planted.js";

await testPlanted("sim: planted mistakes about uplinks", uplinkMistakes);
