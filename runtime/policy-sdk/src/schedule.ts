/**
 * Spans of local time, as people say them: `mon-fri 08:00-18:00`.
 *
 * A span is days, times, or both. Days: `mon` to `sun`, ranges of them (`fri-mon` passes over
 * the weekend), `weekdays`, `weekend`, `daily`, with commas between. Times: `HH:MM-HH:MM`, the end
 * not included, `24:00` for the end of the day, with commas between. An end before its start lies
 * on the next day, and the night belongs to the day it begins on: `fri 22:00-06:00` holds on
 * Saturday at 05:00 and not on Friday at 05:00.
 *
 * It is the wall clock that counts. When clocks go forward, what lies in the gap does not happen
 * that day, and a span that starts or ends in the gap does so at the first minute after it. When
 * clocks go back, the repeated hour is in a span both times or not at all.
 */
import { expect, freeze, isText, memo, mistake } from "./check.js";
import type { LocalTime, Route, Scheduled } from "./types.js";

const dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const dayMinutes = 1440;
const groups = new Map([["daily", 0x7f], ["weekdays", 0x1f], ["weekend", 0x60]]);

interface Span {
  /** Bit 0 is Monday. */
  readonly days: number;
  /** Minutes of the day from and to; an end that is not after its start is on the next day. */
  readonly times: readonly (readonly [number, number])[];
}

/**
 * Whether it is such a time of the week.
 *
 * @param now - `world.now`
 *
 * @example
 * ```ts
 * during(world.now, "mon-fri 08:00-12:00,13:00-17:00")
 * during(world.now, "sun-thu 21:00-06:30")
 * during(world.now, "weekend")
 * ```
 */
export function during(now: LocalTime, span: string): boolean {
  const { days, times } = parseSpan(span);
  const today = now.weekday - 1;
  const isToday = (days >> today & 1) === 1;
  const minute = now.hour * 60 + now.minute;
  if (times.length === 0) return isToday;
  const wasYesterday = (days >> (today + 6) % 7 & 1) === 1;
  return times.some(([from, to]) => (from < to
    ? isToday && minute >= from && minute < to
    : isToday && minute >= from || wasYesterday && minute < to));
}

/**
 * An answer that depends on the time: that of the first span that holds, else the last argument.
 *
 * @example
 * ```ts
 * const bedtime = schedule({ "sun-thu 21:00-06:30": block(), "fri,sat 23:00-08:00": block() },
 *   via("de"));
 * ```
 */
export function schedule(times: Readonly<Record<string, Route>>, otherwise: Route): Scheduled {
  const entries = Object.entries(times).map(([span, route]) => {
    parseSpan(span);
    return freeze({ span, route: aRoute(`schedule: ${span}`, route) });
  });
  return freeze({
    action: "schedule",
    times: freeze(entries),
    otherwise: aRoute("schedule: otherwise", otherwise),
  });
}

function aRoute(place: string, route: Route): Route {
  expect(isText(route?.action), place, route, "an answer such as via(…) or block()");
  return route;
}

const parseSpan = memo((text): Span => {
  expect(isText(text), "during", text, "days and times");
  const words = text.toLowerCase().split(" ").filter((word) => word !== "");
  const timesWord = words.at(-1)?.includes(":") ? words.pop() : undefined;
  if (words.length > 1 || text.trim() === "") throw badSpan(text);
  return {
    days: words[0] === undefined ? 0x7f : parseDays(words[0], text),
    times: timesWord?.split(",").map((time) => parseTimes(time, text)) ?? [],
  };
});

const badSpan = (text: string): TypeError =>
  mistake("span", text, 'days and times such as "mon-fri 08:00-18:00"');

function parseDays(word: string, span: string): number {
  return word.split(",").reduce((days, part) => days | (groups.get(part) ?? range(part, span)), 0);
}

function range(part: string, span: string): number {
  const [from, to = from, ...rest] = part.split("-").map((day) => dayNames.indexOf(day));
  if (from === undefined || to === undefined || from < 0 || to < 0 || rest.length > 0) {
    throw badSpan(span);
  }
  let days = 1 << to;
  for (let day = from; day !== to; day = (day + 1) % 7) days |= 1 << day;
  return days;
}

function parseTimes(word: string, span: string): readonly [number, number] {
  const [from, to, ...rest] = word.split("-").map(parseClock);
  const isRight = from !== undefined && to !== undefined && rest.length === 0 &&
    from < dayMinutes && to <= dayMinutes && from !== to;
  if (!isRight) throw badSpan(span);
  return [from, to];
}

/** Minutes of the day, NaN for what is no time. */
function parseClock(word: string): number {
  const [hour, minute, ...rest] = word.split(":").map(parseDigits);
  const isRight = hour !== undefined && minute !== undefined && rest.length === 0 &&
    hour <= 24 && minute < 60 && hour * 60 + minute <= dayMinutes;
  return isRight ? hour * 60 + minute : NaN;
}

function parseDigits(word: string): number {
  const isNumber = word.length >= 1 && word.length <= 2 &&
    [...word].every((digit) => digit >= "0" && digit <= "9");
  return isNumber ? Number(word) : NaN;
}
