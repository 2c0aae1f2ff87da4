/** The object on ubus (docs/ubus.md) as requests of the HTTP API, which decides and words all. */
import type { Method } from "./http.js";
import type { PolicyVerb } from "./policy-routes.js";
import { policyVerbs } from "./policy-routes.js";

export interface BusRequest {
  readonly method: Method;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly body: object;
}

const text = 3;
const integer = 5;
/** What a rule is for; the API has the first word of each as its kind. */
const subject = { mac_addr: text, ip_addr: text, iface: text };

/** Methods with the blobmsg types of their arguments. */
export const busMethods = {
  status: {},
  devices: {},
  plan: {},
  protect: { ...subject, vl: text, when_down: text },
  unprotect: subject,
  explain: { target: text, destination: text },
  policy: { action: text, module: text, script: text, signature: text, confirm_s: integer },
  /** What `policy` shows, for those who may change nothing: it never makes a POST. */
  policy_view: { action: text },
  check: { config: text },
};

/** Methods that send a body. */
const posting: readonly string[] = ["protect", "unprotect", "check"];

export function busRequest(method: string, args: Readonly<Record<string, unknown>>): BusRequest {
  // The session is what rpcd and uhttpd add to the calls of a web page.
  const { ubus_rpc_session: _session, action = "status", ...others } = args;
  const { target = "", destination = "", ...rest } = others;
  const body: Record<string, unknown> = rest;
  const isAct = method === "policy" && policyVerbs.includes(action as PolicyVerb);
  const [resource = ""] = method.split("_");
  const below = resource === "policy" && action !== "status" ? `/${action as string}` : "";
  for (const key of Object.keys(subject)) {
    if (!(key in body) || "kind" in body) continue;
    body["kind"] = key.split("_")[0];
    body["subject"] = body[key];
    delete body[key];
  }
  return {
    method: isAct || posting.includes(method) ? "POST" : "GET",
    path: `/v1/${resource}${below}`,
    query: new Map([
      ["subject", String(target)],
      ...(destination === "" ? [] : [["destination", String(destination)] as const]),
    ]),
    body,
  };
}

/** The status of ubusmsg.h for one of HTTP. */
export function busStatus(status: number): number {
  if (status < 300) return 0;
  const known: Readonly<Record<number, number>> = { 403: 6, 404: 4, 409: 1, 504: 7 };
  return known[status] ?? (status < 500 ? 2 : 9);
}
