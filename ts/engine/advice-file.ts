/** The script that the configuration names. */
import { readFile } from "../host/transfer.js";
import { hexText } from "./base64.js";
import { afterMs } from "./core.js";
import type { Engine } from "./engine-state.js";

/** A file that cannot be read is looked at again. */
const retryMs = 5_000;

/**
 * Puts the file's script in force, at start and after a reload, unless one was swapped in. Until it
 * is there, its devices keep the answers of the last life, or wait.
 */
export function startPolicy(engine: Engine, leavesSlot = false): void {
  const { core, advice } = engine;
  const { origin = "file" } = advice.script ?? {};
  core.deadlines.clear("policy file");
  if (core.config?.role !== "router") return;
  const { file, memoryKib, callMs } = core.config.policy;
  if (origin !== "file" && !leavesSlot) return advice.again("the configuration was read");
  if (file === "") return advice.isExpected ? advice.adopt(undefined) : undefined;
  advice.expect();
  readFile(core.channel, file, (result) => {
    const bytes = result instanceof Uint8Array ? result : undefined;
    const text = bytes && core.native.utf8Decode(bytes);
    if (bytes === undefined || text === undefined) {
      const why = result instanceof Uint8Array ? `${file}: not UTF-8` : result.text;
      core.log.writeOnce("error", `policy file ${why}`, `policy.file: ${why}`);
      return afterMs(core, "policy file", retryMs, why, () => {
        startPolicy(engine, leavesSlot);
      });
    }
    const sha256 = hexText(core.native.sha256(bytes));
    const limits = `${memoryKib} ${callMs}`;
    const isSame = advice.script?.sha256 === sha256 && advice.limits === limits;
    if (isSame) return advice.again("the configuration was read");
    advice.limits = limits;
    return advice.run({ text, sha256, version: 0, origin: "file" });
  });
}
