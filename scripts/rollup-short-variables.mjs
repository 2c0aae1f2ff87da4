// A rollup output plugin, the last one: names the variables of the minified bundle again. Two
// things count. Whatever is used most gets one letter, over all scopes together; and a variable
// is best named like the property that it comes from or goes to, because `{a:a}` is written `{a}`.
import { parseAst } from "rollup/parseAst";
import { applyEdits } from "./rollup-edits.mjs";
import { findVariables } from "./rollup-scopes.mjs";

const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$"];
const digits = [..."0123456789"];
const pairs = letters.flatMap((one) => [...letters, ...digits].map((two) => one + two));
const words = new Set(["as", "do", "if", "in", "is", "of"]);
/** A variable of so many uses chooses before any goes after the name of a property. */
const usesMany = 20;

/** The same program with other names for its variables. */
export function renameVariables(code) {
  const { variables, foreign } = findVariables(parseAst(code));
  const names = chooseNames(variables, foreign);
  const edits = variables.flatMap((variable) => editsOf(variable, names.get(variable)));
  return applyEdits(code, edits);
}

function chooseNames(variables, foreign) {
  const wishes = new Map(variables.map((variable) => [variable, wishesOf(variable)]));
  const wanted = new Map();
  for (const [name, count] of [...wishes.values()].flatMap((one) => [...one])) {
    wanted.set(name, (wanted.get(name) ?? 0) + count);
  }
  const interest = (name) => wanted.get(name) ?? 0;
  const calm = [...letters].sort((left, right) => interest(left) - interest(right));
  const free = [...calm, ...pairs].filter((name) => !foreign.has(name) && !words.has(name));
  const allowed = new Set(free);
  const names = new Map();
  const use = (variable, list) => {
    const name = list.find((one) => allowed.has(one) && isFree(variable, one));
    if (name === undefined) return;
    names.set(variable, name);
    take(variable, name);
  };
  const byUse = [...variables].sort((left, right) => right.places.length - left.places.length);
  for (const variable of byUse) if (variable.places.length >= usesMany) use(variable, free);
  for (const { variable, list } of byWish(wishes)) if (!names.has(variable)) use(variable, list);
  for (const variable of byUse) if (!names.has(variable)) use(variable, free);
  return names;
}

/** Names of properties that the variable is the value of, with their number. */
function wishesOf({ places }) {
  const wishes = new Map();
  for (const { owner } of places) {
    if (owner?.type !== "Property" || owner.computed) continue;
    const { name } = owner.key;
    if (name?.length <= 2) wishes.set(name, (wishes.get(name) ?? 0) + 1);
  }
  return wishes;
}

/** Variables with wishes, the strongest first; each with the names it would like. */
function byWish(wishes) {
  return [...wishes]
    .map(([variable, wish]) => {
      const sorted = [...wish].sort((left, right) => right[1] - left[1]);
      const worth = ([name, count]) => 2 * count > (name.length - 1) * variable.places.length;
      const list = sorted.filter(worth).map(([name]) => name);
      return { variable, most: sorted[0]?.[1] ?? 0, list };
    })
    .filter(({ list }) => list.length > 0)
    .sort((left, right) => right.most - left.most);
}

/** Nothing of that name is declared where the variable is needed, or needed where it is. */
function isFree({ scope, live }, name) {
  if (scope.needed?.has(name)) return false;
  for (const one of live) if (one.named?.has(name)) return false;
  return true;
}

function take({ scope, live }, name) {
  scope.named = (scope.named ?? new Set()).add(name);
  for (const one of live) one.needed = (one.needed ?? new Set()).add(name);
}

function editsOf({ places }, name) {
  return places.map(({ node, owner }) => {
    const { start, end } = node;
    if (owner?.type === "ExportSpecifier") {
      return { start: owner.start, end: owner.end, text: `${name} as ${owner.exported.name}` };
    }
    if (owner === undefined || owner.computed || owner.key.type !== "Identifier") {
      return { start, end, text: name };
    }
    const key = owner.key.name;
    return { start: owner.start, end, text: key === name ? name : `${key}:${name}` };
  });
}

export function shortVariables() {
  return {
    name: "short-variables",
    renderChunk: (code) => ({ code: renameVariables(code), map: null }),
  };
}
