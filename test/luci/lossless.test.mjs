// The forms lose nothing. Goal: whatever stands in /etc/config/adit, a page that is saved without
// an edit changes no byte of it, and an edit changes what was edited. Method: random
// configurations, every page with forms, every dialog open, in a stand-in for LuCI's forms; the
// control has the same pages without what keeps values, and must lose some.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { clientOf, formOf } from "./form.mjs";
import { E, load } from "./load.mjs";
import { randomConfig, randomOf } from "./random.mjs";

const PAGES = ["locations", "rules", "settings"];
const SEEDS = 40;
const NOTHING_WRONG = { issues: [], warnings: [] };

const dom = { callClassMethod: (node, name, ...args) => node[name](...args),
  findClassInstance: (node) => node };
const L = { hasViewPermission: () => true, resource: (path) => path, url: (path) => path,
  toArray: (value) => (value == null ? [] : [value].flat()) };

/** A page with its forms filled; `isKept: false` takes out what keeps values. */
async function openPage(page, sections, { isKept = true, issues = [] } = {}) {
  const uci = clientOf(sections);
  const form = formOf(uci);
  const maps = [];
  form.Map = class extends form.Map {
    constructor(...args) {
      super(...args);
      maps.push(this);
      this.all = true;
    }
  };
  const answer = ({ method }, [config]) => {
    if (method === "check") return Promise.resolve({ ...NOTHING_WRONG, issues: issues.flatMap(
      (one) => one(config)) });
    return Promise.resolve(method === "dump" ? [] : {});
  };
  const loaded = new Map();
  const stubs = { uci, form, dom, L, ui: {}, poll: { add: () => undefined }, answer };
  if (!isKept) {
    const keep = load("adit.keep", { stubs });
    loaded.set("adit.keep", { ...keep, option: (option) => { option.putBack = () => undefined; } });
  }
  loaded.set("adit.parts", { ...load("adit.parts", { stubs }), show: () => undefined });
  const view = load(`view.adit.${page}`, { stubs, loaded });
  await view.render(await view.load());
  const [map] = maps;
  return { uci, map };
}

const lossless = suite("luci: nothing is lost");

for (const page of PAGES) {
  lossless(`${page}: saved without an edit, nothing is written`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { uci, map } = await openPage(page, randomConfig(seed));
      await map.save();
      await map.save();
      assert.equal(uci.writes, [], `seed ${seed}`);
    }
  });

  lossless(`${page}: without what keeps values they would be lost`, async () => {
    let lost = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { uci, map } = await openPage(page, randomConfig(seed), { isKept: false });
      // What LuCI itself refuses is lost in another way.
      await map.save().catch(() => undefined);
      lost += uci.writes.length > 0 ? 1 : 0;
    }
    assert.ok(lost > SEEDS / 2, `${lost} of ${SEEDS}`);
  });

  lossless(`${page}: one edit changes one option`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = randomOf(seed);
      const { uci, map } = await openPage(page, randomConfig(seed));
      const fields = map.children.flatMap(({ children }) => children)
        .flatMap((option) => Object.keys(option.fields).map((name) => [option, name]));
      if (fields.length === 0) continue;
      const [option, name] = fields[Math.floor(random() * fields.length)];
      const field = option.getUIElement(name);
      const before = field.getValue();
      field.put(Array.isArray(before) ? [...before, "x1"] : before === "1" ? "0" : "1");
      await map.save();
      const touched = new Set(uci.writes.map(([, section, key]) => `${section} ${key}`));
      for (const one of touched) {
        // A new token goes to the file, a new way replaces the older word for it.
        const also = { token: ["token_file"], vl: ["country_code"] }[option.option] ?? [];
        const own = [option.option, ...also].map((key) => `${name} ${key}`);
        assert.ok(own.includes(one), `seed ${seed}, ${own}: ${one}`);
      }
    }
  });

  lossless(`${page}: an edit that is undone is none`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { uci, map } = await openPage(page, randomConfig(seed));
      const [option] = map.children.flatMap(({ children }) => children)
        .filter(({ fields }) => Object.keys(fields).length > 0);
      if (option === undefined) continue;
      const [field] = Object.values(option.fields);
      const before = field.getValue();
      field.put("something else");
      field.put(before);
      await map.save();
      assert.equal(uci.writes, [], `seed ${seed}`);
    }
  });
}

const named = (type, name, options) =>
  ({ name, type, anonymous: name.startsWith("cfg"), options });
