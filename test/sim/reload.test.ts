/**
 * The configuration file against rules that were made at run time. Goal: of what a user said of the
 * same device in both places, the later word holds, and a crash does not turn that round.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { callApi } from "../../runtime/sim/api-client.js";
import { errno } from "../../runtime/sim/constants.js";
import { loadEngine } from "../../runtime/sim/run.js";
import { Household } from "./household.js";

const SIGHUP = 1;
const RELOAD_MS = 2_000;

const test = suite("sim: reload");
const engine = await loadEngine("node");

class Home extends Household {
  readonly #file = this.machine.files.configPath;
  readonly phone = this.devices[0]?.mac ?? "";
  readonly tv = this.devices[1]?.mac ?? "";

  constructor() {
    super(engine);
    this.boot();
  }

  /** The file with these keys changed, read by SIGHUP. */
  save(changes: object): void {
    const text = Buffer.from(this.machine.files.get(this.#file)?.data ?? []).toString();
    const config = { ...(JSON.parse(text) as object), ...changes };
    this.machine.files.put(this.#file, Buffer.from(JSON.stringify(config)));
    this.machine.signal(SIGHUP);
    this.run(RELOAD_MS);
  }

  rules(...rules: readonly (readonly [mac: string, vl: string])[]): void {
    this.save({ protected_mac_addrs: rules.map(([mac_addr, vl]) => ({ mac_addr, vl })) });
  }

  click(vl: string | undefined, status = 200): string {
    const path = vl === undefined ? "/v1/unprotect" : "/v1/protect";
    const answer = this.ask("POST", path, { kind: "mac", subject: this.phone.toUpperCase(), vl });
    assert.is(answer.status, status, answer.body);
    return answer.body;
  }

  way(): string | undefined {
    return this.ways().get(this.phone);
  }
}

test("a rule that is saved after the device lost its own one holds", () => {
  const home = new Home();
  home.click("us");
  home.click(undefined);
  assert.is(home.way(), "unmanaged");
  home.rules([home.phone, "de"]);
  assert.is(home.way(), "de");
});

test("a rule that is saved after a click holds, also for the decider's successor", () => {
  const home = new Home();
  home.click("us");
  home.rules([home.phone, "de"]);
  assert.is(home.way(), "de");
  home.machine.killDecider("killed: signal 9");
  home.run(RELOAD_MS);
  assert.is(home.way(), "de");
  home.click("us");
  assert.is(home.way(), "us");
});

test("what is saved of others leaves a click alone", () => {
  const home = new Home();
  home.rules([home.phone, "de"]);
  home.click(undefined);
  home.rules([home.phone, "de"], [home.tv, "us"]);
  assert.is(home.way(), "unmanaged");
  assert.is(home.ways().get(home.tv), "us");
  home.rules([home.phone, "us"]);
  assert.is(home.way(), "us");
});

test("a file that is not taken ends nothing", () => {
  const home = new Home();
  home.click("us");
  home.save({ protected_mac_addrs: [{ mac_addr: home.phone, vl: "atlantis" }] });
  assert.is(home.way(), "us");
  const lines = home.machine.logLines().join("\n");
  const at = lines.indexOf(`${home.machine.files.configPath}: protected_mac_addrs[0].vl: expected`);
  assert.ok(at > 0 && lines.indexOf("the old configuration stays") > at, lines);
});

test("a file whose socket cannot be made is refused, and the socket in use stays", () => {
  const home = new Home();
  const taken = "/var/run/adit/taken.sock";
  home.machine.descriptors.listenUnix(taken);
  const rules = { protected_mac_addrs: [{ mac_addr: home.phone, vl: "de" }] };
  home.save({ ...rules, api: { socket: taken } });
  assert.match(home.machine.logLines().join("\n"), /api\.socket: expected a path where a socket/);
  assert.is(home.way(), "unmanaged");
  home.save({ ...rules, api: { mode: "0600" } });
  assert.is(home.way(), "de");
});

test("a file of another role is not taken, and nothing is compared with it", () => {
  const home = new Home();
  home.click("us");
  home.save({
    role: "gateway",
    listen: [{ address: "[::]:443", cert: "/etc/adit/gw.crt", key: "/etc/adit/gw.key" }],
    clients: [{ name: "home", token_sha256: "ab".repeat(32) }],
  });
  assert.is(home.way(), "us");
  const lines = home.machine.logLines().join("\n");
  assert.match(lines, /role: expected router as before; .* restart/, lines);
  const gone = { listen: undefined, clients: undefined };
  const rules = [{ mac_addr: home.phone, vl: "de" }];
  home.save({ ...gone, role: "router", protected_mac_addrs: rules });
  assert.is(home.way(), "de");
});

test("a rule that cannot be written is refused and changes nothing, also for the next one", () => {
  const home = new Home();
  home.click("us");
  home.machine.files.writeError = -errno.ENOSPC;
  assert.match(home.click("de", 507), /nothing is changed, .* not be kept: .*no space/);
  assert.is(home.way(), "us");
  home.machine.killDecider("killed: signal 9");
  home.machine.files.writeError = 0;
  home.run(RELOAD_MS);
  assert.is(home.way(), "us");
  home.click("de");
  assert.is(home.way(), "de");
});

test("a file is not taken while it cannot be written down which clicks it ends", () => {
  const home = new Home();
  home.click("direct");
  home.machine.files.writeError = -errno.ENOSPC;
  home.rules([home.phone, "us"]);
  const lines = home.machine.logLines().join("\n");
  assert.match(lines, /expected room to write down which rules/);
  home.machine.files.writeError = 0;
  home.machine.signal(SIGHUP);
  home.run(RELOAD_MS);
  home.machine.killDecider("killed: signal 9");
  home.run(RELOAD_MS);
  assert.is(home.way(), "us");
});

test("a decider that has not seen the kernel says so, and not that nothing is to do", () => {
  const home = new Home();
  home.machine.killDecider("killed: signal 9");
  const told: string[] = [];
  const look = (): void => {
    callApi(home.machine, "GET", "/v1/plan", undefined, ({ status, body }) => {
      if (status !== 0) told.push(`${status} ${body}`);
    });
  };
  for (let waited = 0; waited < RELOAD_MS; waited++) {
    look();
    home.run(1);
  }
  assert.match(told[0] ?? "", /^409 .*not known yet/);
  assert.is(told.at(-1), '200 {"operations":[]}\n');
});

test.run();
