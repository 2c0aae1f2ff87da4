/** What a gateway's kernel should hold: the TUN with the pools, masquerading, client separation. */
import type { GatewayConfig } from "../model/config.js";
import type {
  Desired,
  DesiredFirewall,
  DesiredForward,
  DesiredListener,
} from "../model/desired.js";
import { desireNothing } from "../model/desired.js";
import { makePrefix, prefixLength } from "../model/ip.js";
import type { Prefix } from "../model/ip.js";
import type { Lease } from "../model/lease.js";
import { clientsMax } from "../model/limits.js";
import type { Observed } from "../model/observed.js";
import { gatewayOfPool } from "../model/pool.js";
import type { NftChain, NftRule } from "../render/nft.js";
import { renderTable } from "../render/nft.js";
import { reachChains } from "./gateway-reach.js";
import { whereIpv6Is } from "./ipv6.js";
import { forwardingSysctls } from "./sysctls.js";

const mtuDefault = 1_500;
const priorityRaw = -300;
const priorityMangle = -150;
const priorityGuard = -5;
const prioritySource = 100;

/** Pure: the same arguments give the same answer. */
export function desireGateway(
  config: GatewayConfig,
  observed: Observed,
  leases: readonly Lease[],
): Desired {
  const ifname = config.tunIfname;
  const sysctls = forwardingSysctls(config.wanIfname === "" ? [] : [config.wanIfname], observed);
  sysctls.set(`net/ipv4/conf/${ifname}/rp_filter`, "2");
  const desired = {
    tun: { name: ifname, offload: config.offload, mtu: config.tunMtu || mtuDefault },
    addresses: pools(config).map((pool) => ({
      ifname,
      prefix: makePrefix(gatewayOfPool(pool), prefixLength(pool)),
    })),
    routes: [],
    rules: [],
    firewall: gatewayFirewall(config),
    sysctls,
    forward: gatewayForward(config, leases),
    flows: undefined,
    listeners: config.listen.map((row) => listenerOf(row)),
  };
  return whereIpv6Is(ifname, desired, observed);
}

/** Nothing, or what keeps inner addresses and clients apart. */
export function desireGatewayStopped(
  config: GatewayConfig,
  observed: Observed,
  originals: ReadonlyMap<string, string>,
): Desired {
  const none = desireNothing(originals);
  const nothing = { ...none, forward: { ...none.forward, byDestination: true } };
  if (config.onStop === "restore") return nothing;
  const { firewall, sysctls } = desireGateway(config, observed, []);
  return { ...nothing, firewall, sysctls };
}

export function listenerOf({
  address,
  port,
  cert,
  key,
}: GatewayConfig["listen"][number]): DesiredListener {
  return { addr: address, port, certFile: cert, keyFile: key, sessionsMax: clientsMax };
}

function pools(config: GatewayConfig): Prefix[] {
  return [config.pool4, config.pool6].filter((pool) => pool !== "");
}

function gatewayForward(config: GatewayConfig, leases: readonly Lease[]): DesiredForward {
  const entries = leases.flatMap(({ slot, addr4, addr6 }) =>
    [addr4, addr6]
      .filter((address) => address !== "")
      .map((address) => ({ prefix: makePrefix(address), slot })),
  );
  return { byDestination: true, hairpin: config.clientToClient, entries };
}

function gatewayFirewall(config: GatewayConfig): DesiredFirewall {
  return renderTable({
    maps: [],
    chains: [
      spoofChain(config),
      separationChain(config),
      ...reachChains(config),
      clampChain(config),
      ...(config.nat ? [natChain(config)] : []),
    ],
    elements: [],
  });
}

function field(pool: Prefix): string {
  return pool.includes(":") ? "ip6" : "ip";
}

/** Inner addresses have no business on the outside: neither as a source nor as a destination. */
function spoofChain(config: GatewayConfig): NftChain {
  const outside = `iifname != { "lo", "${config.tunIfname}" }`;
  const why = "inner address from outside";
  return {
    name: "shield",
    hook: { type: "filter", hook: "prerouting", priority: priorityRaw },
    rules: pools(config).map((pool) => ({
      text: `${outside} ${field(pool)} saddr ${pool} drop`,
      why,
    })),
  };
}

function separationChain({ tunIfname, clientToClient }: GatewayConfig): NftChain {
  const between = `iifname "${tunIfname}" oifname "${tunIfname}"`;
  const rules: NftRule[] = clientToClient
    ? []
    : [{ text: `${between} counter drop`, why: "clients do not reach each other" }];
  return {
    name: "guard",
    hook: { type: "filter", hook: "forward", priority: priorityGuard },
    rules,
  };
}

function clampChain({ tunIfname }: GatewayConfig): NftChain {
  const syn = "tcp flags syn / syn,rst tcp option maxseg size set rt mtu";
  const why = "segments fit the tunnel";
  return {
    name: "clamp",
    hook: { type: "filter", hook: "forward", priority: priorityMangle },
    rules: [
      { text: `oifname "${tunIfname}" ${syn}`, why },
      { text: `iifname "${tunIfname}" ${syn}`, why },
    ],
  };
}

function natChain(config: GatewayConfig): NftChain {
  const { tunIfname, wanIfname } = config;
  const outward = wanIfname === "" ? `oifname != "${tunIfname}"` : `oifname "${wanIfname}"`;
  return {
    name: "nat",
    hook: { type: "nat", hook: "postrouting", priority: prioritySource },
    rules: pools(config).map((pool) => ({
      text: `${field(pool)} saddr ${pool} ${outward} masquerade`,
      why: "clients share the gateway's address",
    })),
  };
}
