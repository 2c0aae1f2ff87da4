// The pages in a real browser, in LuCI's real front end, over a real daemon in the lab. What is
// stubbed is the server side of LuCI: test/luci/rpcd.mjs.
//
// LUCI_DIR names a checkout of LuCI. With PICTURES=FOLDER the pictures of docs/luci.md are written.

import { writeFileSync } from "node:fs";
import { finish, makeChecks, part } from "../netns/lab/check.mjs";
import { stopDaemon } from "../netns/lab/daemon.mjs";
import { waitExit } from "../netns/lab/lab.mjs";
import { runSandboxed } from "../netns/lab/sandbox.mjs";
import { DEVICES, exitOf, macOf } from "../netns/lab/topology.mjs";
import { formParts } from "./browser-forms.mjs";
import { ADMIN, DESK, GUEST, button, open, picture, rowOf, says, setScene, textOf }
  from "./scene.mjs";

const PHONE = [390, 844];
const GRAPH_MS_MAX = 120_000;
const EXIT_MS_MAX = 5000;
/** A picture is worth waiting for a longer graph. */
const GRAPH_POINTS = process.env.PICTURES === undefined ? 4 : 45;
/** Names of parts, to work at one of them. */
const ONLY = process.env.PARTS?.split(",");
const HOSTILE = '<img src=x onerror="window.hacked = 1">';

const SCRIPT = `import { byName, definePolicy, via } from "adit:policy";

export default definePolicy({
  version: 2,
  route(device) {
    if (device.addresses.includes("192.168.1.20")) {
      return via("us", { why: "the television watches there" });
    }
    if (byName(device, "phone")) return via("us", { why: "the phone's country" });
    return undefined;
  },
});
`;

const PARTS = [
  ["status", testStatus], ["devices", testDevices], ["hostile names", testHostileNames],
  ["policy: try", testTry], ["policy: swap and rollback", testSwap],
  ["policy: what does not go", testRefusals], ...formParts,
  ["in other languages", testLanguages], ["on a phone", testPhone],
  ["many locations", testManyLocations],
  ["without rights", testGuest], ["without daemon", testDown],
];

async function testStatus(scene, checks) {
  const { page } = scene;
  await open(scene, "status");
  await page.waitFor('document.querySelectorAll(".adit-badge.good").length >= 3');
  const points = 'document.querySelector("polyline.adit-rx").getAttribute("points").split(" ")';
  await page.waitFor(`${points}.length >= ${GRAPH_POINTS}`, GRAPH_MS_MAX);
  const text = await page.evaluate(textOf("#view"));
  checks.ok(/↓ [\d.]+ Mbit\/s/.test(text), "the throughput of us is told in Mbit/s");
  checks.ok(/203\.0\.113\.10/.test(text), "its gateway is told");
  const tabs = await page.evaluate(textOf("#tabmenu"));
  checks.same(tabs.split(/\s+/).join(" "),
    "Status Devices Locations Rules Policy Settings Setup", "the menu has all pages");
  await picture(scene, checks, "status");
}

async function testDevices(scene, checks) {
  const { page } = scene;
  await open(scene, "devices");
  await page.waitFor(`${rowOf("phone")}?.innerText.includes("through us")`);
  await page.click(button("de", rowOf("phone")));
  await page.waitFor(`${rowOf("phone")}?.innerText.includes("through de")`);
  const { got } = await waitExit("phone", "v4", exitOf("de").v4, EXIT_MS_MAX);
  checks.same(got, exitOf("de").v4, "one click sends the phone through de");
  checks.same(await page.evaluate("document.activeElement.dataset.focus"),
    `way ${macOf("phone")} de`, "the focus stays where it was");
  checks.ok(await page.evaluate(`${button("de", rowOf("phone"))}.ariaPressed === "true"`),
    "the pressed button says so");
  await picture(scene, checks, "devices");
  await page.click(button("Why?", rowOf("tv")));
  await page.waitFor('document.querySelectorAll(".modal ol li").length >= 3');
  checks.ok(/decides/.test(await page.evaluate(textOf(".modal"))), "an explanation opens");
  await page.click(button("Close"));
  await page.click(button("no own rule", rowOf("phone")));
  await page.waitFor(`${rowOf("phone")}?.innerText.includes("not managed")`);
  await page.click(button("direct", rowOf("laptop")));
  await page.waitFor(`${rowOf("laptop")}?.innerText.includes("past every tunnel")`);
  await page.click(button("us", rowOf("phone")));
  await page.waitFor(`${rowOf("phone")}?.innerText.includes("through us")`);
}

