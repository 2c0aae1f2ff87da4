// A client of the API that may break every rule: bytes as they are, in the pieces that are told.

import { connect } from "node:net";

const ANSWER_MS_MAX = 60_000;
const ATTEMPTS_MAX = 10;

/** Latin-1: one character, one byte. */
const bytesOf = (text) => Buffer.from(text, "latin1");

/** A connection, with all that came over it in `text`; `ended` resolves when it is over. */
export function openRaw(path) {
  const socket = connect(path);
  const raw = { socket, text: "" };
  socket.on("data", (data) => { raw.text += data.toString("latin1"); });
  // That the daemon closes first is what most of these wait for.
  socket.on("error", () => {});
  raw.opened = new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  raw.ended = new Promise((resolve) => socket.once("close", resolve));
  socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy());
  return raw;
}

/**
 * Sends pieces one after another until an answer comes, and gives all of that. Node forgets what it
 * has not read when a write fails, as it does behind an early answer: then it is asked again.
 */
export async function exchange(path, pieces) {
  let text = "";
  for (let attempt = 0; attempt < ATTEMPTS_MAX && text === ""; attempt++) {
    const raw = openRaw(path);
    await raw.opened;
    for (const piece of pieces) {
      if (raw.text !== "") break;
      await new Promise((resolve) => raw.socket.write(bytesOf(piece), resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.ended;
    ({ text } = raw);
  }
  return text;
}

/** The status of an answer that is whole and the only one, 0 of anything else. */
export function statusOf(text) {
  const [, status, length] =
    /^HTTP\/1\.1 (\d{3}) .*?\r\nContent-Length: (\d+)\r\n/is.exec(text) ?? [];
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  const isWhole = Number(length) === body.length || body === "";
  return isWhole ? Number(status) : 0;
}

export function requestText(method, target, type, body) {
  const head = `${method} ${target} HTTP/1.1\r\nHost: adit\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const bytes = body.split("").some((one) => one > "\u00ff") ? Buffer.from(body).toString("latin1")
    : body;
  const words = type === undefined ? "" : `Content-Type: ${type}\r\n`;
  return `${head}${words}Content-Length: ${bytes.length}\r\n\r\n${bytes}`;
}
