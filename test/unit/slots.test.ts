/**
 * The two slots. Goal: whenever the power goes, what starts is the old or the new confirmed script,
 * whole, never none. Method: every state that transitions can reach, every transition from it,
 * every prefix of its durable writes, each followed by a start that may be cut in the same ways.
 */
import assert from "node:assert";
import { createHash } from "node:crypto";
import { suite } from "uvu";
import type { Boot, DurableWrite, Module, Slot, Slots, Transition } from "../../ts/model/slots.js";
import {
  beginSwap,
  bootControl,
  bootPolicy,
  confirmSwap,
  emptySlots,
  leaveSlot,
  readSlots,
  returnTo,
  rollBackSwap,
  slotBefore,
  slotFile,
} from "../../ts/model/slots.js";

const test = suite("slots");

type Disk = ReadonlyMap<string, string>;

/** A machine after some past: its disk, and which scripts an owner would accept to see run. */
interface World {
  readonly disk: Disk;
  readonly confirmed: string;
  readonly serial: number;
}

const built = "built in";
const lives = ["1f", "2e"];

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function signatureOf(text: string): string {
  return `signature of ${text}`;
}

function write(disk: Disk, writes: readonly DurableWrite[]): Disk {
  const after = new Map(disk);
  for (const { name, content } of writes) after.set(name, content);
  return after;
}

function slotsOf(module: Module, disk: Disk): Slots {
  const text = disk.get(`${module}.json`);
  const slots = text === undefined ? emptySlots : readSlots(text);
  assert.ok(slots !== undefined, `unreadable: ${text}`);
  return slots;
}

/** What the mover runs at its start, by the rules of the contract. */
function moverModule(disk: Disk): Slot | "rom" {
  const line = disk.get("control");
  if (line === undefined) return "rom";
  const found = /^confirmed (rom|a|b) ([0-9a-f]{64})\n$/.exec(line);
  assert.ok(found !== null, line);
  if (found[1] === "rom") return "rom";
  const slot = found[1] as Slot;
  const text = disk.get(slotFile("control", slot)) ?? "";
  assert.strictEqual(digest(text), found[2]);
  assert.strictEqual(disk.get(`${slotFile("control", slot)}.sig`), signatureOf(text));
  return slot;
}

function bootOf(disk: Disk, life: string, about: Partial<Boot> = {}): Boot {
  return { life, nowS: 9, module: moverModule(disk), trial: false, lastDeath: "", ...about };
}

function start(module: Module, disk: Disk, boot: Boot): Transition {
  return (module === "policy" ? bootPolicy : bootControl)(slotsOf(module, disk), boot);
}

/** The script that runs after the power came back, whole as its digest says. */
function afterPowerCut(module: Module, disk: Disk): string {
  const boot = bootOf(disk, "ff");
  const slots = slotsOf(module, disk);
  const { slots: after } = start(module, disk, boot);
  assert.strictEqual(after.pending, "");
  const slot = module === "control" && boot.module !== "rom" ? boot.module : after.confirmed;
  if (module === "control") assert.strictEqual(slot === "" ? "rom" : slot, boot.module);
  if (slot === "") return built;
  const text = disk.get(slotFile(module, slot)) ?? "";
  assert.strictEqual(digest(text), after.sha256[slot], "a damaged script");
  assert.ok(slots.history.length <= 32);
  return text;
}

/** Every transition that an engine may make from this state. */
function transitions(module: Module, { disk, serial }: World): readonly Transition[] {
  const slots = slotsOf(module, disk);
  const running = module === "control" ? moverModule(disk) : "rom";
  const boots = lives.flatMap((life) => {
    const onTrial = slots.pending !== "" && module === "control";
    const trial = bootOf(disk, life, { module: slots.pending as Slot, trial: true });
    const all = [bootOf(disk, life), ...(onTrial ? [trial] : [])];
    return all.map((boot) => start(module, disk, boot));
  });
  if (slots.pending !== "") {
    const ends = [confirmSwap, rollBackSwap].map((end) => end(module, slots, 5, "user"));
    return [...boots, ...ends];
  }
  const text = `script ${serial} ${"x".repeat(serial)}`;
  const signature = module === "control" ? signatureOf(text) : undefined;
  const script = { text, sha256: digest(text), version: serial, signature };
  const window = { life: lives[0] as string, deadline_unix_s: 60, health: 1, nowS: 4 };
  const { slots: known } = start(module, disk, bootOf(disk, lives[0] as string));
  const swaps = [beginSwap(module, known, script, window)];
  const { confirmed } = slots;
  const leaves = module === "control" && running !== "rom" && confirmed !== "";
  const returns = module === "policy" && confirmed !== "" ? waysBack(slots, disk) : [];
  return [
    ...boots,
    ...swaps,
    ...returns,
    ...(leaves ? [leaveSlot(slots, confirmed, 6, "user")] : []),
  ];
}

/**
 * A return leads to what was confirmed once, or to no slot. The engine reads the script before,
 * since a swap that was cut may have left another one in its place.
 */
function waysBack(slots: Slots, disk: Disk): readonly Transition[] {
  const before = slotBefore(slots);
  const by = { time: 6, why: "user" };
  const removed = returnTo(slots, "", { ...by, action: "remove" });
  if (before === undefined) return [removed];
  const wasConfirmed = slots.history.some(({ action, slot, sha256 }) => {
    return action === "confirm" && slot === before && sha256 === slots.sha256[slot];
  });
  assert.ok(before === "" || (before !== slots.confirmed && wasConfirmed));
  const text = before === "" ? "" : (disk.get(slotFile("policy", before)) ?? "");
  if (before !== "" && digest(text) !== slots.sha256[before]) return [removed];
  return [removed, returnTo(slots, before, { ...by, action: "rollback" })];
}

