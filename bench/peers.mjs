// The tunnels that are compared, one row each. A row starts its tunnel between the namespaces `a`
// (client, 10.99.0.1) and `b` (server, 10.99.0.2) and returns the address of b's end inside the
// tunnel and the children whose CPU time and memory count. The rows say which settings they use.

import { mkdirSync, writeFileSync } from "node:fs";
import { nsIp, nsRun, nsStart, nsTry, run, tryRun, waitFor } from "../test/netns/lab/sh.mjs";
import { startAdit } from "./peer-adit.mjs";

const OUTER = { a: "10.99.0.1", b: "10.99.0.2" };
const INNER = { a: "10.98.0.1", b: "10.98.0.2" };
const SIDES = ["a", "b"];
const OTHER = { a: "b", b: "a" };
const PORT = 5555;
const UP_MS_MAX = 15_000;

/**
 * name, the settings used, the command needed, the command that tells the version, and
 * `start(dir) -> {target, children}`.
 */
export const PEERS = [
  { name: "bare", settings: "veth pair, MTU 1500, default offloads", needs: "ip",
    version: ["ip", "-V"], start: startBare },
  { name: "adit", settings: "TLS 1.3 over TCP, TUN with offload", needs: "build/aditd",
    version: ["build/aditd", "--version"], start: startAdit },
  { name: "openvpn-udp", settings: "TLS mode, AES-256-GCM, no DCO, socket buffers of the system",
    needs: "openvpn", version: ["openvpn", "--version"],
    start: (dir) => startOpenvpn(dir, "udp") },
  { name: "openvpn-tcp", settings: "as openvpn-udp, over TCP with TCP_NODELAY",
    needs: "openvpn", version: ["openvpn", "--version"],
    start: (dir) => startOpenvpn(dir, "tcp") },
  { name: "fastd", settings: "salsa2012+umac, TUN mode, MTU 1406", needs: "fastd",
    version: ["fastd", "--version"], start: startFastd },
  { name: "tinc", settings: "1.0 router mode, default cipher and digest, no compression",
    needs: "tincd", version: ["tincd", "--version"], start: startTinc },
  { name: "wireguard-go", settings: "ChaCha20-Poly1305, MTU 1420", needs: "wireguard-go",
    version: ["wireguard-go", "--version"], start: startWireguardGo },
];

/** True when the program of a row is there. */
export function isPresent(peer) {
  return tryRun(["sh", "-c", `command -v ${peer.needs}`]).status === 0;
}

/** Waits until b answers a ping through the tunnel. */
export function waitReachable(target) {
  return waitFor(`a ping answer from ${target}`, UP_MS_MAX,
    () => nsTry("a", ["ping", "-c", "1", "-W", "1", "-q", target]).status === 0);
}

async function startBare() {
  return { target: OUTER.b, children: { a: [], b: [] } };
}

function launch(commandOf) {
  const children = {};
  for (const side of [...SIDES].reverse()) children[side] = [nsStart(side, commandOf(side))];
  return children;
}

async function startOpenvpn(dir, transport) {
  for (const side of SIDES) makeCertificate(dir, side);
  const children = launch((side) => openvpnCommand(dir, side, transport));
  return { target: INNER.b, children };
}

function openvpnCommand(dir, side, transport) {
  const isServer = side === "b";
  const proto = transport === "udp" ? "udp4" : isServer ? "tcp4-server" : "tcp4-client";
  const words = ["openvpn", "--dev", "tun0", "--dev-type", "tun", "--proto", proto, "--disable-dco",
    "--ifconfig", INNER[side], INNER[OTHER[side]], "--cert", `${dir}/${side}.crt`,
    "--key", `${dir}/${side}.key`, "--ca", `${dir}/ca.crt`, "--data-ciphers", "AES-256-GCM",
    "--cipher", "AES-256-GCM", "--auth", "SHA256", "--sndbuf", "0", "--rcvbuf", "0",
    "--txqueuelen", "1000", "--verb", "2", "--lport", String(PORT), "--rport", String(PORT)];
  if (transport === "tcp") words.push("--socket-flags", "TCP_NODELAY");
  if (isServer) return [...words, "--tls-server", "--dh", "none"];
  const remote = [...words, "--tls-client", "--remote", OUTER.b];
  return transport === "tcp" ? [...remote, "--connect-retry", "1"] : remote;
}

