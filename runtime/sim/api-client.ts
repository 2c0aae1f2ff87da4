/** A client of the HTTP API on the simulated Unix socket, and one of the object on ubus. */
import type { Machine } from "./machine.js";
import { API_PATH } from "./machine.js";
import type { ReferenceRule } from "./policy.js";
import type { World } from "./world.js";

export interface ApiAnswer {
  /** 0 if the connection failed or ended early. */
  readonly status: number;
  readonly body: string;
}

/** The owner moves a device in the way of this life. */
export function askProtect(
  { router, policy }: World,
  { kind, subject, vl, whenDown }: ReferenceRule,
  done: (answer: ApiAnswer) => void,
): void {
  const words = { vl, when_down: whenDown };
  if (policy.variation.bus !== true) {
    return callApi(router, "POST", "/v1/protect", { kind, subject, ...words }, done);
  }
  const name = kind === "iface" ? kind : `${kind}_addr`;
  return callBus(router, "protect", { [name]: subject, ...words }, done);
}

/** The same answers by ubus; 0 if the object is not there. */
export function callBus(
  machine: Machine,
  method: string,
  args: object,
  done: (answer: ApiAnswer) => void,
): void {
  machine.ubusd.call("adit", method, JSON.stringify(args), (status, body) => {
    const code = body === "" ? 0 : ((JSON.parse(body) as { code?: number }).code ?? 200);
    done({ status: status === 0 ? 200 : code, body });
  });
}

export function callApi(
  machine: Machine,
  method: "GET" | "POST",
  path: string,
  body: unknown,
  done: (answer: ApiAnswer) => void,
): void {
  let received = "";
  let finished = false;
  const finish = (answer: ApiAnswer): void => {
    if (finished) return;
    finished = true;
    stream?.end();
    done(answer);
  };
  const stream = machine.descriptors.connect(API_PATH, {
    onData(data) {
      received += Buffer.from(data).toString("latin1");
      const answer = completeAnswer(received);
      if (answer !== undefined) finish(answer);
    },
    onClosed: () => finish(completeAnswer(received, true) ?? { status: 0, body: "closed" }),
  });
  if (stream === undefined) return finish({ status: 0, body: "nobody listens" });
  stream.send(requestBytes(method, path, body));
}

function requestBytes(method: string, path: string, body: unknown): Uint8Array {
  const payload = body === undefined ? "" : JSON.stringify(body);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: adit", "Connection: close"];
  if (payload !== "") {
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(payload)}`);
  }
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${payload}`);
}

function completeAnswer(text: string, ended = false): ApiAnswer | undefined {
  const split = text.indexOf("\r\n\r\n");
  if (split < 0) return undefined;
  const head = text.slice(0, split);
  const body = text.slice(split + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  const whole = length === undefined ? ended : body.length >= Number(length);
  return whole ? { status, body: Buffer.from(body, "latin1").toString("utf8") } : undefined;
}
