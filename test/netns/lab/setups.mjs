// The networks and configurations in which every attack is made: one row, one more leak matrix.

import { DEFAULT_PROBES, PROBES } from "./probe.mjs";

/** `change` edits the router's configuration, `probes` are the columns. */
export const SETUPS = [
  { name: "selective", change: (config) => config, probes: PROBES },
  { name: "default gateway", change: (config) => ({ ...config, default_gateway: 1 }),
    probes: [...PROBES, ...DEFAULT_PROBES] },
];