const EAST = [
  named("adit", "main", { enabled: "yes", tun_ifname: "wrt0", vl_default: "us-east" }),
  named("location", "cfg04d91e", { name: "us-east", token_file: "/etc/adit/us.token" }),
  named("location", "de", { token_file: "/etc/adit/de.token" }),
  named("protected_iface", "cfg05d91e", { iface: "br-lan", vl: "us-east", when_down: "us-east" }),
  named("protected_mac_addr", "cfg06d91e", { mac_addr: "02:00:5e:10:00:01",
    country_code: "us-east" }),
];
/** The option of that name, of the section if one is given. */
const optionOf = ({ children }, name, section) => children.flatMap((one) => one.children)
  .find(({ option, fields }) => option === name && (section === undefined || fields[section]));

lossless("a location goes by its name, not by that of its section", async () => {
  const rules = await openPage("rules", EAST);
  assert.equal(optionOf(rules.map, "vl").keylist, ["", "us-east", "de", "direct"]);
  assert.is(optionOf(rules.map, "vl", "cfg06d91e").getUIElement("cfg06d91e").getValue(), "us-east");
  const settings = await openPage("settings", EAST);
  assert.equal(optionOf(settings.map, "vl_default").keylist, ["", "us-east", "de"]);
  const locations = await openPage("locations", EAST);
  assert.equal(optionOf(locations.map, "location").keylist, ["us-east", "de"]);
});

lossless("a rule that is added leaves the others alone", async () => {
  const { uci, map } = await openPage("rules", EAST);
  uci.add("adit", "protected_mac_addr", "new");
  await map.save();
  optionOf(map, "mac_addr", "new").getUIElement("new").put("02:00:5e:10:00:02");
  await map.save();
  assert.equal(uci.writes, [["add", "protected_mac_addr", "new"],
    ["set", "new", "mac_addr", "02:00:5e:10:00:02"]]);
});

lossless("a new way replaces the older word for it", async () => {
  const { uci, map } = await openPage("rules", EAST);
  optionOf(map, "vl", "cfg06d91e").getUIElement("cfg06d91e").put("de");
  await map.save();
  assert.equal(uci.writes, [["unset", "cfg06d91e", "country_code"],
    ["set", "cfg06d91e", "vl", "de"]]);
});

const refusing = (section, option, value) => (config) => {
  const line = config.split("\n").indexOf(`option ${option} '${value}'`);
  const place = `${line + 1}: ${section}, option '${option}'`;
  return line < 0 ? [] : [{ path: place, value: `"${value}"`, expected: "something else" }];
};

lossless("what is refused is not saved, and its field says why", async () => {
  const issues = [refusing("protected_iface", "iface", "a b")];
  const { uci, map } = await openPage("rules", EAST, { issues });
  const iface = optionOf(map, "iface");
  const saves = [];
  uci.save = () => saves.push(1);
  iface.getUIElement("cfg05d91e").put("a b");
  let said = "";
  await map.save().catch((error) => { said = error.message; });
  assert.match(said, /protected_iface a b, Interface: expected something else, got "a b"/);
  assert.match(iface.validate("cfg05d91e", "a b"), /expected something else/);
  assert.is(iface.validate("cfg05d91e", "br-lan"), true, "another value is judged anew");
  assert.equal(saves, []);
  iface.getUIElement("cfg05d91e").put("br-guest");
  await map.save();
  assert.equal(saves, [1]);
});

lossless("what was wrong on another page before does not stand in the way", async () => {
  const before = refusing("adit 'main'", "vl_default", "us-east");
  const old = await openPage("rules", EAST, { issues: [before] });
  optionOf(old.map, "vl", "cfg05d91e").getUIElement("cfg05d91e").put("de");
  await old.map.save();
  assert.is(old.uci.get("adit", "cfg05d91e", "vl"), "de");
  const fresh = await openPage("rules", EAST, { issues: [refusing("location 'de'", "token_file",
    "/etc/adit/de.token")] });
  assert.is(await fresh.map.save(), undefined, "nor does it here");
  const broken = await openPage("rules", EAST, { issues: [(config) =>
    (config.includes("option vl 'de'") ? [{ path: "2: adit 'main', option 'enabled'", value: "",
      expected: "another rule" }] : [])] });
  optionOf(broken.map, "vl", "cfg05d91e").getUIElement("cfg05d91e").put("de");
  let said = "";
  await broken.map.save().catch((error) => { said = error.message; });
  assert.match(said, /another rule/, "but what the edit breaks there does");
});

lossless.run();
