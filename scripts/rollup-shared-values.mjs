// A rollup output plugin that comes behind the minifier: values that the bundle spells often get a
// name at its top. They are texts, long numbers, `undefined`, `null`, functions and classes of the
// language, and names of properties: `list.length` is `list[a]` where `a` is "length".
import { parseAst } from "rollup/parseAst";
import { applyEdits } from "./rollup-edits.mjs";
import { walk } from "./rollup-walk.mjs";

/** Objects whose functions do not look at `this`, and functions of that kind elsewhere. */
const owners = new Set(["JSON", "Math", "Number", "Object"]);
const functions = new Set(["Array.isArray", "String.fromCharCode"]);
const globals = new Set([
  "Array", "Error", "JSON", "Map", "Math", "Number", "Object", "RangeError", "Set", "String",
  "TypeError", "Uint8Array",
]);

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const partOfName = /[\w$]/;
/** A shorter name of a property stays behind its dot. */
const propertyLengthMin = 4;
const numberLengthMin = 4;

/**
 * The same program, with `let name=value,…;` behind the imports. Properties are read a little
 * slower by a name in a variable, so they are shared on request.
 */
export function shareValues(code, { properties = false } = {}) {
  const { spellings, names, top } = read(code, properties);
  const free = freeNames(names);
  const edits = [];
  const declared = [];
  for (const places of [...spellings.values()].sort((left, right) => weigh(right) - weigh(left))) {
    const name = free.next().value;
    const { text } = places[0];
    const declaration = text === "void 0" ? name : `${name}=${text}`;
    const ways = places.map((place) => editOf(code, place, name));
    const saved = ways.reduce((sum, edit) => sum + edit.end - edit.start - edit.text.length, 0);
    if (saved <= declaration.length + 1) {
      free.giveBack(name);
      continue;
    }
    declared.push(declaration);
    edits.push(...ways);
  }
  const head = declared.length > 0 ? `let ${declared.join()};` : "";
  return applyEdits(code, [...edits, { start: top, end: top, text: head }]);
}

/** About what a short name would save. */
function weigh(places) {
  return places.length * (places[0].text.length - 1);
}

/** Where shareable values stand, every identifier, and where declarations may be put. */
function read(code, properties) {
  const tree = parseAst(code);
  const spellings = new Map();
  const names = new Set();
  const inside = new Set();
  const keys = new Set();
  let top = 0;
  const add = ({ start, end }, text, isProperty = false) => {
    spellings.set(text, [...spellings.get(text) ?? [], { start, end, text, isProperty }]);
  };
  walk(tree, (node) => {
    for (const one of notValues(node)) inside.add(one);
    if (isPlainKey(node)) keys.add(node.property ?? node.key);
    if (node.type === "ImportDeclaration") top = node.end;
    if (node.type === "Identifier" && !keys.has(node)) names.add(node.name);
    if (inside.has(node)) return;
    if (isShareable(node)) {
      if (node.type === "MemberExpression") inside.add(node.object);
      add(node, code.slice(node.start, node.end));
    } else if (properties && isLongProperty(node)) {
      add(node.property, JSON.stringify(node.property.name), true);
    }
  });
  return { spellings, names, top };
}

/** A name behind a dot or before a colon: no variable can be meant. */
function isPlainKey(node) {
  return !node.computed && !node.shorthand && (node.property ?? node.key) !== undefined;
}

/** Children that look like a value and are a name, or stand where only a literal may. */
function notValues(node) {
  if (node.shorthand) return [node.key, node.value];
  if (isPlainKey(node)) return [node.property ?? node.key];
  if (node.directive !== undefined) return [node.expression];
  return node.source === undefined ? [] : [node.source];
}

function isShareable(node) {
  switch (node.type) {
    case "Literal":
      if (typeof node.value === "number") return node.raw.length >= numberLengthMin;
      return typeof node.value === "string" || node.raw === "null";
    case "UnaryExpression":
      return node.operator === "void" && node.argument.type === "Literal";
    case "Identifier":
      return globals.has(node.name);
    case "MemberExpression": {
      if (node.computed || node.object.type !== "Identifier") return false;
      const { name } = node.object;
      return owners.has(name) || functions.has(`${name}.${node.property.name}`);
    }
    default:
      return false;
  }
}

function isLongProperty({ type, computed, property }) {
  return type === "MemberExpression" && !computed && property.name.length >= propertyLengthMin;
}

/** The name in that place, with a blank where it would melt with a word beside it. */
function editOf(code, { start, end, isProperty }, name) {
  if (isProperty) {
    const isOptional = code[start - 2] === "?";
    return { start: isOptional ? start : start - 1, end, text: `[${name}]` };
  }
  const before = partOfName.test(code[start - 1] ?? "") ? " " : "";
  const after = partOfName.test(code[end] ?? "") ? " " : "";
  return { start, end, text: before + name + after };
}

function freeNames(names) {
  const words = new Set([...names, "as", "do", "if", "in", "is", "of"]);
  const pairs = [...letters].flatMap((one) => [...letters].map((two) => one + two));
  const list = [...letters, ...pairs].filter((name) => !words.has(name));
  return {
    next: () => ({ value: list.shift() }),
    giveBack: (name) => list.unshift(name),
  };
}

export function sharedValues(options) {
  return {
    name: "shared-values",
    renderChunk: (code) => ({ code: shareValues(code, options), map: null }),
  };
}
