/** What runtime/contract.json promises of state files, cages and control modules. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import { contractVersion } from "../../ts/host/contract.gen.js";
import type { Target } from "./target.js";
import { askOne, errorOf, waitFor } from "./target.js";

const EPERM = -1;
const ENOENT = -2;
const EINVAL = -22;
const EMFILE = -24;
const EFBIG = -27;
const PART_BYTES = 49_152;
const FILE_BYTES_MAX = 524_288;
const TRIAL_MS = 60_000;
const TRIAL_MS_SHORT = 1_000;
const SIGKILL = 9;

type Died = Extract<MoverMessage, { type: "policy_died" }>;
type Write = Extract<DeciderMessage, { type: "file_write" }>;

interface Check {
  readonly name: string;
  run(target: Target): Promise<void>;
}

function writeOf(target: Target, name: string, changes: Partial<Write> = {}): Write {
  const path = `${target.configDir}/state/${name}`;
  const data = new Uint8Array(Buffer.from("text"));
  return { type: "file_write", path, mode: 0o600, offset: 0, last: true, data, ...changes };
}

async function sizeOf(target: Target, name: string): Promise<number> {
  const path = `${target.configDir}/state/${name}`;
  const message = { type: "file_read", path, offset: 0 } as const;
  const { error, total } = await askOne(target, message, "file_data");
  return error < 0 ? error : total;
}

async function remove(target: Target, ...names: string[]): Promise<void> {
  for (const name of names) {
    const path = `${target.configDir}/state/${name}`;
    assert.is(await errorOf(target, { type: "file_remove", path }), 0, name);
  }
}

const files: readonly Check[] = [
  {
    name: "state files: plain names only, directly in the folder",
    async run(target) {
      for (const name of ["A", ".a", "-a", "a/b", "../b", "a b", "", "x".repeat(65)]) {
        assert.is(await errorOf(target, writeOf(target, name)), EPERM, name);
        assert.is(await sizeOf(target, name), EPERM, name);
      }
      assert.is(await sizeOf(target, "0.a_b-c"), ENOENT);
      for (const name of ["0.a_b-c", "x".repeat(64)]) {
        assert.is(await errorOf(target, writeOf(target, name)), 0, name);
        assert.is(await sizeOf(target, name), 4, name);
        await remove(target, name, name);
        assert.is(await sizeOf(target, name), ENOENT, name);
      }
      const path = `${target.configDir}/state/socket`;
      const listen = { type: "listen_unix", path, mode: 0o600 } as const;
      assert.is(await errorOf(target, listen), EPERM);
    },
  },
  {
    name: "state files: parts become one file with the last of them",
    async run(target) {
      const part = new Uint8Array(PART_BYTES).fill(65);
      const send = async (name: string, changes: Partial<Write>): Promise<number> =>
        await errorOf(target, writeOf(target, name, changes));
      assert.is(await send("whole", {}), 0);
      assert.is(await send("whole", { data: part, last: false }), 0);
      assert.is(await send("whole", { offset: 1, last: false }), EINVAL);
      assert.is(await send("other", { offset: PART_BYTES, last: false }), EINVAL);
      assert.is(await send("other", {}), 0, "a file of one part goes between");
      assert.is(await sizeOf(target, "whole"), 4, "nothing is to be seen of the first part");
      assert.is(await send("whole", { offset: PART_BYTES }), 0);
      assert.is(await sizeOf(target, "whole"), PART_BYTES + 4);
      assert.is(await send("whole", { offset: PART_BYTES + 4 }), EINVAL, "the parts are used up");
      for (let offset = 0; offset + PART_BYTES <= FILE_BYTES_MAX; offset += PART_BYTES) {
        assert.is(await send("whole", { offset, data: part, last: false }), 0);
      }
      assert.is(await send("whole", { offset: 10 * PART_BYTES, data: part }), EFBIG);
      assert.is(await sizeOf(target, "whole"), PART_BYTES + 4);
      await remove(target, "whole", "other");
    },
  },
];

const limits = { memoryKib: 1_024, stackKib: 128, callMs: 100 };

async function open(target: Target): Promise<number> {
  const { error, cage } = await askOne(target, { type: "policy_open", ...limits }, "policy_opened");
  return error < 0 ? error : cage;
}

async function deathOf(target: Target, cage: number): Promise<Died | undefined> {
  const isIt = (item: MoverMessage): item is Died =>
    item.type === "policy_died" && item.cage === cage;
  return (await waitFor(target, (news) => news.some(isIt))).find(isIt);
}

const policies: readonly Check[] = [
  {
    name: "cages: limits are named when they are out of range",
    async run(target) {
      const cases = [
        [{ memoryKib: 255 }, "memory_kib: 255: expected 256 to 8192"],
        [{ memoryKib: 8_193 }, "memory_kib: 8193: expected 256 to 8192"],
        [{ stackKib: 15 }, "stack_kib: 15: expected 16 to 1024"],
        [{ stackKib: 1_025 }, "stack_kib: 1025: expected 16 to 1024"],
        [{ callMs: 9 }, "call_ms: 9: expected 10 to 1000"],
        [{ callMs: 1_001 }, "call_ms: 1001: expected 10 to 1000"],
      ] as const;
      for (const [change, text] of cases) {
        const message = { type: "policy_open", ...limits, ...change } as const;
        const answer = await askOne(target, message, "policy_opened");
        assert.equal([answer.error, answer.cage, answer.text], [EINVAL, 0, text]);
      }
    },
  },
  {
    name: "cages: three at a time, a killed one makes room, and every end is told once",
    async run(target) {
      target.takeNews();
      const cages = [await open(target), await open(target), await open(target)];
      assert.is(new Set(cages).size, 3);
      assert.ok(cages.every((cage) => cage > 0));
      assert.is(await open(target), EMFILE);
      for (const number of [0, 4_000_000_000, cages[1] as number, cages[1] as number]) {
        assert.is(await errorOf(target, { type: "policy_kill", cage: number }), 0);
      }
      const next = await open(target);
      assert.ok(next > 0 && !cages.includes(next));
      const death = await deathOf(target, cages[1] as number);
      const { cage, status, signal, text } = death as Died;
      assert.equal([cage, status, signal, text], [cages[1], -1, SIGKILL, ""]);
      for (const number of [cages[0] as number, cages[2] as number, next]) {
        assert.is(await errorOf(target, { type: "policy_kill", cage: number }), 0);
        assert.ok(await deathOf(target, number));
      }
      await target.pause();
      assert.ok(target.takeNews().every(({ type }) => type !== "policy_died"));
    },
  },
];

/** Slot, trial, and why the decider before ended. */
async function stateOf(target: Target): Promise<[string, boolean, string]> {
  const hello = { type: "hello", contract: contractVersion, module: "relay", role: "" } as const;
  const { module, trial, lastDeath, life, stateDir } = await askOne(target, hello, "mover_state");
  assert.ok(life > 0 && Number.isSafeInteger(life));
  assert.is(stateDir, `${target.configDir}/state`);
  return [module, trial, lastDeath];
}

