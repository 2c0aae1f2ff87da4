// The pages with forms, in LuCI's own: what is edited is saved, what the daemon refuses is not, and
// what nobody touched stays.

import { routerConfig, waitExit } from "../netns/lab/lab.mjs";
import { waitFor } from "../netns/lab/sh.mjs";
import { exitOf, macOf } from "../netns/lab/topology.mjs";
import { routerOf, sectionsOf } from "./configured.mjs";
import { randomConfig } from "./random.mjs";
import { LINKS, button, open, picture, says, textOf, withPolicy } from "./scene.mjs";

const SAVE_MS_MAX = 10_000;
const EXIT_MS_MAX = 5000;
const LOSSLESS_SEEDS = 12;

export const formParts = [
  ["locations", testLocations], ["rules", testRules],
  ["what the daemon refuses", testRefused], ["nothing is lost", testLossless],
  ["settings", testSettings], ["a new token", testToken], ["setup", testSetup],
  ["the protocol", testProtocol],
];

async function testLocations(scene, checks) {
  const { page } = scene;
  await open(scene, "locations");
  await page.waitFor('document.querySelectorAll(".cbi-section-table-row").length >= 4');
  checks.ok(await page.evaluate(says("203.0.113.10 443")), "what is at present stands above");
  await picture(scene, checks, "locations");
}

const ROWS = (type) => `document.querySelectorAll("#cbi-adit-${type} .cbi-section-table-row")`;

/** Chooses in a list that takes other values too. */
async function choose({ page }, within, value) {
  await page.click(`${within}.querySelector(".cbi-dropdown")`);
  await page.evaluate(
    `${within}.querySelector('.cbi-dropdown[open] li[data-value="${value}"]').click()`);
}

const select = ({ page }, within, value) => page.evaluate(`(() => {
  const field = ${within}.querySelector("select");
  field.value = ${JSON.stringify(value)};
  field.dispatchEvent(new Event("change", { bubbles: true }));
})()`);

const field = (row, name) => `${row}.querySelector('[data-name="${name}"]')`;

async function saveAndApply({ page }) {
  await page.click('document.querySelector(".cbi-page-actions .cbi-dropdown > ul > li[display]")');
}

/** Waits until the page was applied and loaded again, or is being looked at again. */
const settled = ({ page }, rows) =>
  page.waitFor(`!document.body.matches(".modal-overlay-active") && ${rows}`);

async function testRules(scene, checks) {
  const { page, uci } = scene;
  await open(scene, "rules");
  await page.waitFor('document.querySelectorAll(".cbi-section-table-row").length >= 4');
  await page.click(button("Add", 'document.querySelector("#cbi-adit-protected_mac_addr")'));
  await page.waitFor(`${ROWS("protected_mac_addr")}.length === 2`);
  const fresh = `[...${ROWS("protected_mac_addr")}].at(-1)`;
  await choose(scene, field(fresh, "mac_addr"), macOf("guest"));
  await select(scene, field(fresh, "vl"), "de");
  await picture(scene, checks, "rules");
  await saveAndApply(scene);
  await waitFor("the rule to be saved", SAVE_MS_MAX, () =>
    uci.text().includes(`mac_addr '${macOf("guest")}'`));
  await settled(scene, `${ROWS("protected_mac_addr")}.length === 2`);
  const { got } = await waitExit("guest", "v4", exitOf("de").v4, EXIT_MS_MAX);
  checks.same(got, exitOf("de").v4, "a device that was picked is saved and applied");
}

