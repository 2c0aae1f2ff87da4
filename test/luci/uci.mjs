// The part of rpcd's uci object that LuCI's forms use, over configurations in memory: staged
// changes beside what is saved, and the file's text as `uci export` would write it.

const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/**
 * `configs` has, by name, sections [{ name, type, anonymous, options }]; `onCommit` gets name and
 * new text of each that changed. `writes` lists every call that changes something.
 */
export function createUci({ configs, onCommit }) {
  const all = Object.fromEntries(Object.entries(configs).map(([config, sections]) => [config,
    { config, saved: sections, staged: structuredClone(sections), added: 0 }]));
  const uci = { all, onCommit, writes: [] };
  const on = (apply) => (args) => (all[args.config] ? apply(all[args.config], args)
    : [ubusNotFound]);
  const write = (verb, apply) => on((one, args) => {
    uci.writes.push([verb, args]);
    return apply(one, args);
  });
  const methods = {
    get: on(get),
    set: write("set", (one, { section, values }) =>
      change(one, section, ({ options }) => merge(options, values))),
    add: write("add", add),
    delete: write("delete", (one, { section, options }) => remove(one, section, options)),
    order: write("order", (one, { sections }) => order(one, sections)),
    changes: () => [0, { changes: Object.fromEntries(Object.values(all).filter(isChanged)
      .map((one) => [one.config, changesOf(one)])) }],
  };
  return { methods, writes: uci.writes, text: (config = "adit") => textOf(all[config].saved),
    staged: (config = "adit") => textOf(all[config].staged), commit: () => commit(uci),
    put: (config, sections) => { Object.assign(all[config], { saved: sections,
      staged: structuredClone(sections) }); },
    revert: () => {
      for (const one of Object.values(all)) one.staged = structuredClone(one.saved);
    },
    isChanged: () => Object.values(all).some(isChanged) };
}

const isChanged = (uci) => textOf(uci.saved) !== textOf(uci.staged);

function commit({ all, onCommit }) {
  for (const one of Object.values(all).filter(isChanged)) {
    one.saved = structuredClone(one.staged);
    onCommit?.(one.config, textOf(one.saved));
  }
}

const ubusNotFound = 4;

function get(uci) {
  const values = Object.fromEntries(uci.staged.map(({ name, type, anonymous, options }, index) => {
    const inner = { ".anonymous": anonymous, ".type": type, ".name": name, ".index": index };
    return [name, { ...inner, ...options }];
  }));
  return [0, { values }];
}

function add(uci, { type, name, values = {} }) {
  const given = name ?? `cfg${String(++uci.added).padStart(6, "0")}`;
  const section = { name: given, type, anonymous: name === undefined, options: {} };
  merge(section.options, values);
  uci.staged.push(section);
  return [0, { section: given }];
}

function merge(options, values) {
  for (const [key, value] of Object.entries(values)) options[key] = value;
}

function change(uci, name, apply) {
  const section = uci.staged.find((one) => one.name === name);
  if (section === undefined) return [ubusNotFound];
  apply(section);
  return [0];
}

function remove(uci, name, options) {
  if (options === undefined) {
    uci.staged = uci.staged.filter((one) => one.name !== name);
    return [0];
  }
  return change(uci, name, (one) => options.forEach((option) => delete one.options[option]));
}

function order(uci, names) {
  const rank = (one) => (names.includes(one.name) ? names.indexOf(one.name) : names.length);
  uci.staged.sort((left, right) => rank(left) - rank(right));
  return [0];
}

/** What is staged, as rpcd lists it: [verb, section, option or type, value]. */
function changesOf({ saved, staged }) {
  const before = new Map(saved.map((one) => [one.name, one]));
  const after = new Set(staged.map(({ name }) => name));
  const removed = saved.filter(({ name }) => !after.has(name)).map(({ name }) => ["remove", name]);
  return [...removed, ...staged.flatMap(({ name, type, options }) => {
    const old = before.get(name);
    const set = Object.entries(options)
      .filter(([key, value]) => String(old?.options[key]) !== String(value))
      .map(([key, value]) => ["set", name, key, String(value)]);
    const unset = Object.keys(old?.options ?? {}).filter((key) => !(key in options))
      .map((key) => ["remove", name, key]);
    return [...(old === undefined ? [["add", name, type]] : []), ...set, ...unset];
  })];
}

export function textOf(sections) {
  return sections.map(({ name, type, anonymous, options }) => {
    const lines = Object.entries(options).flatMap(([key, value]) => (Array.isArray(value)
      ? value.map((one) => `\tlist ${key} ${quote(one)}`) : [`\toption ${key} ${quote(value)}`]));
    return [`config ${type}${anonymous ? "" : ` ${quote(name)}`}`, ...lines, ""].join("\n");
  }).join("\n");
}
