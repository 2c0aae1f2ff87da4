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

lossless.run();