async function testRefused(scene, checks) {
  const { page, uci } = scene;
  await open(scene, "rules");
  const before = uci.text();
  const rows = ROWS("protected_ip_addr");
  await page.click(button("Add", 'document.querySelector("#cbi-adit-protected_ip_addr")'));
  await page.waitFor(`${rows}.length === 3`);
  const fresh = `[...${rows}].at(-1)`;
  const dropdown = `${field(fresh, "ip_addr")}.querySelector(".cbi-dropdown")`;
  const put = (value) =>
    page.evaluate(`L.dom.callClassMethod(${dropdown}, "setValue", "${value}")`);
  await put("192.168.1.60/24");
  await saveAndApply(scene);
  await page.waitFor('document.querySelector(".modal")?.innerText.includes("without host bits")');
  checks.ok(await page.evaluate(textOf(".modal")).then((text) => /192\.168\.1\.60\/24/.test(text)),
    "what the daemon would refuse is refused with its words");
  await page.click(button("Dismiss"));
  checks.ok(await page.evaluate(`${dropdown}.matches(".cbi-input-invalid")`),
    "its field is marked");
  checks.same(uci.text(), before, "and nothing is saved");
  // LuCI leaves it at a rejected promise.
  checks.ok(page.complaints.splice(0).every((one) => /host bits/.test(one)),
    "which is all that the browser complains of");
  await put("192.168.1.60");
  await saveAndApply(scene);
  await waitFor("the address to be saved", SAVE_MS_MAX, () =>
    uci.text().includes("ip_addr '192.168.1.60'"));
  await settled(scene, `${rows}.length === 3`);
}

async function testSettings(scene, checks) {
  const { page, uci } = scene;
  await open(scene, "settings");
  await page.waitFor('document.querySelectorAll(".cbi-tabmenu li").length === 3');
  checks.ok(await page.evaluate('[...document.querySelectorAll("#view input")].some((one) => '
    + 'one.value === "wrt0")'), "the settings show what is configured");
  uci.methods.set({ config: "adit", section: "main", values: { tun_mtu: "12" } });
  uci.commit();
  await open(scene, "settings");
  await page.waitFor('document.querySelector("[role=alert]")?.innerText.includes("tun_mtu")');
  checks.ok(true, "a configuration that the daemon does not take is told");
  uci.methods.delete({ config: "adit", section: "main", options: ["tun_mtu"] });
  uci.methods.set({ config: "adit", section: "main", values: { policy_file: "/etc/adit/p.mjs",
    policy_ifnames: [""] } });
  uci.commit();
  await open(scene, "settings");
  await page.waitFor(says("says something that may not be meant"));
  checks.ok(true, "so is what may not be meant");
  uci.methods.delete({ config: "adit", section: "main", options: ["policy_file",
    "policy_ifnames"] });
  uci.commit();
}

const PAGES_WITH_FORMS = ["locations", "rules", "settings"];

/** The same question as in lossless.test.mjs, to LuCI's own forms. */
async function testLossless(scene, checks) {
  const { page, uci } = scene;
  const lost = [];
  for (let seed = 1; seed <= LOSSLESS_SEEDS; seed++) {
    uci.put("adit", randomConfig(seed));
    const before = uci.staged();
    for (const view of PAGES_WITH_FORMS) {
      uci.writes.length = 0;
      await open(scene, view);
      await page.waitFor('document.querySelector("#view .cbi-map")');
      await page.evaluate(`Promise.all([...document.querySelectorAll("#maincontent .cbi-map")]
        .map((map) => L.dom.callClassMethod(map, "save", undefined, true)))`);
      if (uci.writes.length > 0 || uci.staged() !== before) {
        lost.push(`${seed} ${view} ${JSON.stringify(uci.writes)}`);
      }
      uci.revert();
    }
  }
  checks.same(lost.join("\n"), "", `${LOSSLESS_SEEDS} random configurations lose nothing`);
  uci.put("adit", sectionsOf(withPolicy(routerConfig(scene.lab))));
}

const save = ({ page }) => page.click(button("Save", 'document.querySelector(".modal")'));

