/** Sections that the walk has checked to a GatewayConfig. */
import type { ApiConfig, ClientConfig, GatewayConfig, ListenConfig } from "../model/config.js";
import type { Endpoint } from "./types.js";
import type { Section } from "./walk.js";
import { sections } from "./walk.js";

export function buildGateway(section: Section, api: ApiConfig): GatewayConfig {
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
