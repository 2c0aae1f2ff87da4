// A browser that a test drives: Chromium without window, spoken to in the DevTools protocol over a
// pipe (descriptors 3 and 4, one JSON message after another, each ended by a zero byte).

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
  "--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
  "--remote-debugging-pipe", "--force-color-profile=srgb", "--lang=en-US"];
const COMMAND_MS_MAX = 20_000;
const POLL_MS = 50;
const FADE_MS = 700;
const HEIGHT_MAX = 1100;

/** The browser's program among the folders of PATH, or undefined. */
export function findChrome(exists) {
  const folders = (process.env.PATH ?? "").split(":");
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(exists);
}

export async function startChrome(program) {
  const profile = mkdtempSync(join(tmpdir(), "adit-chrome-"));
  const child = spawn(program, [...ARGUMENTS, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, TZ: "UTC", HOME: profile },
  });
  const chrome = { child, profile, next: 0, waiting: new Map(), listeners: new Set() };
  readMessages(chrome);
  child.on("error", (error) => console.error(`chromium: ${error.message}`));
  const { targetId } = await send(chrome, "Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send(chrome, "Target.attachToTarget", { targetId, flatten: true });
  return openPage(chrome, sessionId);
}

function readMessages(chrome) {
  let rest = Buffer.alloc(0);
  chrome.child.stdio[3].on("error", () => {});
  chrome.child.stdio[4].on("data", (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      receive(chrome, JSON.parse(rest.subarray(0, end).toString("utf8")));
      rest = rest.subarray(end + 1);
    }
  });
}

function receive({ waiting, listeners }, message) {
  const { resolve, reject } = waiting.get(message.id) ?? {};
  waiting.delete(message.id);
  if (message.error) reject?.(new Error(message.error.message));
  else resolve?.(message.result);
  if (message.method) for (const listener of listeners) listener(message);
}

function send(chrome, method, params = {}, sessionId = undefined) {
  return new Promise((resolve, reject) => {
    const id = ++chrome.next;
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), COMMAND_MS_MAX);
    const settle = (end) => (value) => {
      clearTimeout(timer);
      end(value);
    };
    chrome.waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
    chrome.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
}

/** What a test does with a page; `page.complaints` collects errors that nobody asked for. */
async function openPage(chrome, sessionId) {
  const page = { chrome, complaints: [] };
  page.send = (method, params) => send(chrome, method, params, sessionId);
  chrome.listeners.add(({ method, params }) => complain(page, method, params));
  for (const domain of ["Page", "Runtime", "Log", "DOM"]) await page.send(`${domain}.enable`);
  page.evaluate = (expression) => evaluate(page, expression);
  page.waitFor = (expression, ms) => waitFor(page, expression, ms);
  page.resize = (width, height) => page.send("Emulation.setDeviceMetricsOverride",
    { width, height, deviceScaleFactor: 1, mobile: width < 600, screenWidth: width,
      screenHeight: height });
  page.goto = (url) => goTo(page, url);
  page.click = (finder) => click(page, finder);
  page.type = (text) => page.send("Input.insertText", { text });
  page.setFile = (selector, file) => setFile(page, selector, file);
  page.capture = (file, heightMax) => capture(page, file, heightMax);
  page.close = () => close(page);
  return page;
}

function complain(page, method, params) {
  if (method === "Runtime.exceptionThrown") {
    const { text, exception } = params.exceptionDetails;
    page.complaints.push(exception?.description ?? text);
  }
  if (method === "Log.entryAdded" && params.entry.level === "error") {
    page.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  }
}

async function evaluate(page, expression) {
  const { result, exceptionDetails } = await page.send("Runtime.evaluate",
    { expression, returnByValue: true, awaitPromise: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? expression);
  return result.value;
}

async function waitFor(page, expression, ms = COMMAND_MS_MAX) {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    // A page that is being replaced has no context to evaluate in.
    const value = await evaluate(page, expression).catch(() => undefined);
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const text = await evaluate(page, "document.body.innerText.slice(0, 2000)");
  throw new Error(`waited in vain for ${expression}; the page says:\n${text}`);
}

async function goTo(page, url) {
  await page.send("Page.navigate", { url });
  await waitFor(page, `location.href === ${JSON.stringify(url)} &&
    document.readyState === "complete" && !document.querySelector("#view > .spinning")`);
}

/** Presses the mouse in the middle of the element that an expression finds. */
async function click(page, finder) {
  await waitFor(page, `(${finder}) && !(${finder}).disabled`);
  const { x, y } = await evaluate(page, `(() => {
    const node = ${finder};
    node.scrollIntoView({ block: "center" });
    const { left, top, width, height } = node.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  })()`);
  for (const type of ["mousePressed", "mouseReleased"]) {
    await page.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
  }
}

async function setFile(page, selector, file) {
  const { root } = await page.send("DOM.getDocument");
  const { nodeId } = await page.send("DOM.querySelector", { nodeId: root.nodeId, selector });
  await page.send("DOM.setFileInputFiles", { nodeId, files: [file] });
}

/** The page from its top, as a PNG file; returns its bytes. */
async function capture(page, file, heightMax = HEIGHT_MAX) {
  await evaluate(page, "document.activeElement.blur(), scrollTo(0, 0)");
  // What fades in or out does so meanwhile.
  await new Promise((resolve) => setTimeout(resolve, FADE_MS));
  const { cssContentSize: { width, height } } = await page.send("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width, height: Math.min(height, heightMax), scale: 1 };
  const { data } = await page.send("Page.captureScreenshot",
    { format: "png", captureBeyondViewport: true, clip });
  const bytes = Buffer.from(data, "base64");
  writeFileSync(file, bytes);
  return bytes.length;
}

async function close({ chrome }) {
  const gone = new Promise((resolve) => chrome.child.on("exit", resolve));
  chrome.child.kill("SIGKILL");
  await gone;
  // Its helpers may still write while they die.
  rmSync(chrome.profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
