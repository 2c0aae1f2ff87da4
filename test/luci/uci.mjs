// The part of rpcd's uci object that LuCI's forms use, over one configuration in memory: staged
// changes beside what is saved, and the file's text as `uci export` would write it.

const quote = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** Sections are [{ name, type, anonymous, options }]; `onCommit` gets the new text. */
export function createUci({ config, sections, onCommit }) {
  const uci = { config, saved: sections, staged: structuredClone(sections), onCommit, added: 0 };
  const methods = {
    get: (args) => get(uci, args),
    set: ({ section, values }) => change(uci, section, (one) => merge(one.options, values)),
    add: (args) => add(uci, args),
    delete: ({ section, options }) => remove(uci, section, options),
    order: ({ sections: names }) => order(uci, names),
    changes: () => [0, { changes: isChanged(uci) ? { [config]: changesOf(uci) } : {} }],
  };
  return { methods, text: () => textOf(uci.saved), commit: () => commit(uci),
    revert: () => { uci.staged = structuredClone(uci.saved); },
    isChanged: () => isChanged(uci) };
}

const isChanged = (uci) => textOf(uci.saved) !== textOf(uci.staged);

function commit(uci) {
  uci.saved = structuredClone(uci.staged);
  uci.onCommit?.(textOf(uci.saved));
}

const ubusNotFound = 4;

function get(uci, { config }) {
  if (config !== uci.config) return [ubusNotFound];
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

function textOf(sections) {
  return sections.map(({ name, type, anonymous, options }) => {
    const lines = Object.entries(options).flatMap(([key, value]) => (Array.isArray(value)
      ? value.map((one) => `\tlist ${key} ${quote(one)}`) : [`\toption ${key} ${quote(value)}`]));
    return [`config ${type}${anonymous ? "" : ` ${quote(name)}`}`, ...lines, ""].join("\n");
  }).join("\n");
}
