/**
 * The socket that users come by. One that a configuration names anew is opened before the
 * configuration is taken, so that a reload which would lock its owner out is refused as a whole.
 */
import { asResult, request } from "../host/channel.js";
import { answerText } from "../host/errno.js";
import type { HttpServer } from "../api/server.js";
import { closeListener, serveHttp } from "../api/server.js";
import type { Config, Issue } from "../model/config.js";
import { backoffMs } from "../tunnel/backoff.js";
import type { Core } from "./core.js";
import { afterMs } from "./core.js";
import { removeFile } from "./state-files.js";

type ApiConfig = Config["api"];

const delayMsMin = 500;
const delayMsMax = 30_000;

export interface ApiSocket {
  readonly core: Core;
  readonly server: HttpServer;
  /** What is listened on, undefined while nothing is. */
  open: ApiConfig | undefined;
}

/** The way to a new socket: exactly one of the two is called. */
export interface ApiChange {
  readonly commit: () => void;
  readonly abandon: () => void;
}

const noChange: ApiChange = { commit: () => undefined, abandon: () => undefined };

/** Listens; a failure is retried, because the daemon is of use without users. */
export function openApi(api: ApiSocket, failures = 0): void {
  const { core } = api;
  const wanted = core.config?.api;
  if (wanted === undefined || core.stopping || api.open !== undefined) return;
  listen(api, wanted, (fd, problem) => {
    // A reload may have come first.
    if (api.open !== undefined) return fd < 0 ? undefined : drop(api, wanted, fd);
    if (fd >= 0) return take(api, wanted, fd);
    core.log.writeOnce("error", `api ${problem}`, problem);
    const delayMs = backoffMs(failures, delayMsMin, delayMsMax, core.random);
    return afterMs(core, "api", delayMs, problem, () => openApi(api, failures + 1));
  });
}

/** Opens what `wanted` names, beside what is open. */
export function prepareApi(
  api: ApiSocket,
  wanted: ApiConfig,
  done: (change: ApiChange | Issue) => void,
): void {
  const { core, open } = api;
  const before = open ?? core.config?.api;
  if (before?.socket === wanted.socket && before.mode === wanted.mode) return done(noChange);
  // One name has room for one socket: that of the former mode goes first.
  if (open?.socket === wanted.socket) leave(api);
  listen(api, wanted, (fd, problem) => {
    if (fd >= 0) return done(changeTo(api, wanted, fd));
    openApi(api);
    const expected = `a path where a socket can be made (${problem})`;
    return done({ path: "api.socket", value: JSON.stringify(wanted.socket), expected });
  });
}

/** Closes the socket and removes its file, if it is still ours. */
export function closeApi(api: ApiSocket): void {
  closeListener(api.server);
  leave(api);
}

function changeTo(api: ApiSocket, wanted: ApiConfig, fd: number): ApiChange {
  return {
    commit: () => {
      leave(api);
      take(api, wanted, fd);
    },
    abandon: () => {
      drop(api, wanted, fd);
      openApi(api);
    },
  };
}

/** `problem` is text for people, "" when there is a descriptor. */
function listen(
  { core }: ApiSocket,
  { socket: path, mode }: ApiConfig,
  done: (fd: number, problem: string) => void,
): void {
  request(core.channel, { type: "listen_unix", path, mode }, (answer, fd) => {
    const { error, text } = asResult(answer);
    if (error === 0 && fd >= 0) done(fd, "");
    else done(-1, `${path}: ${answerText(error, text)}`);
  });
}

function take(api: ApiSocket, wanted: ApiConfig, fd: number): void {
  api.open = wanted;
  api.core.deadlines.clear("api");
  api.core.log.forget("api ");
  serveHttp(api.server, fd);
}

/** Of a socket that nobody was told of. */
function drop({ core }: ApiSocket, { socket }: ApiConfig, fd: number): void {
  core.native.close(fd);
  removeFile(core, socket);
}

function leave(api: ApiSocket): void {
  if (api.open !== undefined) removeFile(api.core, api.open.socket);
  api.open = undefined;
}