async function testHostileNames(scene, checks) {
  const { page } = scene;
  scene.names.laptop = HOSTILE;
  await open(scene, "devices");
  await page.waitFor(`${rowOf("laptop")}?.innerText.includes("onerror")`);
  await page.click(button("de", rowOf("laptop")));
  await page.waitFor(`${rowOf("laptop")}?.innerText.includes("through de")`);
  await page.waitFor('document.querySelector(".adit-told")?.innerText.includes("onerror")');
  checks.ok(await page.evaluate("window.hacked === undefined"), "a name is text, not markup");
  checks.same(await page.evaluate('document.querySelectorAll("#maincontent img").length'), 0,
    "and makes no element");
  await open(scene, "rules");
  await page.click('document.querySelector("#cbi-adit-protected_mac_addr .cbi-dropdown")');
  await page.waitFor('document.querySelector("#view .cbi-dropdown[open]").innerText' +
    '.includes("onerror")');
  checks.ok(await page.evaluate("window.hacked === undefined"), "nor in a list of devices");
  scene.names.laptop = "laptop";
}

function scriptFile(name, text) {
  const file = `/run/adit-lab/${name}`;
  writeFileSync(file, text);
  return file;
}

async function testTry(scene, checks) {
  const { page } = scene;
  await open(scene, "policy");
  await page.waitFor(says("No script was swapped in yet."));
  await page.setFile("#adit-file", scriptFile("policy.mjs", SCRIPT));
  await page.waitFor('document.querySelector("#adit-script").value.includes("television")');
  await page.click(button("Try"));
  await page.waitFor(says("devices would move."));
  checks.ok(await page.evaluate(says("the television watches there")), "the reasons are shown");
  const { got } = await waitExit("tv", "v4", exitOf("de").v4, EXIT_MS_MAX);
  checks.same(got, exitOf("de").v4, "nothing has moved");
  await picture(scene, checks, "policy-try");
}

const TV_RULE = { kind: "ip", subject: `192.168.1.${DEVICES.tv.host}` };

async function testSwap(scene, checks) {
  const { page } = scene;
  await page.click(button("Swap in…"));
  await page.waitFor('document.querySelector(".modal h4")?.innerText.includes("Swap this script")');
  await page.click(button("Swap in"));
  await page.waitFor(says("On probation"));
  await page.waitFor('/^[1-5]?\\d s left/.test(document.querySelector("[data-left]").innerText)');
  const left = await page.evaluate('parseInt(document.querySelector("[data-left]").innerText)');
  await page.waitFor(`parseInt(document.querySelector("[data-left]").innerText) < ${left}`);
  checks.ok(true, "the seconds run down");
  const { got } = await waitExit("tv", "v4", exitOf("us").v4, EXIT_MS_MAX);
  checks.same(got, exitOf("us").v4, "the television moved");
  await picture(scene, checks, "policy-swap");
  await page.click(button("Roll back"));
  await page.waitFor(says("What decided before decides again."));
  await page.waitFor(says("rolled back"));
  const back = await waitExit("tv", "v4", exitOf("de").v4, EXIT_MS_MAX);
  checks.same(back.got, exitOf("de").v4, `and comes back after the rollback (${TV_RULE.subject})`);
  await page.click(button("Swap in…"));
  await page.click(button("Swap in"));
  await page.waitFor(says("On probation"));
  await page.click(button("Confirm"));
  await page.waitFor(says("The script is confirmed."));
  await page.waitFor(`!(${says("On probation")})`);
  checks.ok(true, "a script can be confirmed");
  await page.click(button("Remove"));
  await page.waitFor(says("What the configuration names decides again."));
  await page.waitFor(`!${button("Remove")}`);
  checks.ok(true, "and removed");
}