/** Follows a transition, cut after each of its writes; returns the worlds that may come of it. */
function follow(module: Module, world: World, { slots, writes }: Transition): readonly World[] {
  const whole = write(world.disk, writes);
  const after = afterPowerCut(module, whole);
  for (let cut = 0; cut <= writes.length; cut++) {
    const disk = write(world.disk, writes.slice(0, cut));
    const runs = afterPowerCut(module, disk);
    assert.ok([world.confirmed, after].includes(runs), `cut ${cut}: ${runs}`);
    const again = start(module, disk, bootOf(disk, "ff"));
    for (let second = 0; second <= again.writes.length; second++) {
      const twice = write(disk, again.writes.slice(0, second));
      assert.strictEqual(afterPowerCut(module, twice), runs, `cut ${cut}, then ${second}`);
    }
  }
  assert.deepStrictEqual(
    writes.length === 0 || module === "control" ? slots : slotsOf(module, whole), slots);
  return Array.from({ length: writes.length + 1 }, (_, cut) => {
    const disk = write(world.disk, writes.slice(0, cut));
    return { disk, confirmed: afterPowerCut(module, disk), serial: world.serial + 1 };
  });
}

function explore(module: Module, depth: number): number {
  let level: readonly World[] = [{ disk: new Map(), confirmed: built, serial: 1 }];
  let count = 0;
  for (let step = 0; step < depth; step++) {
    const next: World[] = [];
    for (const world of level) {
      for (const transition of transitions(module, world)) {
        next.push(...follow(module, world, transition));
        count += 1;
      }
    }
    const seen = new Map(next.map((world) => [JSON.stringify([...world.disk]), world]));
    level = [...seen.values()];
  }
  return count;
}

test("policy: a power cut at every write of every transition starts a confirmed script", () => {
  assert.ok(explore("policy", 9) > 5_000);
});

test("control: the same, with the mover's own record", () => {
  assert.ok(explore("control", 8) > 5_000);
});

function swapped(): Slots {
  const script = { text: "one", sha256: digest("one"), version: 7 };
  const window = { life: "1f", deadline_unix_s: 60, health: 0.5, nowS: 4 };
  return beginSwap("policy", emptySlots, script, window).slots;
}

test("the same life of the mover goes on with the probation, three times", () => {
  let slots = swapped();
  for (const boots of [1, 2, 3]) {
    slots = bootPolicy(slots, bootOf(new Map(), "1f")).slots;
    assert.deepStrictEqual([slots.pending, slots.boots, slots.health], ["a", boots, 0.5]);
  }
  slots = bootPolicy(slots, bootOf(new Map(), "1f", { lastDeath: "signal 9" })).slots;
  assert.strictEqual(slots.pending, "");
  assert.match(slots.history.at(-1)?.why ?? "", /ended 3 times: signal 9/);
});

test("confirming raises the highest version, rolling back does not", () => {
  assert.strictEqual(rollBackSwap("policy", swapped(), 5, "x").slots.script_version_max, 0);
  const confirmed = confirmSwap("policy", swapped(), 5, "x").slots;
  assert.deepStrictEqual([confirmed.script_version_max, confirmed.confirmed], [7, "a"]);
  assert.throws(() => confirmSwap("policy", confirmed, 5, "x"));
  assert.throws(() => beginSwap("policy", swapped(), { text: "", sha256: "", version: 1 }, {
    life: "", deadline_unix_s: 0, health: 1, nowS: 0,
  }));
});

test("the history keeps the last 32 events", () => {
  let slots = emptySlots;
  const script = { text: "one", sha256: digest("one"), version: 0 };
  for (let nowS = 0; nowS < 40; nowS++) {
    const window = { life: "1f", deadline_unix_s: 60, health: 1, nowS };
    slots = beginSwap("policy", slots, script, window).slots;
    slots = rollBackSwap("policy", slots, nowS, "x").slots;
  }
  assert.strictEqual(slots.history.length, 32);
  assert.strictEqual(slots.history.at(-1)?.time, 39);
  assert.deepStrictEqual(readSlots(JSON.stringify(slots)), slots);
});

test("a record with any field changed, missing or added is not believed", () => {
  const good = JSON.parse(JSON.stringify(swapped())) as Record<string, unknown>;
  assert.ok(readSlots(JSON.stringify(good)) !== undefined);
  const wrong: readonly unknown[] = [null, -1, 1.5, "z", {}, [], [null], { a: "x", b: "" }, "x\n"];
  for (const key of Object.keys(good)) {
    for (const value of wrong) {
      if (key === "health" && (value === -1 || value === 1.5)) continue;
      if (key === "history" && JSON.stringify(value) === "[]") continue;
      assert.strictEqual(readSlots(JSON.stringify({ ...good, [key]: value })), undefined,
        `${key} ${JSON.stringify(value)}`);
    }
    const { [key]: _gone, ...rest } = good;
    assert.strictEqual(readSlots(JSON.stringify(rest)), undefined, key);
  }
  assert.strictEqual(readSlots(JSON.stringify({ ...good, more: 1 })), undefined);
  assert.strictEqual(readSlots(JSON.stringify({ ...good, confirmed: "a" })), undefined);
  for (const text of [undefined, "", "{", "[]", "null"]) {
    assert.strictEqual(readSlots(text), undefined);
  }
});

test.run();
