/** Configurations for tests: one to build on, and random ones. */
import assert from "node:assert";
import { parseConfig } from "../../../ts/config/parse.js";
import type { RouterConfig } from "../../../ts/model/config.js";
import type { LocationState, Welcome } from "../../../ts/model/observed.js";

export const pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

export function locationJson(name: string, last: number): Record<string, unknown> {
  return {
    name,
    type: "tls",
    peers: [{ endpoint: `198.51.100.${last}:443`, pin }],
    token_file: `/etc/adit/${name}.token`,
  };
}

export const routerJson: Record<string, unknown> = {
  role: "router",
  tun_ifname: "wrt0",
  wan_ifname: "eth1",
  locations: [locationJson("us", 10), locationJson("de", 20), locationJson("fr", 30)],
};

/** The router of that JSON; fails the test if it has issues. */
export function router(extra: Record<string, unknown> = {}): RouterConfig {
  const { config, issues } = parseConfig(JSON.stringify({ ...routerJson, ...extra }));
  assert.deepStrictEqual(issues, []);
  assert.ok(config?.role === "router");
  return config;
}

export function welcomeOf(index: number): Welcome {
  const addr4 = `10.64.0.${index}/16`;
  return { addr4, addr6: `fd00:64::${index}/64`, mtu: 1_420, segments: true };
}

export function state(
  name: string,
  word: LocationState["state"],
  welcome?: Welcome,
): LocationState {
  return {
    name,
    state: word,
    welcome: word === "up" ? welcome : undefined,
    lastWelcome: welcome,
    peers: [],
    rttMs: word === "up" ? 12.4 : undefined,
    sinceMs: 0,
    reason: word === "down" ? "refused: connection refused" : "",
  };
}
