// The figures as one SVG: four panels of horizontal bars. Colours follow the reader's light or dark
// scheme, and the page behind shows through, so that the picture is readable on both.

const WIDTH = 860;
const PANEL_WIDTH = 410;
const LABEL_WIDTH = 96;
const VALUE_WIDTH = 74;
const BAR_WIDTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 16;
const BAR_STEP = 22;
const TITLE_HEIGHT = 46;
const HEAD_HEIGHT = 44;

const PANELS = [
  { key: "up_mbit", title: "One TCP stream up", unit: "Mbit/s, more is better" },
  { key: "down_mbit", title: "One TCP stream down", unit: "Mbit/s, more is better" },
  { key: "cpu_s_per_gb", title: "Processor time", unit: "s/GB, both ends, less is better",
    without: ["bare"] },
  { key: "rtt_load_ms", title: "Round trip under load", unit: "ms, less is better" },
];

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .unit { fill: #57606a; font-size: 12px; }
  .bar { fill: #8c959f; } .bare { fill: #c4cbd2; } .adit { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .unit { fill: #9ea7b3; }
    .bar { fill: #6e7681; } .bare { fill: #484f58; } .adit { fill: #4493f8; }
  }`;

/** The whole picture as text. */
export function plot(results) {
  const panelHeight = TITLE_HEIGHT + results.length * BAR_STEP + 16;
  const height = HEAD_HEIGHT + 2 * panelHeight;
  const panels = PANELS.map((panel, index) => {
    const x = (index % 2) * (WIDTH - PANEL_WIDTH);
    const y = HEAD_HEIGHT + Math.floor(index / 2) * panelHeight;
    return `<g transform="translate(${x} ${y})">${panelOf(panel, results)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" `
    + `width="${WIDTH}" height="${height}" role="img" aria-label="Tunnels on one machine">\n`
    + `<style>${STYLE}\n</style>\n<text class="title" x="0" y="20">Tunnels compared: same pair of `
    + `namespaces, same run (make bench)</text>\n${panels.join("\n")}\n</svg>\n`;
}

function panelOf(panel, results) {
  const rows = results.filter((row) => !(panel.without ?? []).includes(row.name));
  const largest = Math.max(...rows.map((row) => row[panel.key]), Number.MIN_VALUE);
  const bars = rows.map((row, index) => barOf(row, panel.key, largest, index));
  return `<text class="title" x="0" y="16">${panel.title}</text>`
    + `<text class="unit" x="0" y="34">${panel.unit}</text>${bars.join("")}`;
}

function barOf(row, key, largest, index) {
  const y = TITLE_HEIGHT + index * BAR_STEP;
  const width = Math.max(1, Math.round((row[key] / largest) * BAR_WIDTH));
  const kind = row.name === "bare" || row.name === "adit" ? row.name : "bar";
  const name = row.name === "bare" ? "bare link" : row.name;
  return `\n<text x="${LABEL_WIDTH - 8}" y="${y + 13}" text-anchor="end">${name}</text>`
    + `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" `
    + `rx="2"/><text x="${LABEL_WIDTH + width + 6}" y="${y + 13}">${numberText(row[key])}</text>`;
}

function numberText(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
