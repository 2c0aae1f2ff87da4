/** The simulated flash and the simulated cages, before anything is built on them. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CageFault, Death } from "../../runtime/sim/cage.js";
import { Cage } from "../../runtime/sim/cage.js";
import { Clock } from "../../runtime/sim/clock.js";
import { Files } from "../../runtime/sim/files.js";
import type { WriteStep } from "../../runtime/sim/files.js";
import type { RealmEngine } from "../../runtime/sim/realm.js";
import { nodeRealms } from "../../runtime/sim/realm-node.js";
import { quickjsRealms } from "../../runtime/sim/realm-quickjs.js";
import { PRELUDE } from "../../runtime/sim/run.js";

const PATH = "/etc/adit/state/policy.json";
const ENOSPC = -28;
const STEPS: readonly WriteStep[] = ["write", "sync", "rename", "sync folder"];

const prelude = readFileSync(PRELUDE, "utf8");
const quickjs = await quickjsRealms(prelude);

class PowerCut extends Error {}

function freshFiles(): Files {
  const files = new Files("/etc/adit/adit.json", "/var/run/adit", "/etc/adit/state");
  files.put("/etc/adit/adit.json", Buffer.from("{}"));
  return files;
}

function textAt(files: Files, path: string): string | undefined {
  const file = files.get(path);
  return file === undefined ? undefined : Buffer.from(file.data).toString();
}

const flash = suite("simulated flash");

flash("a power cut before any step of a write leaves the old text or the new", () => {
  for (const [at, step] of STEPS.entries()) {
    for (const lucky of [false, true]) {
      const files = freshFiles();
      assert.is(files.write(PATH, Buffer.from("old"), 0o600), 0);
      files.onStep = (name) => {
        if (name === step) throw new PowerCut();
      };
      assert.throws(() => files.write(PATH, Buffer.from("new"), 0o600));
      files.onStep = () => {};
      files.powerCut(lucky);
      const expected = at === STEPS.length - 1 && lucky ? "new" : "old";
      assert.is(textAt(files, PATH), expected, `${step}, ${lucky ? "lucky" : "unlucky"}`);
      assert.is(files.write(PATH, Buffer.from("newer"), 0o600), 0);
      assert.not.ok(files.paths().some((path) => path.endsWith(".adit-new")));
    }
  }
});

flash("what was answered survives, the run folder does not", () => {
  const files = freshFiles();
  assert.is(files.write(PATH, Buffer.from("kept"), 0o600), 0);
  assert.is(files.write("/var/run/adit/state.json", Buffer.from("lost"), 0o600), 0);
  files.powerCut(false);
  assert.equal(files.paths(), ["/etc/adit/adit.json", PATH]);
  assert.is(files.remove(PATH), 0);
  files.powerCut(false);
  assert.equal(files.paths(), ["/etc/adit/adit.json"]);
});

flash("a folder takes so many files and so many bytes", () => {
  const files = freshFiles();
  const write = (name: number, size: number): number =>
    files.write(`/etc/adit/state/${name}`, Buffer.alloc(size), 0o600);
  for (let i = 0; i < 64; i++) assert.is(write(i, 1), 0);
  assert.is(write(64, 1), ENOSPC);
  assert.is(write(63, 8_388_608 - 62), ENOSPC);
  assert.is(write(63, 8_388_608 - 63), 0);
});

flash.run();

const limits = { memoryKib: 1_024, stackKib: 128, callMs: 100 };
const WORLD = {
  now: {
    unix_s: 1_750_000_000, year: 2025, month: 6, day: 15, weekday: 7, hour: 12, minute: 0,
    utc_offset_min: 0,
  },
  devices: [{ mac: "02:00:00:00:00:01", addresses: ["192.168.1.10"], iface: "br-lan", since_s: 5 }],
  locations: [
    { name: "us", type: "adit", state: "up", since_s: 9, tx_bps: 0, rx_bps: 0, peers: [] },
  ],
  uplinks: [],
  vars: {},
};
const CALL = JSON.stringify({ call: "decide", world: WORLD });

function scriptOf(body: string): string {
  return `import { definePolicy, via } from "adit:policy";
export default definePolicy({ route(device, world) { ${body} } });\n`;
}

/** A cage with a decider's end that gathers what it sends. */
class Lone {
  readonly clock = new Clock();
  readonly deaths: Death[] = [];
  readonly cage: Cage;
  fault: CageFault = "none";
  received = Buffer.alloc(0);
  ended = false;

  constructor(realms: RealmEngine) {
    this.cage = new Cage(1, limits, realms, {
      clock: this.clock,
      fault: () => this.fault,
      died: (_cage, death) => void this.deaths.push(death),
    });
    this.cage.stream = {
      fd: 10,
      send: (data) => (this.received = Buffer.concat([this.received, data])),
      end: () => (this.ended = true),
    };
  }

  /** The answer's kind and its JSON, without what it cost; undefined if there is none. */
  ask(kind: string, text: string, pieces = 1): string | undefined {
    const body = Buffer.from(`${kind}${text}`);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    const bytes = Buffer.concat([head, body]);
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) {
      this.cage.onData(bytes.subarray(at, at + size));
    }
    this.clock.run(this.clock.nowMs + 1_000);
    const answer = this.received.subarray(4).toString();
    this.received = Buffer.alloc(0);
    return answer === "" ? undefined : answer.replace(/"cpu_us":\d+,"memory":\d+,/, "");
  }
}

