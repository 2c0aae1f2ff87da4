#!/usr/bin/env node
// Stand-in for the program uci: get, set, add, add_list, delete, commit, batch, export, and
// `export-shell` for the stand-in of functions.sh, which like the real config_load (`uci -S`)
// leaves out the lines that it cannot read. Changes are written at once.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

const LINE = /^\s*(config|option|list)\s+(\S+|'[^']*'|"[^"]*")(?:\s+(\S.*?))?\s*$/;
const fail = () => process.exit(1);
const plain = (text) => text.replace(/^(['"])(.*)\1$/, "$2");
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** {type, name, options: {key: text or list}}; `refuse` is called at a line that is not UCI's. */
function read(config, refuse = fail) {
  const file = `/etc/config/${config}`;
  if (!existsSync(file)) fail();
  const sections = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, word, first, second] = LINE.exec(line) ?? [];
    if (word === undefined) refuse();
    else if (word === "config") sections.push(makeSection(plain(first), second, sections.length));
    else add(sections.at(-1) ?? fail(), word, plain(first), plain(second ?? fail()));
  }
  return sections;
}

function makeSection(type, name, index) {
  return { type, name: name === undefined ? `cfg${index}` : plain(name), options: {},
    isNamed: name !== undefined };
}

function add({ options }, word, key, value) {
  if (word === "option") options[key] = value;
  else options[key] = [...(options[key] ?? []), value];
}

function write(config, sections) {
  const text = sections.map(({ type, name, options, isNamed }) => [
    `config ${type}${isNamed ? ` ${quoted(name)}` : ""}`,
    ...Object.entries(options).flatMap(([key, value]) => (Array.isArray(value)
      ? value.map((each) => `\tlist ${key} ${quoted(each)}`)
      : [`\toption ${key} ${quoted(value)}`])),
    "",
  ].join("\n"));
  writeFileSync(`/etc/config/${config}`, text.join("\n"));
}

function exportShell(config) {
  for (const { type, name, options } of read(config, () => {})) {
    console.log(`standin_section ${quoted(type)} ${quoted(name)}`);
    for (const [key, value] of Object.entries(options)) {
      const text = Array.isArray(value) ? value.join(" ") : value;
      console.log(`standin_value ${quoted(name)} ${quoted(key)} ${quoted(text)}`);
    }
  }
}

function get(path) {
  const [config, name, key] = path.split(".");
  const section = read(config).find((each) => each.name === name);
  const value = key === undefined ? section?.type : section?.options[key];
  if (value === undefined) fail();
  console.log(Array.isArray(value) ? value.join(" ") : value);
}

/** By name, or as one of a type: `@peer[-1]` is the last. */
function find(sections, name) {
  const [, type, index] = /^@(\w+)\[(-?\d+)\]$/.exec(name) ?? [];
  if (type === undefined) return sections.find((each) => each.name === name);
  return sections.filter((each) => each.type === type).at(Number(index));
}

function change(path, edit) {
  const [config, name, key] = path.split(".");
  const sections = read(config);
  edit(sections, find(sections, name), name, key);
  write(config, sections);
}

function addSection(config, type) {
  const sections = read(config);
  write(config, [...sections, makeSection(type, undefined, sections.length)]);
}

/** One command a line. */
function batch() {
  for (const line of readFileSync(0, "utf8").split("\n")) {
    const [word, ...rest] = (line.match(/(?:'[^']*'|[^\s'])+/g) ?? [])
      .map((one) => one.replaceAll("'", ""));
    if (word !== undefined) (verbs[word] ?? fail)(...rest);
  }
}

function set(assignment) {
  const at = assignment.indexOf("=");
  const value = assignment.slice(at + 1);
  change(assignment.slice(0, at), (sections, section, name, key) => {
    if (key !== undefined) (section ?? fail()).options[key] = value;
    else if (section === undefined) {
      sections.push({ type: value, name, options: {}, isNamed: true });
    }
  });
}

function addList(assignment) {
  const at = assignment.indexOf("=");
  change(assignment.slice(0, at), (_sections, section, _name, key) => {
    add(section ?? fail(), "list", key, assignment.slice(at + 1));
  });
}

const remove = (path) => change(path, (sections, section, _name, key) => {
  if (section === undefined) fail();
  if (key === undefined) sections.splice(sections.indexOf(section), 1);
  else delete section.options[key];
});

const verbs = { "export-shell": exportShell, export: (config) => read(config), get, set,
  add: addSection, add_list: addList, batch, delete: remove, commit: () => {} };
const [verb, ...words] = process.argv.slice(2).filter((word) => word !== "-q");
(verbs[verb] ?? fail)(...words);