async function testRefusals(scene, checks) {
  const { page } = scene;
  await open(scene, "policy");
  const wrong = SCRIPT.replace("return undefined;", "return undefined.way;");
  await page.setFile("#adit-file", scriptFile("wrong.mjs", wrong));
  await page.click(button("Try"));
  await page.waitFor(says("Warnings: a swap would be refused"));
  checks.ok(await page.evaluate(says("TypeError")), "what a script throws is shown");
  await page.setFile("#adit-file", scriptFile("broken.mjs", "export default {"));
  await page.click(button("Try"));
  await page.waitFor('document.querySelector("[role=alert]")?.innerText.includes("yntax")');
  checks.ok(true, "so is a syntax error");
  await page.setFile("#adit-file", scriptFile("long.mjs", `${SCRIPT}// ${"x".repeat(66_000)}\n`));
  await page.click(button("Try"));
  await page.waitFor(says("adit policy try FILE"));
  checks.ok(await page.evaluate(says("at most 65536 bytes")), "so is a script that is too long");
}

const WORDS = { de: "Geräte", es: "Dispositivos", fr: "Appareils", "pt_BR": "Dispositivos",
  "zh_Hans": "设备" };

async function testLanguages(scene, checks) {
  const { page, server: { site } } = scene;
  for (const [language, words] of Object.entries(WORDS)) {
    site.language = language;
    for (const view of ["devices", "rules", "setup"]) {
      await open(scene, view);
      await page.waitFor(says(words));
    }
    checks.ok(true, `the pages speak ${language}`);
  }
  site.language = "en";
}

async function testPhone(scene, checks) {
  const { page } = scene;
  await page.resize(...PHONE);
  for (const view of ["status", "devices", "locations", "rules", "policy", "settings", "setup"]) {
    await open(scene, view);
    await page.waitFor('document.querySelector("#view h2, #view h3")');
    const width = await page.evaluate("document.documentElement.scrollWidth");
    checks.ok(width <= PHONE[0], `${view} is no wider than a phone`, `${width} px`);
  }
  await open(scene, "devices");
  await page.waitFor(`${rowOf("phone")}?.innerText.includes("through")`);
  await picture(scene, checks, "phone");
  await page.resize(...DESK);
}

async function testManyLocations(scene, checks) {
  const { page } = scene;
  await open(scene, "devices");
  const options = await page.evaluate(`L.require("view.adit.devices").then((view) => {
    const many = ["us", "de", "fr", "jp", "br", "za"].map((name) => ({ name }));
    const select = view.chooser({ mac: "02:00:00:00:00:10", addresses: [], rule: "" }, many, "x");
    return [...select.options].map((one) => one.value).join();
  })`);
  checks.same(options, "us,de,fr,jp,br,za,direct,", "many locations make a list");
}

async function testGuest(scene, checks) {
  const { page } = scene;
  scene.session = GUEST;
  await page.evaluate("sessionStorage.clear()");
  await open(scene, "devices");
  await page.waitFor(rowOf("phone"));
  checks.ok(await page.evaluate(`${button("de", rowOf("phone"))}.disabled`),
    "who may only read cannot move a device");
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "call",
    params: [GUEST, "adit", "protect", { mac_addr: macOf("phone"), vl: "de" }] });
  const answer = await scene.rpcd.handle(body);
  checks.same(answer.error?.code, -32002, "and the access list refuses it");
  await open(scene, "policy");
  await page.waitFor(`${says("In force")} && ${says("History")} && ${says("Limits")}`);
  checks.ok(await page.evaluate(`!(${says("Another script")}) && !${button("Try")}`),
    "the policy is shown, without a way to change it");
  scene.session = ADMIN;
}

async function testDown(scene, checks) {
  const { page, lab } = scene;
  await open(scene, "status");
  await page.waitFor('document.querySelectorAll(".adit-badge.good").length >= 3');
  await stopDaemon(lab.daemons.router);
  scene.daemon.socket = undefined;
  await page.waitFor(says("adit is not running"));
  checks.ok(await page.evaluate(says("service adit start")), "the page says how to start it");
  await picture(scene, checks, "down");
  await page.click(button("Start adit"));
  await page.waitFor('document.querySelectorAll(".adit-badge.good").length >= 3');
  checks.ok(true, "and does it on request");
}

await runSandboxed(import.meta.url, async () => {
  const checks = makeChecks();
  const scene = await setScene();
  const { page } = scene;
  for (const [name, body] of PARTS.filter(([name]) => !ONLY || ONLY.includes(name))) {
    await part(checks, name, () => body(scene, checks));
    checks.ok(page.complaints.length === 0, `${name}: the browser complains of nothing`,
      page.complaints.splice(0).join("\n"));
  }
  await page.close();
  return finish(checks);
});
