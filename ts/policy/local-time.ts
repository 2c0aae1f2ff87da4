/**
 * Local time by a POSIX TZ string (XBD section 8.3), such as CET-1CEST,M3.5.0,M10.5.0/3: the same
 * on every machine, without a time zone database.
 */
import type { LocalTime } from "../model/advice.js";

/** A day of the year and a second of that day, which may lie outside of it. */
interface Change {
  readonly dayOf: (year: number) => number;
  readonly second: number;
}

interface Summer {
  readonly offset: number;
  readonly from: Change;
  readonly to: Change;
}

interface Zone {
  /** Seconds east of Greenwich. */
  readonly offset: number;
  readonly summer: Summer | undefined;
}

export const daySeconds = 86_400;
const name = "(?:[A-Za-z]{3,15}|<[A-Za-z0-9+-]{3,15}>)";
const time = "([+-]?\\d{1,3}(?::[0-5]\\d){0,2})";
const date = "(M(?:1[0-2]|[1-9])\\.[1-5]\\.[0-6]|J?\\d{1,3})";
const change = `,${date}(?:/${time})?`;
const zoneText = new RegExp(`^${name}${time}(?:${name}${time}?(?:${change}${change})?)?$`);
const zoneHasSummer = new RegExp(`^${name}${time}${name}`);
/** POSIX leaves the rules open where none stand; these are what C libraries take. */
const rulesDefault = ",M3.2.0,M11.1.0";
const hoursMax = 167;

/** True if `localTime` understands the text. */
export function isTimezone(text: string): boolean {
  return parseZone(text) !== undefined;
}

/** The local time at `unixMs`; a text that is no time zone counts as UTC. */
export function localTime(unixMs: number, timezone: string): LocalTime {
  const unix = Math.floor(unixMs / 1_000);
  const offset = offsetAt(parseZone(timezone), unix);
  const local = unix + offset;
  const days = Math.floor(local / daySeconds);
  const second = local - days * daySeconds;
  return {
    unix_s: unix,
    ...dateOf(days),
    // 1970-01-01 was a Thursday.
    weekday: modulo(days + 3, 7) + 1,
    hour: Math.floor(second / 3_600),
    minute: Math.floor(second / 60) % 60,
    utc_offset_min: offset / 60,
  };
}

function parseZone(text: string): Zone | undefined {
  const found = zoneText.exec(text);
  if (found === null) return undefined;
  if (zoneHasSummer.test(text) && found[3] === undefined) return parseZone(text + rulesDefault);
  const [, standard = "", summer, fromDate, fromTime, toDate, toTime] = found;
  const offset = 0 - secondsOf(standard);
  const from = changeOf(fromDate, fromTime);
  const to = changeOf(toDate, toTime);
  const all = [offset, from?.second ?? 0, to?.second ?? 0];
  if (all.some((one) => Math.abs(one) > hoursMax * 3_600)) return undefined;
  if (from === undefined || to === undefined) return { offset, summer: undefined };
  const later = summer === undefined ? offset + 3_600 : 0 - secondsOf(summer);
  return { offset, summer: { offset: later, from, to } };
}

function secondsOf(text: string): number {
  const [hours = "", minutes = "0", seconds = "0"] = text.replace(/^[+-]/, "").split(":");
  const value = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  return text.startsWith("-") ? -value : value;
}

function changeOf(day: string | undefined, at = "2"): Change | undefined {
  if (day === undefined) return undefined;
  const second = secondsOf(at);
  const [month = 0, week = 0, weekday = 0] = day.slice(1).split(".").map(Number);
  if (day.startsWith("M")) {
    return { second, dayOf: (year) => weekdayOf(year, month, week, weekday) };
  }
  const isJulian = day.startsWith("J");
  const number = Number(day.replace("J", ""));
  // Jn counts from 1 and never counts the 29th of February.
  return {
    second,
    dayOf: (year) => {
      const skips = isJulian && number >= 60 && isLeap(year) ? 1 : 0;
      return daysBefore(year, 1) + number + skips - (isJulian ? 1 : 0);
    },
  };
}

/** Day of the `week`th (5 is the last) `weekday` (0 is Sunday) of a month. */
function weekdayOf(year: number, month: number, week: number, weekday: number): number {
  const first = daysBefore(year, month);
  const day = first + modulo(weekday - (first + 4), 7) + (week - 1) * 7;
  const end = month === 12 ? daysBefore(year + 1, 1) : daysBefore(year, month + 1);
  return day < end ? day : day - 7;
}

function offsetAt(zone: Zone | undefined, unix: number): number {
  const { offset = 0, summer } = zone ?? {};
  if (summer === undefined) return offset;
  const { year } = dateOf(Math.floor((unix + offset) / daySeconds));
  const from = summer.from.dayOf(year) * daySeconds + summer.from.second - offset;
  const to = summer.to.dayOf(year) * daySeconds + summer.to.second - summer.offset;
  const inSummer = from < to ? unix >= from && unix < to : unix >= from || unix < to;
  return inSummer ? summer.offset : offset;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970-01-01 to the first of the month; years begin in March, so leap days are last. */
export function daysBefore(year: number, month: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const months = modulo(month - 3, 12);
  const leaps = Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400);
  return shifted * 365 + leaps + Math.floor((153 * months + 2) / 5) - 719_468;
}

/** The day of the calendar that is so many days from 1970-01-01. */
export function dateOf(days: number): { year: number; month: number; day: number } {
  let year = 1970 + Math.floor(days / 365.2425);
  if (daysBefore(year, 1) > days) year -= 1;
  else if (daysBefore(year + 1, 1) <= days) year += 1;
  let month = 12;
  while (daysBefore(year, month) > days) month -= 1;
  return { year, month, day: days - daysBefore(year, month) + 1 };
}
