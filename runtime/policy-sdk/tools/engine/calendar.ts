/** Local time without a clock: the engine has no Date, and a test must not depend on today. */
import type { WireTime } from "../../src/wire.js";

export const secondsPerDay = 86_400;

const timePattern = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?$/;

/** Seconds since 1970 in UTC of a local time such as `2026-03-02 18:30`; throws for others. */
export function parseLocalTime(text: string, utcOffsetMin: number): number {
  const match = timePattern.exec(text);
  const [year, month, day, hour, minute, second] = (match ?? []).slice(1).map((part) =>
    Number(part ?? "0"));
  const days = daysSince1970(year ?? 0, month ?? 0, day ?? 0);
  const isReal = match !== null && sameDay(days, month ?? 0, day ?? 0) &&
    (hour ?? 0) < 24 && (minute ?? 0) < 60 && (second ?? 0) < 60;
  if (!isReal) throw new Error(`time: "${text}" is no time, expected "2026-03-02 18:30"`);
  const local = days * secondsPerDay + (hour ?? 0) * 3600 + (minute ?? 0) * 60 + (second ?? 0);
  return local - utcOffsetMin * 60;
}

/** The wall clock as a policy sees it: in whole minutes. */
export function wireTime(unixS: number, utcOffsetMin: number): WireTime {
  const local = unixS + utcOffsetMin * 60;
  const days = Math.floor(local / secondsPerDay);
  const { year, month, day } = civilDay(days);
  const minutes = Math.floor((local - days * secondsPerDay) / 60);
  return {
    unix_s: unixS,
    year,
    month,
    day,
    // 1 January 1970 was a Thursday.
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
    hour: Math.floor(minutes / 60),
    minute: minutes % 60,
    utc_offset_min: utcOffsetMin,
  };
}

/** `2026-03-02 18:30:05` in local time; seconds only when there are some. */
export function showLocalTime(unixS: number, utcOffsetMin: number): string {
  const time = wireTime(unixS, utcOffsetMin);
  const seconds = (((unixS % 60) + 60) % 60);
  const two = (value: number): string => String(value).padStart(2, "0");
  const tail = seconds === 0 ? "" : `:${two(seconds)}`;
  return `${time.year}-${two(time.month)}-${two(time.day)} ${two(time.hour)}:${two(time.minute)}` +
    tail;
}

function sameDay(days: number, month: number, day: number): boolean {
  const civil = civilDay(days);
  return civil.month === month && civil.day === day;
}

/**
 * Days since 1970 of a day in the Gregorian calendar. Counted in years that begin in March, so
 * that the leap day is the last of its year; 400 of them have 146,097 days.
 */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilDay(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) +
    Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1 };
}
