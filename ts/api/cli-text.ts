/** Text for people: aligned tables, times, durations and amounts; and what answers are made of. */
import { dateOf, daySeconds } from "../policy/local-time.js";

export type Json = Readonly<Record<string, unknown>>;

/** The objects of a list; none if it is no list. */
export function listOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

const gap = "  ";
/** No column is made narrower than this: what is left of it would tell nothing. */
const cellMin = 8;

/** Rows with columns aligned, cut to fit into the width; the first row is the head. */
export function tableText(rows: readonly (readonly string[])[], width = Infinity): string {
  const natural = (rows[0] ?? []).map((_, column) => {
    return Math.max(...rows.map((row) => (row[column] ?? "").length));
  });
  const widths = fitted(natural, width);
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => cut(cell, widths[column] ?? 0));
    return cells.join(gap).trimEnd();
  });
  return `${lines.join("\n")}\n`;
}

/** The widest columns give way first, and to the width of the next ones at most. */
function fitted(natural: readonly number[], width: number): readonly number[] {
  const room = width - gap.length * (natural.length - 1);
  let most = Math.max(cellMin, ...natural);
  const widthsAt = (limit: number): number[] => natural.map((one) => Math.min(one, limit));
  const sum = (widths: readonly number[]): number => widths.reduce((all, one) => all + one, 0);
  while (most > cellMin && sum(widthsAt(most)) > room) most -= 1;
  return widthsAt(most);
}

function cut(cell: string, width: number): string {
  return cell.length <= width ? cell.padEnd(width) : `${cell.slice(0, width - 1)}…`;
}

/** Date and time in UTC, to the minute. */
export function dateText(unixS: number): string {
  const { year, month, day } = dateOf(Math.floor(unixS / daySeconds));
  return `${year}-${twoDigits(month)}-${twoDigits(day)} ${timeText(unixS).slice(0, 5)}`;
}

/** Time of day in UTC, to the second. */
export function timeText(unixS: number): string {
  const seconds = unixS % daySeconds;
  return [seconds / 3_600, (seconds / 60) % 60, seconds % 60].map(twoDigits).join(":");
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}

export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const units = [
    [daySeconds, "d"],
    [3_600, "h"],
    [60, "min"],
  ] as const;
  for (const [size, unit] of units) {
    if (seconds >= size * 2) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ""}`;
}
