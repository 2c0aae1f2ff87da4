// A gateway that greets as it should and then sends tiny valid packets as fast as it is read, once
// it gets a line on standard input. Arguments: certificate, key, prefix of the inner addresses.

import { readFileSync } from "node:fs";
import { TYPE, control, frame, packet4, serve } from "./wire.mjs";

const [certFile, keyFile, pool] = process.argv.slice(2);
const PORT = 443;
const PACKETS = 4_096;

let floods = false;
let peers = [];

await serve({ cert: readFileSync(certFile), key: readFileSync(keyFile), port: PORT }, greet);
process.stdin.on("data", () => {
  floods = !floods;
  if (floods) peers.forEach(flood);
});
console.log("listens");

async function greet(peer) {
  const greeting = await peer.nextControl();
  if (greeting === undefined) return;
  peer.send(control({ v: 1, addr4: `${pool}.0.5/16`, mtu: 1_400, segments: true }));
  peers = [peer];
  if (floods) flood(peer);
}

function flood(peer) {
  const one = frame(TYPE.packet, packet4(`${pool}.0.1`, `${pool}.0.5`));
  const many = Buffer.concat(Array(PACKETS).fill(one));
  const more = () => {
    while (floods && !peer.ended && peer.socket.write(many));
    if (floods && !peer.ended) peer.socket.once("drain", more);
  };
  more();
}
