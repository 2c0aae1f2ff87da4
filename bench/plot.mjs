// The figures as one SVG: six panels of horizontal bars, each with the range of its rounds. Colours
// follow the reader's light or dark scheme, and the page behind shows through, so that the picture
// is readable on both.

import { contextLines } from "./report.mjs";

const WIDTH = 860;
const PANEL_WIDTH = 410;
const LABEL_WIDTH = 96;
const VALUE_WIDTH = 74;
const BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 16;
const BAR_STEP = 22;
const TITLE_HEIGHT = 46;
const HEAD_HEIGHT = 44;
const FOOT_LINE = 18;
const FOOT_CHARS = 120;

const PANELS = [
  { key: "up_mbit", title: "One TCP stream up", unit: "Mbit/s, more is better" },
  { key: "down_mbit", title: "One TCP stream down", unit: "Mbit/s, more is better" },
  { key: "cpu_s_per_gb", title: "Processor time", unit: "s/GB, both ends, less is better",
    without: ["bare"] },
  { key: "rss_kb", title: "Memory", unit: "KiB at the peak, the larger end, less is better",
    without: ["bare"] },
  { key: "rtt_idle_ms", title: "Round trip, idle", unit: "ms, less is better" },
  { key: "rtt_load_ms", title: "Round trip under load", unit: "ms, less is better" },
];

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .unit { fill: #57606a; font-size: 12px; }
  .bar { fill: #8c959f; } .bare { fill: #c4cbd2; } .adit { fill: #0969da; }
  .range { stroke: #24292f; stroke-width: 1.5; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .unit { fill: #9ea7b3; }
    .bar { fill: #6e7681; } .bare { fill: #484f58; } .adit { fill: #4493f8; }
    .range { stroke: #e6edf3; }
  }`;

/** The whole picture as text. */
export function plot(context, results) {
  const panelHeight = TITLE_HEIGHT + results.length * BAR_STEP + 16;
  const foot = contextLines(context).flatMap(wrapped);
  const below = HEAD_HEIGHT + Math.ceil(PANELS.length / 2) * panelHeight;
  const height = below + (foot.length + 1) * FOOT_LINE;
  const panels = PANELS.map((panel, index) => {
    const x = (index % 2) * (WIDTH - PANEL_WIDTH);
    const y = HEAD_HEIGHT + Math.floor(index / 2) * panelHeight;
    return `<g transform="translate(${x} ${y})">${panelOf(panel, results)}</g>`;
  });
  const notes = foot.map((line, index) =>
    `<text class="unit" x="0" y="${below + (index + 1) * FOOT_LINE}">${escaped(line)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" `
    + `width="${WIDTH}" height="${height}" role="img" aria-label="Tunnels on one machine">\n`
    + `<style>${STYLE}\n</style>\n<text class="title" x="0" y="20">Tunnels compared: same pair of `
    + `namespaces, same run (make bench)</text>\n${panels.join("\n")}\n${notes.join("\n")}\n`
    + "</svg>\n";
}

/** Lines that fit the width, broken at commas. */
function wrapped(text) {
  return text.split(", ").reduce((lines, part) => {
    const last = lines.at(-1);
    if (last === undefined || last.length + part.length > FOOT_CHARS) return [...lines, part];
    return [...lines.slice(0, -1), `${last}, ${part}`];
  }, []);
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function panelOf(panel, results) {
  const rows = results.filter((row) => !(panel.without ?? []).includes(row.name));
  const largest = Math.max(...rows.map((row) => row.range[panel.key][1]), Number.MIN_VALUE);
  const bars = rows.map((row, index) => barOf(row, panel.key, largest, index));
  return `<text class="title" x="0" y="16">${panel.title}</text>`
    + `<text class="unit" x="0" y="34">${panel.unit}</text>${bars.join("")}`;
}

function barOf(row, key, largest, index) {
  const y = TITLE_HEIGHT + index * BAR_STEP;
  const at = (value) => Math.max(1, Math.round((value / largest) * BAR_WIDTH));
  const kind = row.name === "bare" || row.name === "adit" ? row.name : "bar";
  const name = row.name === "bare" ? "bare link" : row.name;
  const [least, most] = row.range[key].map((value) => LABEL_WIDTH + at(value));
  return `\n<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${name}</text>`
    + `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${at(row[key])}" `
    + `height="${BAR_HEIGHT}" rx="2"/>`
    + `<path class="range" d="M${least} ${y + 8}H${most}M${least} ${y + 4}v8M${most} ${y + 4}v8"/>`
    + `<text x="${most + 6}" y="${y + 13}">${numberText(row[key])}</text>`;
}

function numberText(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
