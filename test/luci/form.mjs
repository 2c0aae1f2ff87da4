// LuCI's forms without a browser, as far as they decide what becomes of a configuration: what each
// kind of field shows of a value, and what is written of what it shows. As in LuCI's form.js, ui.js
// and uci.js; test/luci/browser.test.mjs asks the real ones the same questions.

/** What a select box of a browser holds: one of its choices. */
function selectValue(value, choices, isOptional) {
  const keys = [...(isOptional ? [""] : []), ...choices.filter((key) => key !== "")];
  return keys.includes(value) ? value : keys[0] ?? "";
}

const textOf = (value) => (Array.isArray(value) ? value.join(" ") : String(value ?? ""));
const listOf = (value) => (Array.isArray(value) ? value : textOf(value).match(/\S+/g) ?? []);
const isSame = (left, right) => JSON.stringify(left) === JSON.stringify(right) ||
  (typeof left !== "object" && left == right);

class Value {
  constructor(map, section, option, title) {
    Object.assign(this, { map, section, option, title, rmempty: true, optional: false,
      keylist: [], fields: {}, values: {} });
  }

  value(key) {
    this.keylist.push(String(key));
  }

  load(section) {
    return this.map.data.get(this.map.config, section, this.option);
  }

  cfgvalue(section) {
    return this.values[section];
  }

  /** What the field holds when it is shown; `put` is its user. */
  renderWidget(section, _index, value) {
    const node = { held: this.hold(value ?? this.default) };
    node.getValue = () => node.held;
    node.put = (next) => { node.held = next; };
    return node;
  }

  hold(value) {
    return textOf(value);
  }

  getUIElement(section) {
    return this.fields[section] ?? null;
  }

  validate() {
    return true;
  }

  triggerValidation(section) {
    return this.validate(section, this.formvalue(section)) === true;
  }

  formvalue(section) {
    return this.getUIElement(section).getValue();
  }

  async parse(section) {
    if (this.getUIElement(section) === null) return;
    const shown = this.formvalue(section);
    const judged = String(shown) === "" ? true : this.validate(section, shown);
    if (judged !== true) throw new TypeError(judged);
    const isDefault = shown === this.default && (this.optional || this.rmempty);
    if (shown === "" || shown.length === 0 || isDefault) {
      if (!this.rmempty && !this.optional) throw new TypeError(`${this.title}: empty`);
      await this.remove(section);
    } else if (!isSame(this.cfgvalue(section), shown)) {
      await this.write(section, shown);
    }
  }

  write(section, value) {
    this.map.data.set(this.map.config, section, this.option, value);
  }

  remove(section) {
    this.map.data.unset(this.map.config, section, this.option);
  }
}

class DynamicList extends Value {
  hold(value) {
    return [...new Set(listOf(value))];
  }
}

class ListValue extends Value {
  hold(value) {
    const isOptional = this.optional || this.keylist.includes("");
    return selectValue(Array.isArray(value) ? value[0] : value, this.keylist, isOptional);
  }
}

class Flag extends Value {
  enabled = "1";
  disabled = "0";
  default = "0";

  hold(value) {
    return textOf(value) === this.enabled ? this.enabled : this.disabled;
  }

  async parse(section) {
    if (this.getUIElement(section) === null) return;
    const shown = this.formvalue(section);
    if (shown === this.default && (this.optional || this.rmempty)) this.remove(section);
    else this.write(section, shown);
  }
}

class Section {
  constructor(map, sectiontype) {
    Object.assign(this, { map, sectiontype, children: [] });
  }

  tab() {}

  option(Kind, option, title) {
    this.children.push(new Kind(this.map, this, option, title));
    return this.children.at(-1);
  }

  taboption(_tab, ...args) {
    return this.option(...args);
  }

  names() {
    return this.map.data.sections(this.map.config, this.sectiontype).map((one) => one[".name"]);
  }

  /** The fields that a row shows, apart from those of its dialog. */
  visible() {
    return this.children.filter(({ modalonly }) => !modalonly);
  }
}

class TableSection extends Section {}

/** Rows of texts; every field is in the dialog of a row. */
class GridSection extends Section {
  visible() {
    return this.children.filter(({ editable, modalonly }) => editable && !modalonly);
  }
}

class NamedSection extends Section {
  constructor(map, name, sectiontype) {
    super(map, sectiontype);
    this.name = name;
  }

  names() {
    return this.map.data.get(this.map.config, this.name) ? [this.name] : [];
  }
}

/** The form classes over a stand-in of LuCI's uci. */
export function formOf(uci) {
  class Map {
    /** LuCI's way to make a subclass, whose functions call `super` by name. */
    static extend(members) {
      const Kind = class extends this {};
      Object.assign(Kind.prototype, members);
      const base = this.prototype;
      Kind.prototype.super = function callBase(name, args) {
        return base[name].apply(this, args);
      };
      return Kind;
    }

    constructor(config, title, description) {
      Object.assign(this, { config, title, description, data: uci, children: [], root: {} });
    }

    section(Kind, ...args) {
      this.children.push(new Kind(this, ...args));
      return this.children.at(-1);
    }

    lookupOption(name, section) {
      const option = this.fieldsOf(section).find((one) => one.option === name);
      return option ? [option, section] : null;
    }

    fieldsOf(section) {
      return this.children.flatMap(({ children }) => children)
        .filter((option) => option.getUIElement(section) !== null);
    }

    /** Fills the fields; `all` opens the dialogs of all rows too. */
    async render(all = this.all) {
      this.all = all;
      for (const section of this.children) {
        for (const option of section.children) option.fields = {};
        for (const name of section.names()) {
          for (const option of all ? section.children : section.visible()) {
            option.values[name] = await option.load(name);
            option.fields[name] = option.renderWidget(name, 0, option.values[name]);
          }
        }
      }
      return { tag: "form", attributes: {}, children: [] };
    }

    async parse() {
      for (const section of this.children) {
        for (const name of section.names()) {
          for (const option of section.children) await option.parse(name);
        }
      }
    }

    async save(also) {
      await this.parse();
      await also?.();
      await uci.save();
      await this.render();
    }
  }
  return { Map, Value, DynamicList, ListValue, Flag, TableSection, GridSection, NamedSection };
}

/** LuCI's uci over one configuration; `writes` has what it would send to the router. */
export function clientOf(sections) {
  const values = structuredClone(sections);
  const client = { writes: [] };
  const find = (name) => values.find((one) => one.name === name);
  const view = ({ name, type, anonymous, options }) =>
    ({ ".name": name, ".type": type, ".anonymous": anonymous, ...options });
  client.load = () => Promise.resolve();
  client.save = () => Promise.resolve();
  client.sections = (_config, type) => values
    .filter((one) => type === undefined || one.type === type).map(view);
  client.get = (_config, name, option) => {
    const one = find(name);
    return one && (option === undefined ? view(one) : one.options[option]);
  };
  client.set = (_config, name, option, value) => {
    if (value === null || value === undefined) return client.unset(_config, name, option);
    client.writes.push(["set", name, option, value]);
    find(name).options[option] = value;
    return undefined;
  };
  client.unset = (_config, name, option) => {
    if (!(option in find(name).options)) return;
    client.writes.push(["unset", name, option]);
    delete find(name).options[option];
  };
  client.add = (_config, type, name) => {
    client.writes.push(["add", type, name]);
    values.push({ name, type, anonymous: false, options: {} });
    return name;
  };
  return client;
}
