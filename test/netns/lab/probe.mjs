// Probes: marked packets at a fixed rate from the devices, counted where a leak would show.

import { TOOLS } from "./daemon.mjs";
import { makeLab, startGateways } from "./lab.mjs";
import { nsRun, nsStart, stop, waitFor } from "./sh.mjs";
import { DEVICES, GATEWAYS, NET, STALE_NET, WEB, addressOf } from "./topology.mjs";

const PORT = 4000;
const LARGE_PORT = 4001;
const EXPIRING_PORT = 4002;
const GATEWAY_PORTS = [443, 4043];
const SOURCE_PORT_FIRST = 41000;
const ANSWER_MS_MAX = 5000;
/** Fits the tunnel, and no LAN that a test makes smaller. */
const LARGE_BYTES = 1400;
/** Through the gateway, and no farther than to the router. */
const EXPIRING_HOPS = 2;
/** Hosts from here on are nobody's. */
const NEW_HOST = 150;

/** One probe for each kind of rule and family; `flow` tells their packets apart. */
export const PROBES = [
  { flow: 1, rule: "mac", family: "v4", device: "phone", location: "us" },
  { flow: 2, rule: "mac", family: "v6", device: "phone", location: "us" },
  { flow: 3, rule: "address", family: "v4", device: "tv", location: "de" },
  { flow: 4, rule: "address", family: "v6", device: "tv", location: "de" },
  { flow: 5, rule: "interface", family: "v4", device: "guest", location: "us" },
  { flow: 6, rule: "interface", family: "v6", device: "guest", location: "us" },
];

/** A device that no rule names, which default-gateway mode protects. */
export const DEFAULT_PROBES = [
  { flow: 7, rule: "default", family: "v4", device: "laptop", location: "us" },
  { flow: 8, rule: "default", family: "v6", device: "laptop", location: "us" },
];

const FLOWS = [...PROBES, ...DEFAULT_PROBES].map(({ flow }) => flow);

/** The flow number of packets without a mark that bear an address from inside a tunnel. */
export const INNER_FLOW = 0;

const webTarget = (port) => (probe) => [{ address: WEB[probe.family], port, offset: 0 }];

/**
 * What the devices send: `targets` gives the destinations of a probe, `words` what probe-send is
 * told besides: kind, hops, source.
 */
export const TRAFFIC = {
  web: { targets: webTarget(PORT), words: () => [] },
  server: { targets: serverTargets, words: () => [] },
  ping: { targets: webTarget(PORT), words: () => ["ping"] },
  "large answers": { targets: webTarget(LARGE_PORT), words: () => [] },
  "expiring answers": { targets: webTarget(EXPIRING_PORT), words: () => [] },
  /** Packets that end at the router, from an address of a prefix that is not there any more. */
  "stale source": { targets: webTarget(PORT), words: ({ device, family }) =>
    ["udp", "1", addressOf(STALE_NET, DEVICES[device].host)[family]] },
  /** What no neighbour entry tells of yet. */
  "new addresses": { targets: webTarget(PORT), words: ({ device, family }) =>
    ["udp", "0", newAddressOf(device)[family]] },
  /** What no connection tracker knows, from the address that another location has in its tunnel. */
  "borrowed source": { targets: webTarget(PORT), words: ({ location, family }) =>
    ["pong", "0", innerAddress(location === "us" ? "de" : "us", family)] },
};

/** What a device of the LAN has besides once it was given it. */
export function newAddressOf(device) {
  return addressOf(NET.lan, NEW_HOST + DEVICES[device].host);
}

/** The address that the router's table says for a location, by its position in the lab's list. */
function innerAddress(location, family) {
  const bits = `0x0${1 + Object.keys(GATEWAYS).indexOf(location)}000000`;
  const map = nsRun("router", `nft list map inet adit snat${family.slice(1)}`);
  return new RegExp(`${bits} : ([0-9a-f.:]+)`).exec(map)[1];
}

