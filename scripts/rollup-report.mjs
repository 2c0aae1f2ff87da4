// A rollup output plugin that notes for `make size` where the bytes of the bundle come from: its
// modules, and the property names that could not be shortened, with the line that shows them.
import { writeFileSync } from "node:fs";
import { relative } from "node:path";

/** Lines of a report, the largest first. */
export function reportLines(modules, names) {
  const rows = [
    ...modules.map(({ name, bytes }) => ({ bytes, text: `module ${name}` })),
    ...names.map(({ name, why, bytes }) => ({ bytes, text: `name ${name}, seen by ${why}` })),
  ];
  return rows.sort((left, right) => right.bytes - left.bytes)
    .map(({ bytes, text }) => `${bytes} ${text}\n`);
}

/** Module sizes are their shares of the text before it is minified, scaled to the whole. */
export function moduleSizes(modules, whole) {
  const entries = Object.entries(modules);
  const all = entries.reduce((sum, [, { renderedLength }]) => sum + renderedLength, 0);
  return entries.map(([file, { renderedLength }]) => ({
    name: relative(".", file),
    bytes: Math.round(renderedLength * whole / all),
  }));
}

export function bundleReport(file, names) {
  return {
    name: "bundle-report",
    generateBundle(_options, bundle) {
      const [{ code, modules }] = Object.values(bundle);
      writeFileSync(file, reportLines(moduleSizes(modules, code.length), names).join(""));
    },
  };
}
