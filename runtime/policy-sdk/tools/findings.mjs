// A finding is a mistake with its place: { file, line, column, severity, rule, message, remedy }.
// Lines and columns count from 1; 0 stands for the whole file.

import { relative, sep } from "node:path";

export function finding(rule, message, remedy, place = {}) {
  const { file = "", line = 0, column = 0, severity = "error" } = place;
  return { file, line, column, severity, rule, message, remedy };
}

/** The place of an offset in a text. */
export function placeAt(file, text, offset) {
  const before = text.slice(0, offset).split("\n");
  return { file, line: before.length, column: before.at(-1).length + 1 };
}

export const isError = (found) => found.severity === "error";

/** By file, then by place, so that the output does not depend on the order of the checks. */
export function sortFindings(findings) {
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return [...findings].sort((a, b) => order(a.file, b.file) || a.line - b.line ||
    a.column - b.column || order(a.rule, b.rule));
}

/** As an editor can follow it: `file:line:column: error rule: message; remedy`. */
export function showFinding(found, folder) {
  const remedy = found.remedy === "" ? "" : `; ${found.remedy}`;
  const place = showPlace(found, folder);
  return `${place}${found.severity} ${found.rule}: ${found.message}${remedy}`;
}

function showPlace({ file, line, column }, folder) {
  if (file === "") return "";
  const name = shownPath(file, folder);
  return line === 0 ? `${name}: ` : `${name}:${line}:${column}: `;
}

/** Relative where that is shorter to read, with forward slashes everywhere. */
export function shownPath(file, folder) {
  const short = relative(folder, file);
  return (short === "" || short.startsWith("..") ? file : short).split(sep).join("/");
}
