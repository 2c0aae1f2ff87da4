/** Places in a bundled script, told as places in its sources (source map, revision 3). */
import { readObject } from "../model/json.js";

/** A position in the bundle and where it came from; everything counts from 0. */
interface Segment {
  readonly line: number;
  readonly column: number;
  readonly source: number;
  readonly sourceLine: number;
  readonly sourceColumn: number;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Segments that are read; a map with more is of no script that a router takes. */
const segmentsMax = 262_144;

/** Replaces every `policy.mjs:LINE:COLUMN` of a text by the place in the source, if it is known. */
export function mapPlaces(text: string, map: string | undefined): string {
  const { version, sources, mappings } = readObject(map) ?? {};
  if (version !== 3 || !Array.isArray(sources) || typeof mappings !== "string") return text;
  const segments = readMappings(mappings);
  return text.replace(/\bpolicy\.mjs:(\d+)(?::(\d+))?/g, (place, line: string, column = "1") => {
    const found = findSegment(segments, Number(line) - 1, Number(column) - 1);
    const name: unknown = found === undefined ? undefined : sources[found.source];
    if (found === undefined || typeof name !== "string") return place;
    return `${name}:${found.sourceLine + 1}:${found.sourceColumn + 1}`;
  });
}

function findSegment(
  segments: readonly Segment[],
  line: number,
  column: number,
): Segment | undefined {
  const onLine = segments.filter((segment) => segment.line === line);
  return onLine.filter((segment) => segment.column <= column).pop() ?? onLine[0];
}

/** Numbers are differences from the segment before; the column begins anew on every line. */
function readMappings(mappings: string): readonly Segment[] {
  const segments: Segment[] = [];
  let [source, sourceLine, sourceColumn] = [0, 0, 0];
  for (const [line, row] of mappings.split(";").entries()) {
    let column = 0;
    for (const part of row.split(",")) {
      const [columns, sources, lines, sourceColumns] = readNumbers(part);
      column += columns ?? 0;
      if (sources === undefined || segments.length >= segmentsMax) continue;
      source += sources;
      sourceLine += lines ?? 0;
      sourceColumn += sourceColumns ?? 0;
      segments.push({ line, column, source, sourceLine, sourceColumn });
    }
  }
  return segments;
}

/** Base64 digits of five bits each, the sixth tells that more follow; the lowest is the sign. */
function readNumbers(text: string): readonly number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of text) {
    const bits = digits.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if ((bits & 32) !== 0) continue;
    numbers.push((value & 1) !== 0 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}
