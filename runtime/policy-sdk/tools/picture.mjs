// A played scenario as a picture: a row for each device, its colour the location, time to the
// right; below it the locations' own states. The same timeline gives the same bytes.

import { groupBy, localTime, showStep, showTime, spansOf } from "./timeline.mjs";

const MARGIN = 12;
const LEFT = 132;
const PLOT = 800;
const RIGHT = 28;
const TOP = 64;
const ROW = 28;
const BAR = 20;
const STATE_ROW = 18;
const STATE_BAR = 8;
const LEGEND_ROW = 22;
const CHAR_WIDTH = 6.6;
const TICKS_MAX = 12;
const TICK_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880];
const LABEL_CHARS_MAX = 17;

/** Told apart by people of all kinds of colour vision (Okabe and Ito); [fill, text]. */
const COLOURS = [
  ["#0072b2", "#fff"], ["#e69f00", "#000"], ["#009e73", "#000"], ["#cc79a7", "#000"],
  ["#56b4e9", "#000"], ["#d55e00", "#000"], ["#f0e442", "#000"], ["#7b61c9", "#fff"],
];

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .soft { fill: #57606a; }
  .grid { stroke: #d0d7de; }
  .event { stroke: #24292f; stroke-dasharray: 2 3; }
  .direct { fill: #fff; stroke: #57606a; }
  .block { fill: url(#hatch); stroke: #24292f; }
  .none { fill: #eaeef2; stroke: #57606a; stroke-dasharray: 3 2; }
  .ondirect, .onnone { fill: #24292f; }
  .onblock { fill: #24292f; stroke: #fff; stroke-width: 4; paint-order: stroke; }
  .up { fill: #24292f; } .connecting { fill: #8c959f; } .idle { fill: #d0d7de; }
  .down { fill: none; stroke: #24292f; }
  svg { background: #fff; }`;

/** The text of an SVG file. */
export function drawTimeline(timeline, title = "Who went where when") {
  const devices = groupBy(timeline.steps, ({ device }) => device);
  const locations = groupBy(timeline.states, ({ location }) => location);
  const plan = makePlan(timeline, devices, locations);
  const body = [
    `<text class="title" x="0" y="18">${escape(title)}</text>`,
    `<text class="soft" x="0" y="36">${escape(subtitle(timeline))}</text>`,
    drawGrid(plan), drawEvents(plan),
    ...[...devices].map(([device, steps], index) => drawDevice(plan, device, steps, index)),
    ...[...locations].map(([name, states], index) => drawLocation(plan, name, states, index)),
    drawLegend(plan),
  ];
  const { width, height } = plan;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-MARGIN} 0 ${width} ${height}" ` +
    `width="${width}" height="${height}" role="img" aria-labelledby="title desc">\n` +
    `<title id="title">${escape(title)}</title>\n` +
    `<desc id="desc">${escape(describe(timeline, devices))}</desc>\n` +
    `<style>${STYLE}${colourStyle(plan)}\n</style>\n` +
    `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" ` +
    `patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>` +
    `<rect width="2" height="6" fill="#57606a"/></pattern></defs>\n` +
    `${body.join("\n")}\n</svg>\n`;
}

function makePlan(timeline, devices, locations) {
  const devicesEnd = TOP + devices.size * ROW;
  const statesTop = devicesEnd + 34;
  const legendTop = statesTop + locations.size * STATE_ROW + 18;
  const names = [...locations.keys()];
  const scale = PLOT / (timeline.endS - timeline.startS);
  return {
    timeline, names, devicesEnd, statesTop, legendTop,
    width: MARGIN + LEFT + PLOT + RIGHT,
    height: legendTop + LEGEND_ROW * (legendLines(names).length + 1),
    x: (atS) => round(LEFT + (atS - timeline.startS) * scale),
    classOf: (goes) => (names.includes(goes) ? `l${names.indexOf(goes)}` : goes),
  };
}

const round = (value) => Math.round(value * 10) / 10;

const colourStyle = ({ names }) => names.map((_, index) => {
  const [fill, text] = COLOURS[index % COLOURS.length];
  return `\n  .l${index} { fill: ${fill}; } .onl${index} { fill: ${text}; }`;
}).join("");

function subtitle(timeline) {
  const { date } = localTime(timeline.startS, timeline);
  return `${date}, ${showTime(timeline.startS, timeline)} to ${showTime(timeline.endS, timeline)}`;
}

/** The whole picture in words, for those who hear it. */
function describe(timeline, devices) {
  return [...devices].map(([device, steps]) => {
    const spans = spansOf(steps, timeline.endS).map(({ fromS, step }) =>
      `${showStep(step)} from ${showTime(fromS, timeline)}`);
    return `${device}: ${spans.join(", ")}.`;
  }).join(" ");
}

function drawGrid(plan) {
  const { timeline, x, statesTop, devicesEnd } = plan;
  const bottom = statesTop + plan.names.length * STATE_ROW - 4;
  const ticks = ticksOf(timeline).map((atS) => {
    const { weekday, clock } = localTime(atS, timeline);
    const label = clock === "00:00" ? weekday : clock;
    return `<path class="grid" d="M${x(atS)} ${TOP - 6}V${bottom}"/>` +
      `<text class="soft" x="${x(atS)}" y="${TOP - 12}" text-anchor="middle">${label}</text>`;
  });
  const heading = `<text class="soft" x="0" y="${devicesEnd + 24}">Locations</text>`;
  return [...ticks, heading].join("\n");
}

/** Full steps of local time, few enough to be read. */
function ticksOf({ startS, endS, utcOffsetMin }) {
  const minutes = TICK_MINUTES.find((step) => (endS - startS) / 60 / step <= TICKS_MAX) ??
    TICK_MINUTES.at(-1);
  const step = minutes * 60;
  const offsetS = utcOffsetMin * 60;
  const ticks = [];
  for (let at = Math.ceil((startS + offsetS) / step) * step - offsetS; at <= endS; at += step) {
    ticks.push(at);
  }
  return ticks;
}

function drawEvents({ timeline, x, devicesEnd }) {
  const events = timeline.notes.filter(({ kind }) => kind === "event" || kind === "failure");
  return [...groupBy(events, ({ atS }) => atS)].map(([atS, notes]) => {
    const text = notes.map((note) => note.text).join("; ");
    return `<g><title>${escape(`${showTime(atS, timeline)}: ${text}`)}</title>` +
      `<path class="event" d="M${x(atS)} ${TOP - 4}V${devicesEnd}"/></g>`;
  }).join("\n");
}

function drawDevice(plan, device, steps, index) {
  const y = TOP + index * ROW;
  const spans = spansOf(steps, plan.timeline.endS).filter(({ step }) => step.goes !== undefined);
  const bars = spans.map((span) => drawSpan(plan, device, span, y));
  return [drawLabel(device, y + 15), ...bars].join("\n");
}

function drawLabel(name, y) {
  const isLong = name.length > LABEL_CHARS_MAX;
  const shown = isLong ? `${name.slice(0, LABEL_CHARS_MAX - 1)}…` : name;
  return `<text x="0" y="${y}">${escape(shown)}${isLong ? `<title>${escape(name)}</title>` : ""}` +
    "</text>";
}

function drawSpan({ timeline, x, classOf }, device, { fromS, toS, step }, y) {
  const [left, width] = [x(fromS), round(x(toS) - x(fromS))];
  const why = step.why === "" ? "" : `; ${step.why}`;
  const title = `${device}: ${showStep(step)}, ${showTime(fromS, timeline)} to ` +
    `${showTime(toS, timeline)}${why}`;
  const kind = classOf(step.goes);
  const label = [showStep(step), step.goes === "none" ? "none" : step.goes]
    .find((text) => text.length * CHAR_WIDTH + 8 <= width);
  const text = label === undefined ? ""
    : `<text class="on${kind}" x="${round(left + 4)}" y="${y + 15}">${escape(label)}</text>`;
  return `<g><title>${escape(title)}</title>` +
    `<rect class="${kind}" x="${left}" y="${y}" width="${width}" height="${BAR}"/>${text}</g>`;
}

function drawLocation(plan, name, states, index) {
  const { timeline, x, statesTop } = plan;
  const y = statesTop + index * STATE_ROW;
  const bars = spansOf(states, timeline.endS).map(({ fromS, toS, step }) => {
    const title = `${name} is ${step.state}, ${showTime(fromS, timeline)} to ` +
      showTime(toS, timeline);
    return `<rect class="${step.state}" x="${x(fromS)}" y="${y}" ` +
      `width="${round(x(toS) - x(fromS))}" height="${STATE_BAR}"><title>${escape(title)}` +
      "</title></rect>";
  });
  return [drawLabel(name, y + 9), ...bars].join("\n");
}

const OTHERS = [
  ["direct", "direct, past all tunnels"], ["block", "blocked"], ["none", "no answer"],
];
const STATES = [["up", "up"], ["connecting", "connecting"], ["idle", "idle"], ["down", "down"]];

/** Entries in lines that fit the width: { kind, text, x }. */
function legendLines(names) {
  const entries = [...names.map((name, index) => [`l${index}`, name]), ...OTHERS];
  const lines = [];
  for (const group of [entries, STATES]) {
    let at = Infinity;
    for (const [kind, text] of group) {
      const width = 40 + text.length * CHAR_WIDTH;
      if (at + width > PLOT) {
        lines.push([]);
        at = 0;
      }
      lines.at(-1).push({ kind, text, x: round(LEFT + at) });
      at += width;
    }
  }
  return lines;
}

function drawLegend({ names, legendTop }) {
  const lines = legendLines(names);
  const isStates = (line) => STATES.some(([kind]) => kind === line[0].kind);
  return lines.map((line, index) => {
    const y = legendTop + index * LEGEND_ROW;
    const height = isStates(line) ? STATE_BAR : 12;
    const entries = line.map(({ kind, text, x }) =>
      `<rect class="${kind}" x="${x}" y="${y + 12 - height}" width="20" height="${height}"/>` +
      `<text x="${x + 26}" y="${y + 11}">${escape(text)}</text>`);
    const heading = index === 0 ? "Devices go" : isStates(line) ? "Locations are" : "";
    return `<text class="soft" x="0" y="${y + 11}">${heading}</text>${entries.join("")}`;
  }).join("\n");
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Control characters have no place in XML, not even as references. */
const escape = (text) => text.replace(/[&<>"]/g, (char) => ESCAPES[char])
  .replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, "?");