async function writeRelay(target: Target, name: string): Promise<void> {
  const data = new Uint8Array(readFileSync("test/contract/relay.mjs"));
  assert.is(await errorOf(target, writeOf(target, name, { data })), 0);
}

const controls: readonly Check[] = [
  {
    name: "control modules: what cannot be tried is refused",
    async run(target) {
      const tried = async (slot: string, trialMs: number): Promise<number> =>
        await errorOf(target, { type: "control_try", slot, trialMs });
      assert.is(await tried("c", TRIAL_MS), EINVAL);
      assert.is(await tried("", TRIAL_MS), EINVAL);
      assert.is(await tried("a", 999), EINVAL);
      assert.is(await tried("a", 600_001), EINVAL);
      assert.is(await tried("a", TRIAL_MS), ENOENT);
      assert.is(await errorOf(target, { type: "control_keep" }), 0);
      assert.equal((await stateOf(target)).slice(0, 2), ["rom", false]);
    },
  },
  {
    name: "control modules: one is tried, kept, and given up for the installed one",
    async run(target) {
      await writeRelay(target, "control-a.mjs");
      const trialMs = TRIAL_MS;
      await target.replace({ type: "control_try", slot: "a", trialMs });
      assert.equal(await stateOf(target), ["a", true, "it gave way to control module a"]);
      assert.is(await errorOf(target, { type: "control_keep" }), 0);
      assert.equal((await stateOf(target)).slice(0, 2), ["a", false]);
      await target.replace({ type: "control_try", slot: "rom", trialMs });
      assert.equal(await stateOf(target), ["rom", true, "it gave way to control module rom"]);
      assert.is(await errorOf(target, { type: "control_keep" }), 0);
      await remove(target, "control-a.mjs");
    },
  },
  {
    name: "control modules: one that is not kept in time gives way to the former",
    async run(target) {
      await writeRelay(target, "control-b.mjs");
      await target.replace({ type: "control_try", slot: "b", trialMs: TRIAL_MS_SHORT });
      assert.equal((await stateOf(target)).slice(0, 2), ["b", true]);
      await target.restarted();
      const [module, trial, death] = await stateOf(target);
      assert.equal([module, trial], ["rom", false]);
      assert.match(death, /^control module b on trial: .*its control module was not kept in time/);
      await remove(target, "control-b.mjs");
    },
  },
];

export const policyChecks: readonly Check[] = [...files, ...policies, ...controls];
