/** The routes of the local interface (docs/api.md) as one table over what the engine offers. */
import type { Machine } from "../config/machine.js";
import { lookAtMachine } from "../config/machine.js";
import { readJson } from "../config/json.js";
import { parseConfig } from "../config/parse.js";
import type { Issue } from "../model/config.js";
import type { RuleChange, RuleKind } from "../engine/runtime-rules.js";
import type { Native } from "../host/native.js";
import type { TimedEvent } from "../engine/events.js";
import { checkBody, isTextOrNone } from "./body.js";
import type { HttpRequest, Method } from "./http.js";
import type { PolicyResult, PolicyService, PolicyVerb, PolicyView } from "./policy-routes.js";
import { policyVerbs, policyViews, readScriptRequest } from "./policy-routes.js";
import type { HttpAnswer, RequestHandler, Responder } from "./server.js";
import { failure } from "./server.js";

/** What a change came to. */
export type ChangeResult =
  | { readonly kind: "done"; readonly result: object }
  | { readonly kind: "absent" }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] }
  /** Refused: it could not be written down, and the next start would not know it. */
  | { readonly kind: "unkept"; readonly why: string }
  /** Accepted, but the kernel does not have it yet. */
  | { readonly kind: "pending"; readonly why: string };

const testHooks = ["loop", "alloc", "throw"] as const;
export type TestHook = (typeof testHooks)[number];

/** What the engine offers to users; every object is JSON. */
export interface Service {
  readonly status: (done: (status: object) => void) => void;
  readonly devices: () => object;
  /** Of all that the subject sends, or with a destination of what it sends there. */
  readonly explain: (subject: string, destination: string) => object | readonly Issue[];
  /** Undefined while that is not known. */
  readonly plan: () => object | undefined;
  readonly state: () => string;
  /** Where a configuration that is checked would run. */
  readonly machine: () => Machine;
  readonly recentEvents: () => readonly TimedEvent[];
  readonly followEvents: (onEvent: (event: TimedEvent) => void) => () => void;
  readonly change: (change: RuleChange, done: (result: ChangeResult) => void) => void;
  readonly reload: (done: (result: ChangeResult) => void) => void;
  readonly policy: PolicyService;
  /** False if the mover does not allow test hooks. */
  readonly runTestHook: (hook: TestHook) => boolean;
}

interface Call {
  readonly native: Native;
  readonly service: Service;
  readonly request: HttpRequest;
  readonly responder: Responder;
}

interface Route {
  readonly method: Method;
  readonly path: string;
  readonly run: (call: Call) => void;
}

type Json = Readonly<Record<string, unknown>>;

const jsonType = "application/json";
const kinds: readonly RuleKind[] = ["mac", "ip", "iface"];

const routes: readonly Route[] = [
  { method: "GET", path: "/state", run: getState },
  { method: "GET", path: "/v1/status", run: getStatus },
  { method: "GET", path: "/v1/devices", run: getDevices },
  { method: "GET", path: "/v1/explain", run: getExplanation },
  { method: "GET", path: "/v1/plan", run: getPlan },
  { method: "GET", path: "/v1/events", run: getEvents },
  { method: "POST", path: "/v1/protect", run: (call) => postChange(call, true) },
  { method: "POST", path: "/v1/unprotect", run: (call) => postChange(call, false) },
  { method: "POST", path: "/v1/reload", run: postReload },
  { method: "POST", path: "/v1/check", run: postCheck },
  ...policyViews.map((view): Route => {
    const path = `/v1/policy${view && `/${view}`}`;
    return { method: "GET", path, run: (call) => getPolicy(call, view) };
  }),
  ...policyVerbs.map((verb): Route => {
    return { method: "POST", path: `/v1/policy/${verb}`, run: (call) => postPolicy(call, verb) };
  }),
  ...testHooks.map((hook): Route => {
    return { method: "POST", path: `/v1/test/${hook}`, run: (call) => postTest(call, hook) };
  }),
];

export function createRoutes(native: Native, service: Service): RequestHandler {
  return (request, responder) => {
    const known = routes.filter(({ path }) => path === request.path);
    const route = known.find(({ method }) => method === request.method);
    if (route !== undefined) return route.run({ native, service, request, responder });
    return responder.answer(known.length === 0 ? notFound(request) : notAllowed(request, known));
  };
}

function notFound({ path }: HttpRequest): HttpAnswer {
  return failure(404, `no resource ${path.slice(0, 80)}`);
}

function notAllowed({ method }: HttpRequest, known: readonly Route[]): HttpAnswer {
  const allow = known.map((route) => route.method).join(", ");
  return { ...failure(405, `${method} is not possible, ${allow} is`), headers: { Allow: allow } };
}

function ok(body: object): HttpAnswer {
  return { status: 200, body };
}

function getState({ service, responder }: Call): void {
  responder.answer(ok({ state: service.state() }));
}

function getStatus({ service, responder }: Call): void {
  service.status((status) => responder.answer(ok(status)));
}

