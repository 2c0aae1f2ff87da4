// A stand-in for uhttpd-mod-ubus and rpcd: JSON-RPC frames, sessions, access lists read from the
// acl.d files themselves, and the few objects that the pages ask. Calls of the object `adit` go to
// a real daemon's HTTP socket; its answers are passed on as they are.

import { readFileSync, readdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";

/** UH_UBUS_MAX_POST_SIZE of uhttpd-mod-ubus. */
export const POST_BYTES_MAX = 65_536;

const ERRORS = {
  parse: { code: -32700, message: "Parse error" },
  object: { code: -32000, message: "Object not found" },
  access: { code: -32002, message: "Access denied" },
};
const UBUS = { methodNotFound: 3, permissionDenied: 6 };
/** Statuses of ubus for those of HTTP, as docs/ubus.md has them. */
const STATUSES = { 200: 0, 403: 6, 404: 4, 409: 1, 500: 9, 504: 7 };
const INVALID_ARGUMENT = 2;
const NO_SESSION = "0".repeat(32);
/** What rpcd's own unauthenticated.json grants to whoever asks. */
const FREE = { session: ["access"], luci: ["getFeatures"] };

/**
 * `sessions` maps an id to "admin" (reads and writes) or "guest" (reads); `objects` has the methods
 * (args, session) => [status, data] of every object but adit; `socket` is the daemon's, and
 * undefined while it is down.
 */
export function createRpcd({ aclFolders, sessions, objects, daemon }) {
  const grants = readGrants(aclFolders);
  const rpcd = { grants, sessions, objects, daemon };
  return {
    /** The answer to the body of a request to /ubus. */
    handle: (body) => handle(rpcd, body),
    isAllowed: (session, scope, object, method) =>
      isAllowed(rpcd, session, scope, object, method),
  };
}

/** All grants of all groups: { read: { scope: { object: [methods] } }, write: … }. */
function readGrants(folders) {
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const groups = files.flatMap((file) => Object.values(JSON.parse(readFileSync(file, "utf8"))));
  const collect = (right) => groups.flatMap((group) => Object.entries(group[right] ?? {}));
  return { read: collect("read"), write: collect("write") };
}

function isAllowed({ grants, sessions }, session, scope, object, method) {
  const role = sessions[session];
  const rights = { admin: ["read", "write"], guest: ["read"] }[role] ?? [];
  return rights.some((right) => grants[right].some(([name, granted]) => {
    if (name !== scope) return false;
    // A list of names grants the right by which it is listed.
    if (Array.isArray(granted)) return granted.includes(object) && method === right;
    return Object.entries(granted).some(([pattern, methods]) =>
      matches(pattern, object) && methods.includes(method));
  }));
}

/** As fnmatch without flags, whose star goes over slashes too. */
function matches(pattern, name) {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(name);
}

async function handle(rpcd, body) {
  if (Buffer.byteLength(body) > POST_BYTES_MAX) return failed(null, "parse");
  let message;
  try {
    message = JSON.parse(body);
  } catch {
    return failed(null, "parse");
  }
  if (!Array.isArray(message)) return answer(rpcd, message);
  const answers = [];
  for (const one of message) answers.push(await answer(rpcd, one));
  return answers;
}

const failed = (id, kind) => ({ jsonrpc: "2.0", id, error: ERRORS[kind] });

async function answer(rpcd, { id, method, params }) {
  if (method === "list") return { jsonrpc: "2.0", id, result: {} };
  if (method !== "call" || !Array.isArray(params)) return failed(id, "parse");
  const [session, object, name, args] = params;
  const isDown = object === "adit" && rpcd.daemon.socket === undefined;
  if (isDown || (object !== "adit" && !rpcd.objects[object])) return failed(id, "object");
  const isKnown = session === NO_SESSION || session in rpcd.sessions;
  const isFree = isKnown && FREE[object]?.includes(name);
  if (!isFree && !isAllowed(rpcd, session, "ubus", object, name)) return failed(id, "access");
  const isUci = object === "uci" && args.config !== undefined;
  const right = name === "get" ? "read" : "write";
  if (isUci && !isAllowed(rpcd, session, "uci", args.config, right)) {
    return { jsonrpc: "2.0", id, result: [UBUS.permissionDenied] };
  }
  return { jsonrpc: "2.0", id, result: await call(rpcd, object, name, args, session) };
}

async function call(rpcd, object, name, args, session) {
  if (object === "adit") return callDaemon(rpcd.daemon, name, args);
  const method = rpcd.objects[object][name];
  return method === undefined ? [UBUS.methodNotFound] : method(args, session);
}

const KINDS = { mac_addr: "mac", ip_addr: "ip", iface: "iface" };
const VIEWS = { status: "", history: "/history", log: "/log", limits: "/limits" };

/** The HTTP request that a ubus call of the daemon means. */
export function httpOf(name, args) {
  if (name === "status" || name === "devices" || name === "plan") {
    return { method: "GET", path: `/v1/${name}` };
  }
  if (name === "explain") {
    return { method: "GET", path: `/v1/explain?subject=${encodeURIComponent(args.target)}` };
  }
  if (name === "protect" || name === "unprotect") {
    const { vl, when_down: whenDown, ...subjects } = args;
    const [[key, subject] = []] = Object.entries(subjects);
    const body = { kind: KINDS[key], subject, ...(name === "protect" && { vl }) };
    if (whenDown !== undefined) body.when_down = whenDown;
    return { method: "POST", path: `/v1/${name}`, body };
  }
  if (name === "check") return { method: "POST", path: "/v1/check", body: args };
  if (!name.startsWith("policy")) return undefined;
  const { action, ...body } = args;
  if (action in VIEWS) return { method: "GET", path: `/v1/policy${VIEWS[action]}` };
  if (name === "policy_view") return { method: "GET", path: `/v1/policy/${action}` };
  return { method: "POST", path: `/v1/policy/${action}`, body };
}

async function callDaemon({ socket }, name, args) {
  const http = httpOf(name, args);
  if (http === undefined) return [UBUS.methodNotFound];
  const { status, data } = await ask(socket, http);
  return [STATUSES[status] ?? INVALID_ARGUMENT, data];
}

function ask(socketPath, { method, path, body }) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = { Host: "adit", "Content-Length": Buffer.byteLength(text),
      ...(text && { "Content-Type": "application/json" }) };
    const asked = request({ socketPath, method, path, headers }, (response) => {
      let got = "";
      response.setEncoding("utf8").on("data", (chunk) => { got += chunk; });
      response.on("end", () => resolve({ status: response.statusCode, data: JSON.parse(got) }));
    });
    asked.on("error", reject);
    asked.end(text);
  });
}
