/** Mistakes about devices that are covered whole; see mistakes.test.ts. */
import { wholeMistakes } from "../../runtime/sim/whole-mistakes.js";
import { testPlanted } from "./planted.js";

await testPlanted("sim: planted mistakes about whole devices", wholeMistakes);