function makeCertificate(dir, name) {
  const key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
    "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-keyout", `${dir}/${name}.key`];
  run([...key, "-out", `${dir}/${name}.crt`]);
  const both = SIDES.map((side) => tryRun(["cat", `${dir}/${side}.crt`]).stdout).join("");
  writeFileSync(`${dir}/ca.crt`, both);
}

async function startFastd(dir) {
  const keys = Object.fromEntries(SIDES.map((side) => [side, fastdKey()]));
  const command = (side) => {
    const remote = side === "a" ? `remote ${OUTER.b}:${PORT};` : "";
    const conf = [`log level info;`, `mode tun;`, `interface "tun0";`, `mtu 1406;`,
      `method "salsa2012+umac";`, `bind ${OUTER[side]}:${PORT};`, `secret "${keys[side].secret}";`,
      `peer "far" { key "${keys[OTHER[side]].public}"; ${remote} }`,
      `on up "ip addr add ${INNER[side]} peer ${INNER[OTHER[side]]} dev tun0;`,
      `  ip link set tun0 up";`];
    writeFileSync(`${dir}/fastd-${side}.conf`, `${conf.join("\n")}\n`);
    return ["fastd", "-c", `${dir}/fastd-${side}.conf`];
  };
  return { target: INNER.b, children: launch(command) };
}

function fastdKey() {
  const text = run("fastd --generate-key");
  const [, secret] = /Secret: ([0-9a-f]{64})/.exec(text);
  return { secret, public: /Public: ([0-9a-f]{64})/.exec(text)[1] };
}

async function startTinc(dir) {
  for (const side of SIDES) writeTincConfig(`${dir}/${side}`, side);
  for (const side of SIDES) run(["tincd", "-c", `${dir}/${side}`, "-K2048"], { input: "\n\n\n\n" });
  for (const side of SIDES) {
    run(["cp", `${dir}/${side}/hosts/${side}`, `${dir}/${OTHER[side]}/hosts/${side}`]);
  }
  const command = (side) =>
    ["tincd", "-c", `${dir}/${side}`, "-D", `--pidfile=${dir}/${side}.pid`];
  return { target: INNER.b, children: launch(command) };
}

function writeTincConfig(dir, side) {
  mkdirSync(`${dir}/hosts`, { recursive: true });
  const connect = side === "a" ? "ConnectTo = b\n" : "";
  writeFileSync(`${dir}/tinc.conf`,
    `Name = ${side}\nMode = router\nInterface = tun0\nAddressFamily = ipv4\n${connect}`);
  writeFileSync(`${dir}/hosts/${side}`,
    `Address = ${OUTER[side]}\nPort = ${PORT}\nSubnet = ${INNER[side]}/32\n`);
  const up = `#!/bin/sh\nip addr add ${INNER[side]}/24 dev tun0\nip link set tun0 up\n`;
  writeFileSync(`${dir}/tinc-up`, up, { mode: 0o755 });
}

async function startWireguardGo(dir) {
  const keys = {};
  for (const side of SIDES) {
    const secret = run("wg genkey");
    writeFileSync(`${dir}/${side}.key`, secret);
    keys[side] = run("wg pubkey", { input: secret }).trim();
  }
  // The control sockets of both ends share one folder, so the interfaces need different names.
  const children = launch((side) => ["wireguard-go", "-f", `wg-${side}`]);
  for (const side of SIDES) {
    const dev = `wg-${side}`;
    await waitFor(dev, UP_MS_MAX, () => nsTry(side, ["wg", "show", dev]).status === 0);
    nsRun(side, ["wg", "set", dev, "private-key", `${dir}/${side}.key`, "listen-port",
      String(PORT), "peer", keys[OTHER[side]], "allowed-ips", `${INNER[OTHER[side]]}/32`,
      "endpoint", `${OUTER[OTHER[side]]}:${PORT}`]);
    nsIp(side, [`addr add ${INNER[side]}/24 dev ${dev}`, `link set ${dev} mtu 1420 up`]);
  }
  return { target: INNER.b, children };
}
