// The table, and the comparison with the targets of the design.

/** Shares of the bare link and multiples of the fastest other tunnel that adit must reach. */
const TARGET = { shareOfBare: 0.25, timesOthers: 6, loadShareOfTcp: 0.25 };
const TARGET_FINAL = { shareOfBare: 0.45, timesOthers: 12 };

const COLUMNS = [
  ["name", "tunnel", 13], ["up_mbit", "up Mbit/s", 10], ["down_mbit", "down Mbit/s", 12],
  ["both_mbit", "both Mbit/s", 12], ["cpu_s_per_gb", "CPU s/GB", 9], ["rtt_idle_ms", "idle ms", 8],
  ["rtt_load_ms", "loaded ms", 10], ["rss_kb", "peak KiB", 9],
];

/** Prints one line for each tunnel. */
export function printTable(results) {
  console.log("");
  const line = (cells) => cells.map((cell, index) => {
    const width = COLUMNS[index][2];
    return index === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
  }).join(" ");
  console.log(line(COLUMNS.map(([, title]) => title)));
  for (const row of results) console.log(line(COLUMNS.map(([key]) => row[key])));
  console.log("");
}

/** Machine, date and versions, as lines of text. */
export function contextLines({ date, machine, system, congestion, versions, rounds, seconds }) {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return [`${date}, ${machine}, ${system}, ${congestion}`, list,
    `medians of ${rounds} rounds, ${seconds} s for each stream`];
}

/** What the figures say about adit, a line for each target. */
export function verdicts(results) {
  const find = (name) => results.find((row) => row.name === name);
  const others = results.filter((row) => row.name !== "bare" && row.name !== "adit");
  const [bare, adit, tcp] = [find("bare"), find("adit"), find("openvpn-tcp")];
  const lines = others.length === 0 ? [] : [fastestOther(others)];
  if (bare === undefined || adit === undefined || others.length === 0) return lines;
  const rows = ["up_mbit", "down_mbit"].flatMap((key) => throughput(key, bare, adit, others));
  if (tcp !== undefined) rows.push(loaded(adit, tcp));
  return [...lines, ...rows.map((row) => `${row.holds ? "ok    " : "MISSED"} ${row.text}`)];
}

function fastestOther(others) {
  const best = others.reduce((one, two) => (two.up_mbit > one.up_mbit ? two : one));
  return `fastest other tunnel: ${best.name}, ${best.up_mbit} Mbit/s up`;
}

function throughput(key, bare, adit, others) {
  const best = others.reduce((one, two) => (two[key] > one[key] ? two : one));
  const share = adit[key] / bare[key];
  const times = adit[key] / best[key];
  const way = key === "up_mbit" ? "up" : "down";
  return [
    { holds: share >= TARGET.shareOfBare, text: `${way}: ${percent(share)} of the bare link `
      + `(target ${percent(TARGET.shareOfBare)}, final ${percent(TARGET_FINAL.shareOfBare)})` },
    { holds: times >= TARGET.timesOthers, text: `${way}: ${times.toFixed(1)} times ${best.name} `
      + `(target ${TARGET.timesOthers}, final ${TARGET_FINAL.timesOthers})` },
  ];
}

function loaded(adit, tcp) {
  const share = adit.rtt_load_ms / tcp.rtt_load_ms;
  return { holds: share <= TARGET.loadShareOfTcp, text: `round trip under load: ${percent(share)} `
    + `of ${tcp.name}, the best other tunnel over TCP (target ${percent(TARGET.loadShareOfTcp)})` };
}

const percent = (share) => `${Math.round(share * 100)} %`;
