/** A gateway's row among the roles: sections that the walk has checked to a GatewayConfig. */
import type {
  ApiConfig,
  ClientConfig,
  GatewayConfig,
  Issue,
  ListenConfig,
} from "../model/config.js";
import { prefixContains } from "../model/ip.js";
import { refuseTwice } from "./checks.js";
import type { ConfigRole } from "./role.js";
import { namesOf } from "./role.js";
import type { Endpoint } from "./types.js";
import type { Section } from "./walk.js";
import { addIssue, sections } from "./walk.js";

export const gatewayRole: ConfigRole<GatewayConfig> = {
  build: (section, api, found) => {
    const gateway = buildGateway(section, api);
    checkGateway(gateway, found.issues);
    return gateway;
  },
  interfaces: () => [],
  certificates: ({ listen }) => namesOf("listen[].cert", listen.map(({ cert }) => cert)),
  secrets: ({ listen }) => namesOf("listen[].key", listen.map(({ key }) => key)),
};

function buildGateway(section: Section, api: ApiConfig): GatewayConfig {
  const text = (key: string): string => (section[key] as string | undefined) ?? "";
  return {
    role: "gateway",
    tunIfname: text("tun_ifname"),
    wanIfname: text("wan_ifname"),
    listen: sections(section["listen"]).map(buildListener),
    pool4: text("pool4"),
    pool6: text("pool6"),
    clients: sections(section["clients"]).map(buildClient),
    nat: section["nat"] === true,
    clientToClient: section["client_to_client"] === true,
    clientReach: section["client_reach"] as string[],
    tunMtu: (section["tun_mtu"] as number | undefined) ?? 0,
    onStop: section["on_stop"] === "block" ? "block" : "restore",
    offload: section["offload"] === true,
    api,
  };
}

function buildListener(section: Section): ListenConfig {
  const bind = (section["address"] as Endpoint | undefined) ?? { host: "", port: 0 };
  return {
    address: bind.host,
    port: bind.port,
    cert: (section["cert"] as string | undefined) ?? "",
    key: (section["key"] as string | undefined) ?? "",
  };
}

function buildClient(section: Section): ClientConfig {
  return {
    name: (section["name"] as string | undefined) ?? "",
    tokenSha256: (section["token_sha256"] as string | undefined) ?? "",
    addr4: (section["addr4"] as string | undefined) ?? "",
    addr6: (section["addr6"] as string | undefined) ?? "",
  };
}

function checkGateway(config: GatewayConfig, issues: Issue[]): void {
  const { clients, listen } = config;
  const names = clients.map((client) => client.name);
  const tokens = clients.map((client) => client.tokenSha256);
  const binds = listen.map((row) => (row.address === "" ? "" : `${row.address} ${row.port}`));
  refuseTwice("clients", "name", names, issues);
  refuseTwice("clients", "token_sha256", tokens, issues);
  refuseTwice("listen", "address", binds, issues);
  for (const [key, pool] of [["addr4", config.pool4] as const, ["addr6", config.pool6] as const]) {
    const addresses = clients.map((client) => client[key]);
    refuseTwice("clients", key, addresses, issues);
    addresses.forEach((address, index) => {
      if (address === "" || pool === "" || prefixContains(pool, address)) return;
      addIssue(issues, `clients[${index}].${key}`, address, `an address within ${pool}`);
    });
  }
}