async function testToken(scene, checks) {
  const { page, uci, files } = scene;
  await open(scene, "locations");
  await page.waitFor(`${ROWS("location")}.length >= 2`);
  await page.click(button("Edit", `${ROWS("location")}[0]`));
  const input = 'document.querySelector(".modal [data-name=\\"token\\"] input")';
  await page.waitFor(input);
  checks.same(await page.evaluate(`${input}.value`), "", "a token is never shown");
  await page.click(input);
  await page.type("n3w t0ken");
  await save(scene);
  await page.waitFor('document.querySelector(".modal .adit-complaint")');
  checks.ok(true, "what is no token is refused in the dialog");
  await page.evaluate(`${input}.select()`);
  await page.type("n3w-t0ken");
  await save(scene);
  await page.waitFor('!document.body.matches(".modal-overlay-active")');
  const { data, mode } = files.get("/etc/adit/us.token") ?? {};
  checks.same(`${data}${mode}`, `n3w-t0ken\n${0o600}`, "a new token goes into a file of root's");
  checks.ok(uci.staged().includes("option token_file '/etc/adit/us.token'"),
    "which the location names");
  checks.ok(!uci.staged().includes("n3w"), "and nowhere else");
  uci.revert();
  page.complaints.length = 0;
}

async function testProtocol(scene, checks) {
  const { page } = scene;
  await open(scene, "settings");
  const [name, isVirtual] = await page.evaluate(`L.require("protocol.adit")
    .then(() => L.require("network")).then((network) => {
      const vpn = network.getProtocol("adit", "vpn");
      return [vpn.getI18n(), vpn.isFloating() && vpn.isVirtual()];
    })`);
  checks.same(name, "Tunnels of adit", "LuCI knows the protocol");
  checks.ok(isVirtual, "whose device LuCI neither makes nor asks for");
}

const FRESH = [{ name: "main", type: "adit", anonymous: false,
  options: { enabled: "0", tun_ifname: "wrt0", lan_ifnames: ["br-lan"] } }];

/** A click that ends in Save & Apply, after which LuCI loads the page anew. */
async function step({ page, uci }, words, isSaved) {
  await page.click(button(words, 'document.querySelector("#view")'));
  await waitFor(`${words} to be applied`, SAVE_MS_MAX, () => isSaved(uci));
  await page.waitFor('!document.body.matches(".modal-overlay-active") &&' +
    ' document.querySelectorAll("#view .adit-badge").length === 5');
}

async function testSetup(scene, checks) {
  const { page, uci, files, lab } = scene;
  const before = sectionsOf(withPolicy(routerConfig(lab)));
  uci.put("adit", FRESH);
  const fresh = Object.entries(routerOf(LINKS));
  fresh.forEach(([config, sections]) => uci.put(config, sections));
  await open(scene, "status");
  await page.waitFor(says("The firewall rejects what the LAN sends into tunnels"));
  checks.ok(true, "the status misses the firewall's zone");
  await open(scene, "setup");
  await page.waitFor(says("The Internet is behind eth1."));
  await picture(scene, checks, "setup");
  const { pin } = routerConfig(lab).locations[0].peers[0];
  const put = (line) => page.evaluate(
    `document.querySelector("#adit-join").value = ${JSON.stringify(line)}`);
  await put("us-east 203.0.113.10:443 sha256/short s3cret");
  await page.click(button("Add", 'document.querySelector("#view")'));
  await page.waitFor(says("Nothing was changed:"));
  checks.same(uci.staged(), uci.text(), "what the daemon would refuse is not done");
  await page.click(button("Enable and start", 'document.querySelector("#view")'));
  await page.waitFor(says("wan_ifname"));
  checks.same(uci.staged(), uci.text(), "and nothing is started that could not run");
  await step(scene, "Use eth1", () => uci.text().includes("wan_ifname 'eth1'"));
  await put(`us-east 203.0.113.10:443 ${pin} s3cret`);
  await step(scene, "Add", () => uci.text().includes("option name 'us-east'"));
  const { data, mode } = files.get("/etc/adit/us_east.token") ?? {};
  checks.same(`${data}${mode}`, `s3cret\n${0o600}`,
    "a line becomes a location, its token a file of root's");
  await step(scene, "Make zone and forwarding",
    () => uci.text("firewall").includes("dest 'adit'"));
  checks.ok(uci.text("network").includes("config interface 'adit'\n\toption proto 'adit'"),
    "a click makes interface, zone and forwarding");
  await open(scene, "status");
  await page.waitFor('document.querySelector("#view h3")');
  checks.ok(!await page.evaluate(says("The firewall rejects")), "which the status sees");
  uci.put("adit", before);
  page.complaints.length = 0;
}
