/** The script that the configuration names, or else the one that came with this module. */
import { readFile } from "../host/transfer.js";
import { routerOf } from "../model/config.js";
import { hexText } from "./base64.js";
import { afterMs } from "./core.js";
import type { Engine } from "./engine-state.js";

/** Stands before this module if `adit-policy bundle --with-control` put a script into it. */
declare const aditPolicyText: string | undefined;

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
  const config = routerOf(core.config);
  if (config === undefined) return;
  const { file } = config.policy;
  if (origin !== "file" && !leavesSlot) return advice.again("the configuration was read");
  if (file === "") return startOwn(engine);
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
    return runText(engine, text, bytes);
  });
}

function startOwn(engine: Engine): void {
  const { core, advice } = engine;
  if (typeof aditPolicyText === "string") {
    advice.expect();
    return runText(engine, aditPolicyText, core.native.utf8Encode(aditPolicyText));
  }
  return advice.isExpected ? advice.adopt(undefined) : undefined;
}

function runText({ core, advice }: Engine, text: string, bytes: Uint8Array): void {
  const config = routerOf(core.config);
  if (config === undefined) return;
  const { memoryKib, callMs } = config.policy;
  const sha256 = hexText(core.native.sha256(bytes));
  const limits = `${memoryKib} ${callMs}`;
  const isSame = advice.script?.sha256 === sha256 && advice.limits === limits;
  if (isSame) return advice.again("the configuration was read");
  advice.limits = limits;
  return advice.run({ text, sha256, version: 0, origin: "file" });
}
