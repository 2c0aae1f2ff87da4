// The pages with forms, in LuCI's own: what is edited is saved, what the daemon refuses is not, and
// what nobody touched stays.

import { routerConfig, waitExit } from "../netns/lab/lab.mjs";
import { waitFor } from "../netns/lab/sh.mjs";
import { exitOf, macOf } from "../netns/lab/topology.mjs";
import { sectionsOf } from "./configured.mjs";
import { randomConfig } from "./random.mjs";
import { button, open, picture, says, textOf, withPolicy } from "./scene.mjs";

const SAVE_MS_MAX = 10_000;
const EXIT_MS_MAX = 5000;
const LOSSLESS_SEEDS = 12;

export const formParts = [
  ["locations", testLocations], ["rules", testRules],
  ["what the daemon refuses", testRefused], ["nothing is lost", testLossless],
  ["settings", testSettings],
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
