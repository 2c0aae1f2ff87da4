/**
 * What runtime/contract.json promises, as checks on any mover. Each begins where the one before
 * ended: it removes what it made.
 */
import * as assert from "uvu/assert";
import type { DeciderMessage, MoverMessage } from "../../ts/host/contract.gen.js";
import type { RuleSet } from "./messages.js";
import { routeSet, ruleSet, TABLE_SCRIPT } from "./messages.js";
import { canonicalTable, dumpOf, observe, observeTable } from "./observe.js";
import type { Target } from "./target.js";
import { applyScript, askOne, errorOf, FOREIGN_PROTOCOL, listTable, waitFor } from "./target.js";

export interface Check {
  readonly name: string;
  run(target: Target): Promise<void>;
}

const TUN = "wrt0";
const EPERM = -1;
const ENOENT = -2;
const EEXIST = -17;
const ENODEV = -19;
const EINVAL = -22;
const ENETDOWN = -100;
const METRIC_LAST = 4_294_967_295;

/** A check that ends with the state it began with. */
function neutral(name: string, run: (target: Target) => Promise<void>): Check {
  return {
    name,
    async run(target) {
      const before = `${await observe(target)}\n${await observeTable(target)}`;
      await run(target);
      const after = `${await observe(target)}\n${await observeTable(target)}`;
      assert.is(after, before, "the check leaves the kernel as it was");
    },
  };
}

async function expectError(target: Target, message: DeciderMessage, error: number): Promise<void> {
  assert.is(await errorOf(target, message), error, JSON.stringify(message));
}

async function expectTwice(target: Target, message: DeciderMessage): Promise<void> {
  await expectError(target, message, 0);
  await expectError(target, message, 0);
}

const routes: readonly Check[] = [
  neutral("routes: adding what exists and removing what is gone succeed", async (target) => {
    for (const dst of ["10.9.0.0/16", "fd09::/64"]) {
      const scope = dst.includes(":") ? 0 : 253;
      await expectTwice(target, routeSet({ dst, scope }));
      await expectTwice(target, routeSet({ dst, scope, remove: true }));
    }
  }),
  neutral("routes: unreachable defaults of both families", async (target) => {
    for (const dst of ["0.0.0.0/0", "::/0"]) {
      const last = { dst, oif: "", kind: 7, scope: 0, metric: METRIC_LAST };
      await expectTwice(target, routeSet(last));
      const text = await observe(target);
      assert.match(text, `route table 47 kind 7 ${dst}`);
      await expectTwice(target, routeSet({ ...last, remove: true }));
    }
  }),
  neutral("routes: a foreign one is neither replaced nor removed", async (target) => {
    for (const dst of ["10.9.0.0/16", "fd09::/64"]) {
      const route = { dst, table: 47, oif: "eth1", metric: 1_000 };
      const scope = dst.includes(":") ? 0 : 253;
      target.foreign({ kind: "route", remove: false, route });
      const before = await observe(target);
      assert.match(before, `proto ${FOREIGN_PROTOCOL}`);
      await expectError(target, routeSet({ dst, scope, oif: "br-lan" }), EEXIST);
      await expectError(target, routeSet({ dst, scope, remove: true }), 0);
      assert.is(await observe(target), before);
      target.foreign({ kind: "route", remove: true, route });
    }
  }),
  neutral("routes: an outdated one of ours is replaced", async (target) => {
    await expectError(target, routeSet({}), 0);
    await expectError(target, routeSet({ oif: "br-lan" }), 0);
    const all = (await observe(target)).split("\n");
    const lines = all.filter((line) => line.includes("10.9.0.0/16"));
    assert.is(lines.length, 1);
    assert.match(lines[0] ?? "", "dev br-lan");
    await expectError(target, routeSet({ oif: "br-lan", remove: true }), 0);
  }),
  neutral("routes: wrong arguments are refused", async (target) => {
    await expectError(target, routeSet({ table: 255 }), EINVAL);
    await expectError(target, routeSet({ dst: "10.9.0.1/16" }), EINVAL);
    await expectError(target, routeSet({ kind: 3 }), EINVAL);
    await expectError(target, routeSet({ kind: 7 }), EINVAL);
    await expectError(target, routeSet({ oif: "" }), EINVAL);
    await expectError(target, routeSet({ gateway: "fd00::1" }), EINVAL);
    await expectError(target, routeSet({ scope: 200 }), EINVAL);
    await expectError(target, routeSet({ oif: "nowhere0" }), ENODEV);
    await expectError(target, routeSet({ oif: "nowhere0", remove: true }), 0);
  }),
];