const ROUTED = 'R{"result":{"routes":[{"mac":"02:00:00:00:00:01","action":"via","location":"us"}]';

function testRealms(realms: RealmEngine): void {
  const test = suite(`simulated cage: ${realms.name}`);
  const loaded = (body: string): Lone => {
    const lone = new Lone(realms);
    const adopted = '{"api":1,"version":0,"functions":["route"]}';
    assert.is(lone.ask("L", scriptOf(body)), `R{"result":${adopted}}`);
    return lone;
  };

  test("a script is loaded and called, in whatever pieces a request comes", () => {
    const lone = loaded('return via("us");');
    for (const pieces of [1, 2, 7, 100]) assert.ok(lone.ask("C", CALL, pieces)?.startsWith(ROUTED));
    assert.match(lone.ask("L", scriptOf("")) ?? "", /^E.*a cage holds one script/);
  });

  test("what is wrong with a script is named by its kind", () => {
    const cases = [
      ["syntax", "export default {;"],
      ["import", 'import { readFile } from "node:fs"; export default {};'],
      ["import", 'import { handle } from "adit:cage"; export default {};'],
      ["load", "export default 7;"],
      ["load", 'throw new TypeError("no");\nexport default {};'],
    ] as const;
    for (const [kind, text] of cases) {
      const answer = new Lone(realms).ask("L", text) ?? "";
      assert.ok(answer.startsWith(`E{"error":{"kind":"${kind}"`), `${kind}: ${answer}`);
    }
    assert.match(new Lone(realms).ask("C", CALL) ?? "", /^E.*holds no script/);
  });

  test("a device whose route throws is told, without the engine's own stack", () => {
    const answer = loaded('throw new RangeError("mine");').ask("C", CALL) ?? "";
    assert.match(answer, /"failed":\[\{[^\]]*"message":"RangeError: mine","stack":""/);
  });

  test("a recursion without end fails for its device", () => {
    const answer = loaded("const f = () => f() + 1; return f();").ask("C", CALL) ?? "";
    assert.match(answer, /^R.*"failed":\[\{"in":"route","mac":"02:00:00:00:00:01"/);
  });

  test("the host, a clock, chance and code from text are out of reach", () => {
    const names = ["process", "require", "setTimeout", "Date", "fetch", "console", "__host"];
    const body = `for (const name of ${JSON.stringify(names)}) {
      if (typeof globalThis[name] !== "undefined") throw new Error(name);
    }
    if (typeof Math.random !== "undefined") throw new Error("chance");
    return via("us");`;
    assert.ok(loaded(body).ask("C", CALL)?.startsWith(ROUTED));
  });

  test.run();
}

/** Beside the script: what a fault, the mover or the decider make of a process. */
function testEnds(realms: RealmEngine): void {
  const test = suite(`ends of a simulated cage: ${realms.name}`);
  const loaded = (): Lone => {
    const lone = new Lone(realms);
    lone.ask("L", scriptOf(""));
    return lone;
  };

  test("faults: a death, silence, rubbish, a broken frame, an answer too late", () => {
    const results: string[] = [];
    for (const fault of ["dies", "memory", "silent", "rubbish", "frame", "late"] as const) {
      const lone = loaded();
      lone.fault = fault;
      const answer = lone.ask("C", CALL);
      const death = lone.deaths.map(({ status, signal }) => `${status}/${signal}`).join();
      results.push(`${fault} ${answer?.slice(0, 9) ?? "-"} ${death} ${lone.ended}`);
    }
    assert.equal(results, [
      "dies - -1/9 true", "memory - 71/0 true", "silent -  false", 'rubbish R{"cpu_us  false',
      "frame R  false", "late -  false",
    ]);
  });

  test("a kill and a closed socket end it once", () => {
    const lone = loaded();
    lone.cage.onClosed();
    lone.cage.kill();
    assert.equal(lone.deaths, [{ status: 74, signal: 0, text: "" }]);
    assert.is(lone.ask("C", CALL), undefined);
    const killed = loaded();
    killed.cage.kill();
    assert.equal(killed.deaths, [{ status: -1, signal: 9, text: "" }]);
  });
  test.run();
}

for (const realms of [nodeRealms(prelude), quickjs]) {
  testRealms(realms);
  testEnds(realms);
}

const router = suite("simulated cage: a router's limits");

router("a loop is cut", () => {
  const lone = new Lone(quickjs);
  lone.ask("L", scriptOf("for (;;) {}"));
  const answer = lone.ask("C", CALL) ?? "";
  assert.ok(answer.startsWith('E{"error":{"kind":"limit","message":"ran for more than 100 ms"'));
});

router("memory without end ends the process", () => {
  const lone = new Lone(quickjs);
  lone.ask("L", scriptOf("const all = []; for (;;) all.push(new Array(1000).fill(1));"));
  lone.ask("C", CALL);
  assert.equal(lone.deaths.map(({ status }) => status), [71]);
});

router.run();
