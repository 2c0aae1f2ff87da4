/** The program `adit`: reads its command line, asks the daemon, prints the answer. */
import type { Bundle } from "../engine.js";
import type { Native } from "../host/native.js";
import type { Client } from "./cli-client.js";
import { onClientReady, onClientTime, openClient } from "./cli-client.js";
import { commands } from "./cli-commands.js";
import type { CliContext, DaemonRequest } from "./cli-context.js";
import { exitFailed, exitUnreachable, exitUsage } from "./cli-context.js";
import { helpText, parseCommandLine } from "./cli-parse.js";

/** What would change the terminal of whoever gives words of others to the program. */
const unshowable = /[\0-\x09\x0b-\x1f\x7f]/g;
const socketDefault = "/var/run/adit/adit.sock";

export function createCli(native: Native): Bundle {
  let client: Client | undefined;
  let alarm: Alarm | undefined;
  const ask: Ask = (socket, json, request) => {
    client = openClient(native, socket, request, {
      onAnswer: (status, body) => finish(native, json, request, status, body),
      ...(request.onLine === undefined ? {} : { onLine: request.onLine }),
      onFailure: request.onFailure ?? ((why) => end(native, json, exitUnreachable, why)),
    });
  };
  const after: CliContext["after"] = (delayMs, run) => {
    alarm = { atMs: native.monotonicMs() + delayMs, run };
  };
  return {
    start: () => runCommandLine(native, ask, after),
    onMessage: () => undefined,
    onDescriptor: (fd, readable, writable) => {
      if (client?.fd === fd) onClientReady(client, readable, writable);
    },
    onTimer: () => {
      if (client !== undefined) onClientTime(client);
      if (alarm === undefined || native.monotonicMs() < alarm.atMs) return;
      const { run } = alarm;
      alarm = undefined;
      run();
    },
    nextDeadlineMs: () => Math.min(client?.deadlineMs ?? Infinity, alarm?.atMs ?? Infinity),
  };
}

type Ask = (socket: string, json: boolean, request: DaemonRequest) => void;

interface Alarm {
  readonly atMs: number;
  readonly run: () => void;
}

function runCommandLine(native: Native, ask: Ask, after: CliContext["after"]): void {
  const parsed = parseCommandLine(native.args, commands);
  if (parsed.kind === "help") {
    native.writeOut(helpText(commands, parsed.command));
    return native.exit(0);
  }
  if (parsed.kind === "wrong") {
    const help = `adit ${`${parsed.command} --help`.trim()}`;
    return end(native, native.args.includes("--json"), exitUsage, `${parsed.text}\nTry: ${help}`);
  }
  const { command, words, options } = parsed.invocation;
  const environment = native.environment("ADIT_SOCKET");
  const socket = options.get("--socket") ?? (environment || socketDefault);
  const json = options.has("--json");
  const context: CliContext = {
    native,
    words,
    options,
    json,
    ask: (request) => ask(socket, json, request),
    after,
    end: (status, text) => end(native, json, status, text),
  };
  const found = commands.find(({ name }) => name === command);
  return found?.run(context);
}

function finish(
  native: Native,
  json: boolean,
  request: DaemonRequest,
  status: number,
  body: string,
): void {
  let answer: unknown;
  try {
    answer = JSON.parse(body === "" ? "{}" : body);
  } catch {
    return end(native, json, exitUnreachable, "the daemon answered no JSON");
  }
  const object = answer as Readonly<Record<string, unknown>>;
  if (status >= 200 && status < 300) return request.onAnswer(object, body);
  if (json) native.writeOut(body);
  const { cause, description } = object;
  const why = String(cause ?? description ?? `status ${status}`);
  return end(native, false, exitFailed, request.explain?.(why) ?? why);
}

/** Ends the program; a text goes to standard error, and as JSON to whoever asked for that. */
function end(native: Native, json: boolean, status: number, text: string): void {
  if (text !== "" && json) native.writeOut(`${JSON.stringify({ cause: text })}\n`);
  if (text !== "") native.writeErr(`adit: ${text.replace(unshowable, "?")}\n`);
  native.exit(status);
}
