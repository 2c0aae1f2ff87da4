// adit among the peers: a gateway in b, a router in a whose own traffic all goes into the tunnel.

import { mkdirSync } from "node:fs";
import { gatewayConfig, makeIdentity, makeToken, startDaemon } from "../test/netns/lab/daemon.mjs";

const GATEWAY_ADDRESS = "10.99.0.2";
const TARGET = "10.64.0.1";

/** Starts both ends; the far end is the gateway's own address in its pool. */
export async function startAdit(dir) {
  const identity = makeIdentity(dir, "gateway");
  const token = makeToken(dir, "bench");
  const gateway = gatewayConfig({ dir: `${dir}/b`, identity, token, wan: "eth0", pool: 64 });
  gateway.client_reach = [`${TARGET}/32`];
  mkdirSync(`${dir}/a`);
  const router = {
    role: "router", tun_ifname: "wrt0", wan_ifname: "eth0", default_gateway: 1,
    vl_default: "far", api: { socket: `${dir}/a/adit.sock` },
    locations: [{ name: "far", type: "tls", token_file: token.file,
      peers: [{ endpoint: `${GATEWAY_ADDRESS}:443`, pin: identity.pin }] }],
  };
  const b = startDaemon("b", gateway);
  const a = startDaemon("a", router);
  return { target: TARGET, children: { a: [a.child], b: [b.child] } };
}
