// What a played scenario looks like as text, and as spans of time for the picture.

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Local time as parts; the engine has said how far it is ahead of UTC. */
export function localTime(atS, { utcOffsetMin }) {
  const text = new Date((atS + utcOffsetMin * 60) * 1000).toISOString();
  const weekday = DAYS[(new Date((atS + utcOffsetMin * 60) * 1000).getUTCDay() + 6) % 7];
  const seconds = text.slice(17, 19) === "00" ? "" : text.slice(16, 19);
  return { weekday, date: text.slice(0, 10), clock: text.slice(11, 16) + seconds };
}

export function showTime(atS, timeline) {
  const { weekday, clock } = localTime(atS, timeline);
  return `${weekday} ${clock}`;
}

/** Where a device goes, in words: `us`, `block (us is down)`, `no answer`, `away`. */
export function showStep({ goes, answered }) {
  if (goes === undefined) return "away";
  if (goes === "none") return "no answer";
  return goes === answered ? goes : `${goes} (${answered} is down)`;
}

/**
 * Spans of one device or location: { fromS, toS, step }, in order, without gaps from its first
 * step to the end.
 */
export function spansOf(steps, endS) {
  return steps.map((step, index) =>
    ({ fromS: step.atS, toS: steps[index + 1]?.atS ?? endS, step }))
    .filter(({ fromS, toS }) => toS > fromS);
}

/** Values by the key that `keyOf` gives, in the order of their first appearance. */
export function groupBy(values, keyOf) {
  const groups = new Map();
  for (const value of values) {
    const key = keyOf(value);
    groups.set(key, [...groups.get(key) ?? [], value]);
  }
  return groups;
}

/** The table: what happened, and which devices moved because of it. */
export function showTimeline(timeline, title) {
  const rows = [...eventRows(timeline), ...stepRows(timeline)]
    .sort((a, b) => a.atS - b.atS || a.order - b.order);
  let lastTime = "";
  const cells = rows.map(({ atS, cells: [who, what, why] }) => {
    const time = showTime(atS, timeline);
    const shown = time === lastTime ? "" : time;
    lastTime = time;
    return [shown, who, what, why];
  });
  const { date } = localTime(timeline.startS, timeline);
  return [
    ...(title === undefined ? [] : [title]),
    `${date}, ${showTime(timeline.startS, timeline)} to ${showTime(timeline.endS, timeline)}, ` +
      `${timeline.decisions} decisions`,
    "", ...layOut([["time", "who", "what", "why"], ...cells]), "",
    ...summary(timeline), "",
  ].join("\n");
}

function eventRows({ notes }) {
  const who = { event: "*", effect: "policy", log: "policy", failure: "policy FAILED",
    bypass: "policy", peers: "policy" };
  const what = { log: "log: ", bypass: "bypass: ", peers: "peers of " };
  return notes.map(({ atS, kind, text }, order) =>
    ({ atS, order, cells: [who[kind], `${what[kind] ?? ""}${text}`, ""] }));
}

function stepRows({ steps, notes }) {
  const last = new Map();
  return steps.map((step, index) => {
    const { atS, device, why } = step;
    const was = last.get(device);
    last.set(device, step);
    const change = was === undefined ? showStep(step) : `${showStep(was)} -> ${showStep(step)}`;
    return { atS, order: notes.length + index, cells: [device, change, why] };
  });
}

/** Columns as wide as their widest cell, without blanks at the end of a line. */
function layOut(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}

/** For each device the share of its time that it went each way. */
function summary({ steps, endS }) {
  return [...groupBy(steps, ({ device }) => device)].map(([device, own]) => {
    const spans = spansOf(own, endS).filter(({ step }) => step.goes !== undefined);
    const all = spans.reduce((sum, { fromS, toS }) => sum + toS - fromS, 0);
    const parts = [...groupBy(spans, ({ step }) => step.goes)].map(([goes, group]) => {
      const seconds = group.reduce((sum, { fromS, toS }) => sum + toS - fromS, 0);
      return `${goes === "none" ? "no answer" : goes} ${Math.round(seconds / all * 100)} %`;
    });
    return `${device}: ${parts.join(", ")}`;
  });
}
