/**
 * The routes under /v1/policy. Goal: a body reaches the engine only if every key of it is known and
 * fits, and what the engine says comes back with the right status. Method: requests against a
 * service that notes what it is asked.
 */
import assert from "node:assert";
import { suite } from "uvu";
import type { Method } from "../../ts/api/http.js";
import { createHttpReader, feedHttp } from "../../ts/api/http.js";
import type { PolicyDone, PolicyResult } from "../../ts/api/policy-routes.js";
import type { Service } from "../../ts/api/routes.js";
import { createRoutes } from "../../ts/api/routes.js";
import type { HttpAnswer } from "../../ts/api/server.js";
import type { Native } from "../../ts/host/native.js";
import { httpBodyBytesMax, httpScriptBodyBytesMax } from "../../ts/model/limits.js";

const test = suite("policy-routes");

const native = {
  utf8Decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
} as unknown as Native;

interface Asked {
  readonly calls: unknown[][];
  readonly answer: HttpAnswer;
}

function ask(
  method: Method,
  path: string,
  body?: unknown,
  result: PolicyResult = { kind: "done", result: { yes: 1 } },
  contentType = "application/json",
): Asked {
  const calls: unknown[][] = [];
  const policy = {
    view: (view: string) => ({ view }),
    act: (verb: string, script: unknown, done: PolicyDone) => {
      calls.push([verb, script]);
      done(result);
    },
  };
  const answers: HttpAnswer[] = [];
  const content = typeof body === "string" ? body : JSON.stringify(body ?? {});
  const bytes = new Uint8Array(Buffer.from(method === "GET" ? "" : content));
  const routes = createRoutes(native, { policy } as unknown as Service);
  const responder = {
    answer: (answer: HttpAnswer) => void answers.push(answer),
    stream: () => () => undefined,
  };
  routes({ method, headOnly: false, path, query: new Map(), contentType, body: bytes }, responder);
  assert.strictEqual(answers.length, 1);
  return { calls, answer: answers[0] as HttpAnswer };
}

const post = (path: string, body: unknown, result?: PolicyResult): Asked =>
  ask("POST", `/v1/policy/${path}`, body, result);

test("every view is answered", () => {
  for (const view of ["", "history", "log", "limits"]) {
    const { answer } = ask("GET", `/v1/policy${view === "" ? "" : "/"}${view}`);
    assert.deepStrictEqual(answer, { status: 200, body: { view } });
  }
});

test("scripts reach the engine with all that came along", () => {
  const script = { script: "x", signature: undefined, module: "policy", confirmS: undefined };
  assert.deepStrictEqual(post("try", { script: "x" }).calls, [["try", script]]);
  assert.deepStrictEqual(post("diff", { script: "x" }).calls, [["diff", script]]);
  const body = { script: "x", signature: "y", module: "control", confirm_s: 30 };
  const { calls, answer } = post("swap", body);
  const all = { script: "x", signature: "y", module: "control", confirmS: 30 };
  assert.deepStrictEqual(calls, [["swap", all]]);
  assert.deepStrictEqual(answer, { status: 200, body: { yes: 1 } });
});

test("confirm and rollback name a module or mean the policy", () => {
  const none = { script: "", signature: undefined, confirmS: undefined };
  assert.deepStrictEqual(post("confirm", {}).calls, [["confirm", { ...none, module: "policy" }]]);
  const control = { ...none, module: "control" };
  assert.deepStrictEqual(post("rollback", { module: "control" }).calls, [["rollback", control]]);
});

test("refusals carry their status, cause and what goes along", () => {
  const error = { kind: "syntax", message: "no", stack: "" };
  const refused = { kind: "refused", status: 409, cause: "not now", more: { error } } as const;
  assert.deepStrictEqual(post("swap", { script: "x" }, refused).answer, {
    status: 409,
    body: { code: 409, description: "not now", cause: "not now", error },
  });
});

test("a body with anything wrong in it reaches nobody", () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["swap", {}, "script"],
    ["swap", { script: "" }, "script"],
    ["swap", { script: 1 }, "script"],
    ["swap", { script: "x", signature: 1 }, "signature"],
    ["swap", { script: "x", module: "rom" }, "module"],
    ["swap", { script: "x", confirm_s: 4 }, "confirm_s"],
    ["swap", { script: "x", confirm_s: 3_601 }, "confirm_s"],
    ["swap", { script: "x", confirm_s: 30.5 }, "confirm_s"],
    ["swap", { script: "x", confirm_s: "30" }, "confirm_s"],
    ["swap", { script: "x", confirm_s: null }, "confirm_s"],
    ["swap", { script: "x", more: 1 }, "more"],
    ["confirm", { script: "x" }, "script"],
    ["try", "[]", "body"],
    ["try", "{", "body"],
  ];
  for (const [path, body, wrong] of cases) {
    const { calls, answer } = post(path, body);
    const { issues } = answer.body as { issues: { path: string }[] };
    assert.deepStrictEqual([calls.length, answer.status], [0, 400], JSON.stringify(body));
    assert.ok(issues.some((issue) => issue.path === wrong), JSON.stringify([body, issues]));
  }
  assert.strictEqual(ask("POST", "/v1/policy/try", {}, undefined, "text/plain").answer.status, 415);
  assert.strictEqual(ask("GET", "/v1/policy/swap").answer.status, 405);
});

test("only the resources that take scripts take long bodies", () => {
  const head = (path: string, length: number): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
  const kindOf = (path: string, length: number): string =>
    feedHttp(createHttpReader(), Buffer.from(head(path, length))).kind;
  for (const verb of ["try", "diff", "swap"]) {
    assert.strictEqual(kindOf(`/v1/policy/${verb}`, httpScriptBodyBytesMax), "more");
    assert.strictEqual(kindOf(`/v1/policy/${verb}`, httpScriptBodyBytesMax + 1), "refused");
  }
  for (const path of ["/v1/policy/confirm", "/v1/protect", "/v1/policy/try/x"]) {
    assert.strictEqual(kindOf(path, httpBodyBytesMax + 1), "refused");
  }
  const reader = createHttpReader();
  const piece = new Uint8Array(16_384).fill(120);
  let outcome = feedHttp(reader, Buffer.from(head("/v1/policy/swap", httpScriptBodyBytesMax)));
  for (let sent = 0; sent < httpScriptBodyBytesMax; sent += piece.length) {
    assert.strictEqual(outcome.kind, "more");
    outcome = feedHttp(reader, piece);
  }
  assert.strictEqual(outcome.kind, "request");
});

test.run();