const rules: readonly Check[] = [
  neutral("rules: adding what exists and removing what is gone succeed", async (target) => {
    const wanted: Partial<RuleSet>[] = [
      {},
      { family: 6, src: "fd09::1/128" },
      { priority: 10, src: "", fwmark: 8, fwmask: 8 },
      { priority: 8, src: "", fwmark: 0x7f000000, fwmask: 0x7f000000, table: 254 },
      { priority: 200, src: "", iif: "br-lan" },
    ];
    for (const changes of wanted) await expectTwice(target, ruleSet(changes));
    for (const changes of wanted) await expectTwice(target, ruleSet({ ...changes, remove: true }));
  }),
  neutral("rules: a wider one does not hide a narrower, nor goes with it", async (target) => {
    await expectError(target, ruleSet({}), 0);
    await expectError(target, ruleSet({ src: "", remove: true }), 0);
    assert.match(await observe(target), "rule 4 20: from 10.9.0.1/32");
    await expectTwice(target, ruleSet({ src: "" }));
    await expectError(target, ruleSet({ remove: true }), 0);
    assert.match(await observe(target), "rule 4 20: from all");
    await expectTwice(target, ruleSet({ src: "", remove: true }));
  }),
  neutral("rules: a foreign one of the same content stays", async (target) => {
    const rule = { family: 4, priority: 20, src: "10.9.0.1/32", table: 47 } as const;
    target.foreign({ kind: "rule", remove: false, rule });
    const before = await observe(target);
    await expectTwice(target, ruleSet({}));
    await expectTwice(target, ruleSet({ remove: true }));
    assert.is(await observe(target), before);
    target.foreign({ kind: "rule", remove: true, rule });
  }),
  neutral("rules: wrong arguments are refused", async (target) => {
    await expectError(target, ruleSet({ priority: 7 }), EINVAL);
    await expectError(target, ruleSet({ priority: 256 }), EINVAL);
    await expectError(target, ruleSet({ family: 5 }), EINVAL);
    await expectError(target, ruleSet({ src: "fd09::1/128" }), EINVAL);
    await expectError(target, ruleSet({ src: "10.9.0.1/16" }), EINVAL);
    await expectError(target, ruleSet({ action: 6 }), EINVAL);
    await expectError(target, ruleSet({ table: 253 }), EINVAL);
    const onward = { action: 2, priority: 20, iif: "lo", src: "" } as const;
    await expectError(target, ruleSet({ ...onward, table: 20 }), EINVAL);
    await expectError(target, ruleSet({ ...onward, table: 32_766 }), EINVAL);
    await expectError(target, ruleSet({ fwmark: 9, fwmask: 8 }), EINVAL);
  }),
];

