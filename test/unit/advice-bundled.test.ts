/** A script inside of the control module: it runs unless the configuration names a file. */
import assert from "node:assert";
import { suite } from "uvu";
import { createAdvice } from "../../ts/engine/advice.js";
import { startPolicy } from "../../ts/engine/advice-file.js";
import type { Engine } from "../../ts/engine/engine-state.js";
import { router } from "./support/configs.js";
import { CageHost, result } from "./support/fake-cage.js";

const test = suite("advice: bundled script");

/** Starts with a module that has this script before its own text. */
function startWith(text: string | undefined): string | undefined {
  const adopted = { api: 1, version: 1, functions: ["route"] };
  const host = new CageHost(router({ policy: {} }), (kind) =>
    result(kind === "L" ? adopted : { routes: [], log: [] }));
  const advice = createAdvice(host.core, { tunnels: host.tunnels, onChange: () => undefined });
  Object.assign(host.core.native, { sha256: () => new Uint8Array(32) });
  const scope = globalThis as { aditPolicyText?: string };
  if (text !== undefined) scope.aditPolicyText = text;
  try {
    advice.load(() => startPolicy({ core: host.core, advice } as Engine));
    host.pass(1_000);
  } finally {
    delete scope.aditPolicyText;
  }
  return advice.active?.script.text;
}

test("runs without a file and without a swap", () => {
  assert.strictEqual(startWith("the script"), "the script");
});

test("is nothing where there is none", () => {
  assert.strictEqual(startWith(undefined), undefined);
});

test.run();
