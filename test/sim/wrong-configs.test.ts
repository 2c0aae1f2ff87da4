/**
 * A configuration that its owner got wrong opens nothing. Goal: with each text of the table a start
 * is refused with the status for it, a reload keeps every device where it was, and the log names
 * what is wrong.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadEngine } from "../../runtime/sim/run.js";
import { wrongConfigs } from "../unit/support/wrong-configs.js";
import { Household } from "./household.js";

const SIGHUP = 1;
const RELOAD_MS = 500;
const EX_CONFIG = 78;

const test = suite("sim: wrong configurations");
const engine = await loadEngine("node");
const running = new Household(engine);
running.boot();
const tv = running.devices[0]?.mac ?? "";
running.ask("POST", "/v1/protect", { kind: "mac", subject: tv, vl: "us" });
const before = [...running.ways()];

function put(home: Household, text: string): void {
  home.machine.files.put(home.machine.files.configPath, Buffer.from(text));
}

test("the control: a good text is taken", () => {
  assert.is(running.ways().get(tv), "us");
  const home = new Household(engine);
  home.boot();
  assert.is(home.machine.exitStatus, undefined);
});

for (const { name, text } of wrongConfigs) {
  test(`${text.slice(0, 11)}, ${name}`, () => {
    put(running, text);
    running.machine.signal(SIGHUP);
    running.run(RELOAD_MS);
    assert.equal([...running.ways()], before);
    const answer = running.ask("POST", "/v1/reload", {});
    assert.is(answer.status, 400, answer.body);

    const fresh = new Household(engine);
    put(fresh, text);
    fresh.boot();
    assert.is(fresh.machine.exitStatus, EX_CONFIG);
  });
}

test.run();
