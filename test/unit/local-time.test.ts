/** POSIX time zones against the time zone database of Node, hour by hour around every change. */
import assert from "node:assert";
import { suite } from "uvu";
import { isTimezone, localTime } from "../../ts/policy/local-time.js";

const test = suite("policy: local time");

/** POSIX texts as zoneinfo files end with them, and the names that Node knows. */
const zones: readonly (readonly [string, string])[] = [
  ["UTC0", "UTC"],
  ["CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"],
  ["GMT0BST,M3.5.0/1,M10.5.0", "Europe/London"],
  ["EET-2EEST,M3.5.0/3,M10.5.0/4", "Europe/Helsinki"],
  ["EST5EDT,M3.2.0,M11.1.0", "America/New_York"],
  ["EST5EDT", "America/New_York"],
  ["NST3:30NDT,M3.2.0,M11.1.0", "America/St_Johns"],
  ["<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "America/Nuuk"],
  ["AEST-10AEDT,M10.1.0,M4.1.0/3", "Australia/Sydney"],
  ["<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Australia/Lord_Howe"],
  ["NZST-12NZDT,M9.5.0,M4.1.0/3", "Pacific/Auckland"],
  ["<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45", "Pacific/Chatham"],
  ["IST-5:30", "Asia/Kolkata"],
  ["<+0545>-5:45", "Asia/Kathmandu"],
  ["JST-9", "Asia/Tokyo"],
  ["<-03>3", "America/Sao_Paulo"],
  ["IST-2IDT,M3.4.4/26,M10.5.0", "Asia/Jerusalem"],
];
const dayMs = 86_400_000;
const stepMs = 1_799_000;
const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

function byNode(format: Intl.DateTimeFormat, unixMs: number): string {
  const parts = new Map(format.formatToParts(unixMs).map(({ type, value }) => [type, value]));
  const at = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const weekday = weekdays.indexOf(parts.get("weekday") ?? "") + 1;
  return [at("year"), at("month"), at("day"), weekday, at("hour"), at("minute")].join(" ");
}

for (const [text, name] of zones) {
  test(`${text} is ${name} from 2024 to 2030`, () => {
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: name,
      hourCycle: "h23",
      weekday: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    // Sao Paulo and Nuuk changed their rules before; what is looked at is what these texts say.
    const from = Date.UTC(name === "America/Nuuk" ? 2025 : 2024, 0, 1);
    const offset = (at: number): number => localTime(at, text).utc_offset_min;
    for (let dayAt = from; dayAt < Date.UTC(2031, 0, 1); dayAt += dayMs) {
      // Formatting is slow: days without a change around them are looked at once.
      const isNear = offset(dayAt - dayMs) !== offset(dayAt + 2 * dayMs);
      for (let unixMs = dayAt; unixMs < dayAt + dayMs; unixMs += isNear ? stepMs : dayMs) {
        const { year, month, day, weekday, hour, minute } = localTime(unixMs, text);
        const ours = [year, month, day, weekday, hour, minute].join(" ");
        assert.strictEqual(ours, byNode(format, unixMs), `${text} at ${unixMs}`);
      }
    }
  });
}

test("days of the year, with and without the leap day", () => {
  const julian = "AAA0BBB,J60/0,J305/0";
  const zero = "AAA0BBB,59/0,304/0";
  const offset = (text: string, year: number, month: number, day: number): number =>
    localTime(Date.UTC(year, month - 1, day, 12), text).utc_offset_min;
  for (const year of [2024, 2025]) {
    assert.strictEqual(offset(julian, year, 2, 28), 0);
    assert.strictEqual(offset(julian, year, 3, 1), 60);
    assert.strictEqual(offset(julian, year, 10, 31), 60);
    assert.strictEqual(offset(julian, year, 11, 1), 0);
  }
  assert.strictEqual(offset(zero, 2024, 2, 29), 60);
  assert.strictEqual(offset(zero, 2025, 3, 1), 60);
  assert.strictEqual(offset(zero, 2025, 2, 28), 0);
});

test("a clock that was never set, and one far ahead", () => {
  assert.deepStrictEqual(localTime(0, "UTC0"), {
    unix_s: 0,
    year: 1970,
    month: 1,
    day: 1,
    weekday: 4,
    hour: 0,
    minute: 0,
    utc_offset_min: 0,
  });
  assert.strictEqual(localTime(-1, "UTC0").year, 1969);
  assert.strictEqual(localTime(4_102_444_800_000, "CET-1CEST,M3.5.0,M10.5.0/3").year, 2100);
});

test("what is no time zone is refused", () => {
  const wrong = ["", "CET", "C1", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "UTC0x"];
  for (const text of [...wrong, "Europe/Berlin", "CET-1,M3.5.0,M10.5.0", "UTC999", "<>0"]) {
    assert.strictEqual(isTimezone(text), false, text);
  }
});

test.run();
