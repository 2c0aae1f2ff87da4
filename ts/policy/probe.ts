/**
 * Devices that a script is asked about before it may decide, beside those that are there: those
 * that rules and leases name, and made-up ones, one on each interface and for each address rule. So
 * a script that fails for whoever comes next is known on a router where nobody is yet.
 */
import type { World, WorldDevice } from "../model/advice.js";
import { adviceDevicesMax } from "../model/advice.js";
import type { RouterConfig } from "../model/config.js";
import type { Mac } from "../model/ip.js";
import { formatMac, prefixAddress } from "../model/ip.js";

export interface Probe {
  readonly world: World;
  /** Known by a rule or a lease, and not there now. */
  readonly silent: readonly WorldDevice[];
  /** What to call the devices that nobody has. */
  readonly labels: ReadonlyMap<Mac, string>;
}

const silentMax = 256;
/** Made-up devices of a kind. */
const madeUpMax = 16;
/** Locally administered, so that no device came with it. */
const macHead = [0x02, 0xad, 0x17, 0xff] as const;
const ifnameDefault = "br-lan";

/** `names` are those of the leases. */
export function probeWorld(
  config: RouterConfig,
  world: World,
  names: ReadonlyMap<Mac, string>,
): Probe {
  const ifnames = ifnamesOf(config);
  const present = new Set(world.devices.map(({ mac }) => mac));
  const ruled = config.rules.flatMap(({ match }) => (match.kind === "mac" ? [match.mac] : []));
  const macs = [...new Set([...ruled, ...names.keys()])].filter((mac) => !present.has(mac));
  const silent = macs.slice(0, silentMax).map((mac, at): WorldDevice => {
    const name = names.get(mac);
    const known = { mac, addresses: [exampleAddress(at)], iface: ifnames[0] ?? "" };
    return { ...known, ...(name !== undefined && { name }), since_s: world.now.unix_s };
  });
  const madeUp = [...strangersOn(ifnames, world), ...strangersFrom(config, ifnames, world)];
  const devices = [...world.devices, ...silent, ...madeUp.map(({ device }) => device)];
  const labels = new Map(madeUp.map(({ device, label }) => [device.mac, label]));
  return { world: { ...world, devices: devices.slice(0, adviceDevicesMax) }, silent, labels };
}

interface MadeUp {
  readonly device: WorldDevice;
  readonly label: string;
}

function ifnamesOf({ lanIfnames, policy, rules }: RouterConfig): readonly string[] {
  const ruled = rules.flatMap(({ match }) => (match.kind === "iface" ? [match.iface] : []));
  const all = [...new Set([...lanIfnames, ...policy.ifnames, ...ruled])];
  return all.length === 0 ? [ifnameDefault] : all;
}

function strangersOn(ifnames: readonly string[], { now }: World): readonly MadeUp[] {
  return ifnames.slice(0, madeUpMax).map((iface, at) => {
    const addresses = [exampleAddress(silentMax + at)];
    const who = { mac: formatMac([...macHead, 0, at]), addresses };
    return { device: { ...who, iface, since_s: now.unix_s }, label: `a new device on ${iface}` };
  });
}

function strangersFrom(
  { rules }: RouterConfig,
  [iface = ""]: readonly string[],
  { now }: World,
): readonly MadeUp[] {
  const prefixes = rules.flatMap(({ match }) => (match.kind === "address" ? [match.prefix] : []));
  return prefixes.slice(0, madeUpMax).map((prefix, at) => {
    const who = { mac: formatMac([...macHead, 1, at]), addresses: [prefixAddress(prefix)] };
    return { device: { ...who, iface, since_s: now.unix_s }, label: `a new device at ${prefix}` };
  });
}

/** Of the network for measurements (RFC 2544), which no household has. */
function exampleAddress(at: number): string {
  return `198.18.${at >> 8}.${at & 255}`;
}
