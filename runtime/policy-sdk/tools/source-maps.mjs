// From places in a bundle back to places in the files that the user wrote.

import { SourceMap } from "node:module";
import { resolve } from "node:path";
import { SDK_FOLDER } from "./bundler.mjs";
import { shownPath } from "./findings.mjs";

const PLACE = /\(?([\w.@:-]+\.mjs):(\d+):(\d+)\)?/;

/**
 * Makes a function that maps the lines of a stack. `bundles`: names of modules to { map, root },
 * where `root` is the folder that the map's sources are relative to. Lines in modules that are not
 * the user's are left out unless nothing else would remain.
 */
export function makeMapper(bundles, folder) {
  const maps = new Map(Object.entries(bundles).map(([name, { map, root }]) =>
    [name, { map: new SourceMap(map), root }]));
  return {
    /** { file, line, column } of a place, or undefined if it is in none of the bundles. */
    place: (text) => placeIn(text, maps),
    stack: (stack) => mapStack(stack, maps, folder),
  };
}

function placeIn(text, maps) {
  const [, name, line, column] = PLACE.exec(text) ?? [];
  const known = maps.get(name);
  if (known === undefined) return undefined;
  const entry = known.map.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry.originalSource === undefined) return undefined;
  return {
    file: resolve(known.root, entry.originalSource),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  };
}

function mapStack(stack, maps, folder) {
  const lines = stack.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const mapped = lines.map((line) => ({ line, place: placeIn(line, maps) }));
  const own = mapped.filter(({ place }) => place !== undefined && !isTool(place.file));
  const shown = (own.length > 0 ? own : mapped).map(({ line, place }) => {
    if (place === undefined) return line;
    const text = `${shownPath(place.file, folder)}:${place.line}:${place.column}`;
    return line.replace(PLACE, line.includes("(") ? `(${text})` : text);
  });
  return foldRepeats(shown).join("\n");
}

/** A recursion fills the stack with the same line. */
function foldRepeats(lines) {
  const folded = [];
  for (let at = 0; at < lines.length;) {
    let end = at + 1;
    while (lines[end] === lines[at]) end += 1;
    folded.push(end - at > 1 ? `${lines[at]} (${end - at} times)` : lines[at]);
    at = end;
  }
  return folded;
}

/** Files of this package and of packages in general are not what the user looks for. */
const isTool = (file) => file.includes("/node_modules/") ||
  file.startsWith(`${SDK_FOLDER}/`);