function getDevices({ service, responder }: Call): void {
  responder.answer(ok({ devices: service.devices() }));
}

function getPlan({ service, responder }: Call): void {
  const operations = service.plan();
  if (operations !== undefined) return responder.answer(ok({ operations }));
  return responder.answer(failure(409, "not known yet: the kernel was not seen whole"));
}

function getExplanation({ service, request, responder }: Call): void {
  const { query } = request;
  const [subject, destination] = [query.get("subject") ?? "", query.get("destination") ?? ""];
  const explanation = service.explain(subject, destination);
  responder.answer(Array.isArray(explanation) ? invalid(explanation) : ok(explanation));
}

function getEvents({ service, request, responder }: Call): void {
  let stop: () => void = () => undefined;
  const write = responder.stream(() => stop());
  if (write === undefined) return;
  if (request.query.get("replay") === "1") service.recentEvents().forEach(write);
  stop = service.followEvents(write);
}

function postReload({ service, responder }: Call): void {
  service.reload((result) => responder.answer(answerOf(result)));
}

/** What is wrong with a configuration is the answer here, not a failure. */
function postCheck(call: Call): void {
  const body = readBody(call);
  if (body === undefined) return;
  const { config } = body;
  const { issues, expect } = checkBody(body, ["config"]);
  expect(typeof config === "string", "config", "the text of a configuration file");
  if (issues.length > 0) return call.responder.answer(invalid(issues));
  const { service } = call;
  const found = parseConfig(config as string, (one) => lookAtMachine(one, "", service.machine()));
  return call.responder.answer(ok({ issues: found.issues, warnings: found.warnings }));
}

function postTest({ service, responder }: Call, hook: TestHook): void {
  const allowed = service.runTestHook(hook);
  const answer = { status: 202, body: { hook } };
  responder.answer(allowed ? answer : failure(403, "aditd was started without test hooks"));
}

function postChange(call: Call, protects: boolean): void {
  const { service, responder } = call;
  const body = readBody(call);
  if (body === undefined) return;
  const change = readChange(body, protects);
  if (!("kind" in change)) return responder.answer(invalid(change));
  return service.change(change, (result) => responder.answer(answerOf(result)));
}

function getPolicy({ service, responder }: Call, view: PolicyView): void {
  responder.answer(ok(service.policy.view(view)));
}

function postPolicy(call: Call, verb: PolicyVerb): void {
  const { service, responder } = call;
  const body = readBody(call);
  if (body === undefined) return;
  const needsScript = verb === "try" || verb === "diff" || verb === "swap";
  const script = readScriptRequest(body, needsScript);
  if (!("script" in script)) return responder.answer(invalid(script));
  return service.policy.act(verb, script, (result) => responder.answer(policyAnswer(result)));
}

function policyAnswer(result: PolicyResult): HttpAnswer {
  if (result.kind === "done") return ok(result.result);
  return failure(result.status, result.cause, result.more);
}

function answerOf(result: ChangeResult): HttpAnswer {
  switch (result.kind) {
    case "done":
      return ok(result.result);
    case "absent":
      return failure(404, "there is no such rule");
    case "invalid":
      return invalid(result.issues);
    case "unkept":
      return failure(507, `nothing is changed, because it could not be kept: ${result.why}`);
    case "pending":
      return failure(504, result.why);
  }
}

function invalid(issues: readonly Issue[]): HttpAnswer {
  const [first] = issues;
  const got = first?.value ? `, got ${first.value}` : "";
  const cause = `${first?.path ?? ""}: expected ${first?.expected ?? ""}${got}`;
  return failure(400, cause, { issues });
}

/** The JSON object that was posted; undefined if there is none, which is answered then. */
function readBody({ native, request, responder }: Call): Json | undefined {
  if (request.contentType !== jsonType) {
    responder.answer(failure(415, `the body must be ${jsonType}`));
    return undefined;
  }
  const read = readJson(native.utf8Decode(request.body) ?? "");
  const value = "value" in read ? read.value : undefined;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  const why = "error" in read ? `: line ${read.error.line}: expected ${read.error.text}` : "";
  responder.answer(invalid([{ path: "body", value: "", expected: `a JSON object${why}` }]));
  return undefined;
}

/** The rule change in the body, or what is wrong with it. */
function readChange(body: Json, protects: boolean): RuleChange | readonly Issue[] {
  const keys = ["kind", "subject", ...(protects ? ["vl", "when_down"] : [])];
  const { kind, subject, vl, when_down: whenDown } = body;
  const { issues, expect } = checkBody(body, keys);
  expect(kinds.includes(kind as RuleKind), "kind", "mac, ip or iface");
  expect(typeof subject === "string", "subject", "a MAC, an address or an interface");
  expect(!protects || typeof vl === "string", "vl", "direct or the name of a location");
  expect(isTextOrNone(whenDown), "when_down", "block, direct or the name of a location");
  if (issues.length > 0) return issues;
  const change = { kind, subject, vl: protects ? vl : undefined, whenDown };
  return change as RuleChange;
}