const tun: readonly Check[] = [
  neutral("tun: opens once, carries addresses and routes, and takes them along", async (target) => {
    const open: DeciderMessage = { type: "tun_open", name: TUN, offload: false };
    const first = await askOne(target, open, "tun_opened");
    assert.is(first.error, 0);
    assert.is((await askOne(target, open, "tun_opened")).index, first.index);
    await expectError(target, routeSet({ oif: TUN }), ENETDOWN);
    const up = { type: "link_set", name: TUN, up: true, mtu: 1_400 } as const;
    await expectTwice(target, up);
    for (const prefix of ["100.73.0.73/32", "10.64.0.5/16", "fd00:64::5/64"]) {
      await expectTwice(target, { type: "address_set", remove: false, name: TUN, prefix });
    }
    await expectTwice(target, routeSet({ oif: TUN, dst: "0.0.0.0/0" }));
    const text = await observe(target);
    for (const line of [`link ${TUN} up 1 mtu 1400`, "10.64.0.0/16 dev wrt0", "fd00:64::/64 dev"]) {
      assert.match(text, line);
    }
    await expectError(target, { type: "tun_close" }, 0);
  }),
  neutral("tun: another name while one is open, and bad names", async (target) => {
    const open = async (name: string): Promise<number> =>
      (await askOne(target, { type: "tun_open", name, offload: false }, "tun_opened")).error;
    assert.is(await open("bad/name"), EINVAL);
    assert.is(await open("eth1") < 0, true);
    assert.is(await open(TUN), 0);
    assert.is(await open("wrt1"), -16);
    await expectError(target, { type: "tun_close" }, 0);
  }),
  neutral("tun: links and addresses of others are not touched", async (target) => {
    await expectError(target, { type: "link_set", name: "eth1", up: false, mtu: 0 }, EPERM);
    const prefix = "10.9.9.9/24";
    await expectError(target, { type: "address_set", remove: false, name: "eth1", prefix }, EPERM);
  }),
  neutral("tun: IPv4 routes that vanish in silence are told by a new dump", async (target) => {
    await askOne(target, { type: "tun_open", name: TUN, offload: false }, "tun_opened");
    await expectError(target, { type: "link_set", name: TUN, up: true, mtu: 0 }, 0);
    await expectError(target, routeSet({ oif: TUN }), 0);
    await dumpOf(target);
    await expectError(target, { type: "link_set", name: TUN, up: false, mtu: 0 }, 0);
    const told = await waitFor(target, (news) => news.some(({ type }) => type === "dump_end"));
    const types = told.map(({ type }) => type);
    assert.ok(types.includes("dump_begin") && types.includes("dump_end"), types.join(" "));
    await expectError(target, { type: "tun_close" }, 0);
  }),
];

