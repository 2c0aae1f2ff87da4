// Reading a scenario: its form by the schema, then what a schema cannot say.

import { readFileSync } from "node:fs";
import { EXIT, Refusal } from "./errors.mjs";
import { readText } from "./files.mjs";
import { showMistake, validate } from "./schema.mjs";

const SCHEMA = JSON.parse(readFileSync(new URL("scenario.schema.json", import.meta.url), "utf8"));

/** The same number as daysMax in engine/play.ts. */
const DAYS_MAX = 14;
const DAY_MS = 86_400_000;

/**
 * The scenario in a file; all its mistakes at once, each with path, value and expectation. `name`
 * is what the user calls the file.
 */
export function readScenario(file, name = file) {
  const scenario = parseJson(readText(file), name);
  const mistakes = validate(scenario, SCHEMA);
  const all = mistakes.length > 0 ? mistakes : timeMistakes(scenario);
  if (all.length === 0) return scenario;
  const lines = all.map((mistake) => `${name}: ${showMistake(mistake)}`);
  throw new Refusal(lines.join("\nadit-policy: "), EXIT.found);
}

function parseJson(text, name) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(`${name}: is no JSON: ${error.message}`, EXIT.found);
  }
}

function timeMistakes(scenario) {
  const { start, end, events = [] } = scenario;
  const [first, last] = [timeOf(start), timeOf(end)];
  const mistakes = [["start", start, first], ["end", end, last]].flatMap(([path, value, time]) =>
    (time === undefined ? [{ path, value, expected: "a day and time that exist" }] : []));
  if (mistakes.length > 0) return mistakes;
  if (last <= first || last - first > DAYS_MAX * DAY_MS) {
    const expected = `later than start, by at most ${DAYS_MAX} days`;
    return [{ path: "end", value: end, expected }];
  }
  return events.flatMap(({ at }, index) => {
    const time = timeOf(at.includes("-") ? at : `${start.slice(0, 10)} ${at}`);
    const isWithin = time !== undefined && time >= first && time < last;
    const expected = `a time from ${start} to before ${end}, by default on the first day`;
    return isWithin ? [] : [{ path: `events[${index}].at`, value: at, expected }];
  });
}

/** Milliseconds on a scale without time zones, or undefined for a time that does not exist. */
function timeOf(text) {
  const [year, month, day, hour, minute, second = 0] = text.split(/[- :]/).map(Number);
  const time = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(time).toISOString();
  const same = `${text}${text.length < 19 ? ":00" : ""}`;
  return back.slice(0, 19).replace("T", " ") === same ? time : undefined;
}
