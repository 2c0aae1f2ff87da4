// The networks and configurations in which every attack is made: one row, one more leak matrix.

import { DEFAULT_PROBES, PROBES } from "./probe.mjs";
import { SECOND } from "./second.mjs";

const asWritten = (config) => config;
const toDefault = (config) => ({ ...config, default_gateway: 1 });
const withSecond = (config) => ({ ...config, uplinks: [SECOND.dev] });
const ALL_PROBES = [...PROBES, ...DEFAULT_PROBES];

/**
 * `change` edits the router's configuration, `probes` are the columns, `second` tells how the
 * router uses a second uplink, if it has one.
 */
export const SETUPS = [
  { name: "selective", change: asWritten, probes: PROBES },
  { name: "default gateway", change: toDefault, probes: ALL_PROBES },
  ...["spare", "balanced"].flatMap((second) => [
    { name: `selective, second uplink ${second}`, second, change: withSecond, probes: PROBES },
    { name: `default gateway, second uplink ${second}`, second,
      change: (config) => toDefault(withSecond(config)), probes: ALL_PROBES },
  ]),
];