const firewall: readonly Check[] = [
  neutral("nft: a table goes in and comes back as nft prints it", async (target) => {
    assert.is(await listTable(target), undefined);
    assert.is(await applyScript(target, TABLE_SCRIPT), 0);
    const text = canonicalTable((await listTable(target)) ?? "");
    for (const part of ['"type":"ether_addr"', '"goto":{"target":"loc_1"}', '"prio":-150']) {
      assert.match(text.replaceAll("\\", ""), part);
    }
    assert.is(await applyScript(target, "delete table inet adit\n"), 0);
  }),
  neutral("nft: a transaction is taken as a whole or not at all", async (target) => {
    assert.is(await applyScript(target, TABLE_SCRIPT), 0);
    const before = await observeTable(target);
    const bad = [
      "delete element inet adit mac_mark { 02:00:00:00:00:09 }\n",
      "add element inet adit mac_mark { 02:00:00:00:00:01 : goto blocked }\n",
      "add element inet adit own6 { 10.0.0.1 }\n",
      "add element inet adit nothing { 10.0.0.1 }\n",
      "delete chain inet adit nothing\n",
      "table inet adit { chain mark { } }\n",
      "table inet adit { chain x { accept drop\n",
    ];
    const good = "add element inet adit mac_mark { 02:00:00:00:00:05 : goto blocked }\n";
    for (const script of bad) {
      assert.ok((await applyScript(target, good + script)) < 0, script);
      assert.is(await observeTable(target), before, script);
    }
    assert.is(await applyScript(target, "delete table inet adit\n"), 0);
  }),
  neutral("nft: an element moves in one transaction, in parts of a message", async (target) => {
    assert.is(await applyScript(target, TABLE_SCRIPT), 0);
    const removal = "delete element inet adit mac_mark { 02:00:00:00:00:01 }\n";
    const addition = "add element inet adit mac_mark { 02:00:00:00:00:01 : goto blocked }\n";
    const first = { type: "nft_apply", last: false, script: Buffer.from(removal) } as const;
    await expectError(target, first, 0);
    assert.is(await applyScript(target, addition), 0);
    const list = await listTable(target);
    assert.not.match(list ?? "", /"02:00:00:00:00:01", \{"goto": \{"target": "loc_1"/);
    assert.is(await applyScript(target, "delete table inet adit\n"), 0);
  }),
  neutral("nft: only table inet adit, and nothing from elsewhere", async (target) => {
    const scripts = [
      "flush ruleset\n",
      "add table inet other\n",
      "delete table ip adit\n",
      "list ruleset\n",
      'include "/etc/hostname"\n',
      "table inet adit { }\ntable ip filter { }\n",
    ];
    for (const script of scripts) {
      assert.is(await applyScript(target, script), EPERM, script);
    }
  }),
  neutral("nft: a change by others is told", async (target) => {
    assert.is(await applyScript(target, TABLE_SCRIPT), 0);
    await dumpOf(target);
    target.foreign({ kind: "flush ruleset" });
    const isChange = ({ type }: MoverMessage): boolean => type === "nft_changed";
    assert.ok((await waitFor(target, (news) => news.some(isChange))).some(isChange));
    const [answer] = await target.ask({ type: "nft_list" });
    assert.is(answer?.type === "nft_text" ? answer.error : 0, ENOENT);
  }),
];

const others: readonly Check[] = [
  neutral("watch: a dump is framed, and what follows are changes", async (target) => {
    target.takeNews();
    await target.ask({ type: "watch" });
    const told = await waitFor(target, (news) => news.some(({ type }) => type === "dump_end"));
    const types = told.map(({ type }) => type);
    assert.is(types[0], "dump_begin");
    assert.is(types.filter((type) => type === "dump_begin").length, 1);
    assert.ok(types.indexOf("link") < types.indexOf("address"));
    assert.ok(types.indexOf("address") < types.indexOf("route"));
    assert.ok(types.indexOf("route") < types.indexOf("rule"));
    assert.ok(types.includes("dump_end"));
  }),
  neutral("watch: a foreign rule and a neighbour are told at once", async (target) => {
    await dumpOf(target);
    const rule = { family: 4, priority: 900, src: "10.9.0.0/16", table: 100 } as const;
    target.foreign({ kind: "rule", remove: false, rule });
    const mac = "02:00:00:00:00:77";
    target.foreign({ kind: "neighbour", name: "br-lan", addr: "192.168.1.77", mac });
    const isRule = (item: MoverMessage): boolean => item.type === "rule" && item.priority === 900;
    const isDevice = (item: MoverMessage): boolean => item.type === "neighbour" && item.mac === mac;
    const both = (news: readonly MoverMessage[]): boolean =>
      news.some(isRule) && news.some(isDevice);
    assert.ok(both(await waitFor(target, both)));
    target.foreign({ kind: "rule", remove: true, rule });
    const isGone = (item: MoverMessage): boolean => item.type === "rule" && item.deleted;
    assert.ok((await waitFor(target, (news) => news.some(isGone))).some(isGone));
  }),
  neutral("files: only where they belong, replaced as a whole", async (target) => {
    const path = `${target.runDir}/state.json`;
    const write = {
      type: "file_write", path, mode: 0o600, offset: 0, last: true, data: Buffer.from("one"),
    } as const;
    await expectError(target, write, 0);
    await expectError(target, { ...write, data: Buffer.from("two") }, 0);
    const read = await askOne(target, { type: "file_read", path, offset: 1 }, "file_data");
    assert.equal([read.error, read.total, Buffer.from(read.data).toString()], [0, 3, "wo"]);
    assert.equal([read.mode, read.owner], [0o600, 0]);
    await expectTwice(target, { type: "file_remove", path });
    const gone = await askOne(target, { type: "file_read", path, offset: 0 }, "file_data");
    assert.is(gone.error, ENOENT);
    for (const bad of ["/etc/passwd", `${target.runDir}/../etc/x`, `${target.runDir}//x`, ""]) {
      await expectError(target, { ...write, path: bad }, EPERM);
      await expectError(target, { type: "file_remove", path: bad }, EPERM);
      const answer = await askOne(target, { type: "file_read", path: bad, offset: 0 }, "file_data");
      assert.is(answer.error, EPERM, bad);
    }
    const config = `${target.configDir}/adit.json`;
    await expectError(target, { type: "file_remove", path: config }, EPERM);
    await expectError(target, { ...write, path: config }, EPERM);
    await expectError(target, { ...write, path: `${target.configDir}/beside` }, EPERM);
  }),
  neutral("sysctl: reads its part, writes its list", async (target) => {
    const get = async (key: string): Promise<{ error: number; value: string }> =>
      await askOne(target, { type: "sysctl_get", key }, "sysctl_value");
    const key = "net/ipv4/conf/eth1/arp_ignore";
    const before = (await get(key)).value;
    await expectError(target, { type: "sysctl_set", key, value: "2" }, 0);
    assert.is((await get(key)).value, "2");
    await expectError(target, { type: "sysctl_set", key, value: before }, 0);
    assert.is((await get("net/ipv4/conf/nowhere0/arp_ignore")).error, ENOENT);
    assert.is((await get("kernel/hostname")).error, EPERM);
    assert.is((await get("net/ipv4/../../kernel/hostname")).error, EPERM);
    await expectError(target, { type: "sysctl_set", key: "kernel/hostname", value: "1" }, EPERM);
    await expectError(target, { type: "sysctl_set", key, value: "two" }, EPERM);
  }),
  neutral("tunnels: bad arguments and unknown sessions", async (target) => {
    const open = {
      type: "session_open", name: "us", slot: 1, peer: "203.0.113.9", port: 443, mark: 0,
      device: "", serverName: "", pins: [{ digest: new Uint8Array(32) }], caFile: "",
      greeting: Buffer.from("{}"), connectMs: 500, keepaliveMs: 1_000,
    } as const;
    for (const changes of [{ slot: 0 }, { port: 0 }, { peer: "" }, { pins: [] }]) {
      const answer = await askOne(target, { ...open, ...changes }, "session_opened");
      assert.is(answer.error, EINVAL, JSON.stringify(changes));
    }
    const session = 4_000_000;
    await expectError(target, { type: "session_close", session, reason: "" }, ENOENT);
    await expectError(target, { type: "session_send", session, data: Buffer.from("x") }, ENOENT);
    await expectError(target, { type: "unlisten", addr: "::", port: 4_430 }, ENOENT);
    const entries = [{ prefix: "10.64.0.5/32", slot: 0 }];
    const forward = { type: "forward_set", byDestination: false, hairpin: false } as const;
    await expectError(target, { ...forward, entries }, EINVAL);
    await expectError(target, { ...forward, entries: [{ prefix: "10.64.0.5/32", slot: 1 }] }, 0);
    await expectError(target, { ...forward, entries: [] }, 0);
  }),
  neutral("sockets: API listeners and resolvers", async (target) => {
    const listen = { type: "listen_unix", path: `${target.runDir}/api.sock`, mode: 0o600 } as const;
    await expectError(target, listen, 0);
    await expectError(target, { type: "file_remove", path: listen.path }, 0);
    await expectError(target, listen, 0);
    await expectError(target, { ...listen, path: "/tmp/../api.sock" }, EPERM);
    await expectError(target, { type: "listen_tcp", addr: "127.0.0.1", port: 80 }, EINVAL);
    const way = { mark: 0x7f000000, device: "" };
    const socket = { type: "connect_udp", addr: "203.0.113.1", ...way } as const;
    await expectError(target, { ...socket, port: 53 }, 0);
    await expectError(target, { ...socket, port: 54 }, EINVAL);
  }),
  neutral("conntrack and counters answer", async (target) => {
    const lists = { tunnels: [], aside: [], past: [] };
    const rows = [{ source: "192.168.1.10/32", place: 0xffff }];
    for (const last of [false, true]) {
      const message = { type: "conntrack_delete", last, ...lists, rows } as const;
      const deleted = await askOne(target, message, "conntrack_deleted");
      assert.equal([deleted.error, deleted.count], [0, 0]);
    }
    const stats = await askOne(target, { type: "stats_get" }, "stats");
    assert.is(stats.sessions.length, 0);
  }),
];

export const checks: readonly Check[] = [...routes, ...rules, ...tun, ...firewall, ...others];