/** The tunnel servers themselves, on two ports. */
function serverTargets(probe) {
  return Object.values(GATEWAYS).flatMap(({ host }, index) => GATEWAY_PORTS.map((port, second) => ({
    address: addressOf(NET.inet, host)[probe.family], port,
    offset: 1 + 2 * index + second,
  })));
}

/** Answers every probe, at the web host and at the gateways' own addresses. */
export async function startEchoes() {
  const gateways = Object.keys(GATEWAYS).flatMap((ns) => GATEWAY_PORTS.map((port) => [ns, port]));
  const web = [[PORT], [LARGE_PORT, LARGE_BYTES], [EXPIRING_PORT, 0, EXPIRING_HOPS]];
  for (const [ns, ...words] of [...web.map((each) => ["internet", ...each]), ...gateways]) {
    const child = nsStart(ns, [`${TOOLS}/probe-echo`, ...words.map(String)]);
    await waitFor(`probe-echo in ${ns}`, ANSWER_MS_MAX, () => child.text === "ready\n");
  }
}

/** A lab with gateways where probes are answered, and counted if they leave past all tunnels. */
export async function makeProbedLab() {
  const lab = await makeLab();
  await startEchoes();
  startGateways(lab);
  return { lab, outside: await startCounter("uplink", "w0") };
}

/** Starts all probes; `stop()` ends them and gives the packets sent by each flow. */
export function startProbes({ rate, seconds, traffic = TRAFFIC.web, probes = PROBES }) {
  const senders = probes.flatMap((probe) => {
    const targets = traffic.targets(probe);
    const share = Math.max(1, Math.round(rate / targets.length));
    return targets.map(({ address, port, offset }) => ({ probe, child: nsStart(probe.device, [
      `${TOOLS}/probe-send`, address, String(port),
      String(SOURCE_PORT_FIRST + 10 * probe.flow + offset), String(probe.flow), String(share),
      String(seconds), ...traffic.words(probe)]) }));
  });
  return { stop: () => stopProbes(senders) };
}

async function stopProbes(senders) {
  const sent = {};
  for (const { probe, child } of senders) {
    await stop(child);
    const words = await waitFor(`the count of probe-send of ${probe.device}`, ANSWER_MS_MAX,
      () => /sent (\d+) refused (\d+)/.exec(child.text));
    sent[probe.flow] = (sent[probe.flow] ?? 0) + Number(words[1]) + Number(words[2]);
  }
  return sent;
}

/** Starts counting probes, and packets with listed addresses, that arrive on an interface. */
export async function startCounter(ns, dev, prefixes = []) {
  const child = nsStart(ns, [`${TOOLS}/probe-count`, dev, ...prefixes]);
  const counter = {
    reset: () => ask(child, "reset"),
    read: async () => readCounts(await ask(child, "read"), `${ns} ${dev}`),
    stop: () => stop(child, "SIGKILL"),
  };
  await waitFor(`probe-count on ${dev}: ${child.text}`, ANSWER_MS_MAX,
    () => child.text.endsWith("\n"));
  return counter;
}

async function ask(child, command) {
  child.text = "";
  child.stdin.write(`${command}\n`);
  await waitFor(`an answer of probe-count to ${command}`, ANSWER_MS_MAX,
    () => child.text.endsWith("\n") || child.exitCode !== null);
  return JSON.parse(child.text);
}

// A counter that missed packets could hide a leak, so that is an error and no count at all.
function readCounts(answer, where) {
  if (answer.lost > 0) throw new Error(`probe-count at ${where} missed ${answer.lost} packets`);
  const counts = Object.fromEntries([INNER_FLOW, ...FLOWS].map((flow) =>
    [flow, { packets: 0, ms: 0 }]));
  for (const { flow, packets, first_us: first, last_us: last, sample } of answer.flows) {
    counts[flow] = { packets, ms: (last - first) / 1000, sample };
  }
  return counts;
}
