/**
 * Contract messages to bytes and back, driven by the schema of contract.gen.ts. The wire format is
 * described in docs/contract.md. Whatever does not fit is refused with the field's name.
 */
import { formatIp, formatMac, ipBytes, macBytes, makePrefix } from "../model/ip.js";
import { prefixAddress, prefixFamily, prefixLength } from "../model/ip.js";
import { decodeUtf8, encodeUtf8 } from "./utf8.js";

/** A message that does not fit the contract: a fault of ours, or of the process that sent it. */
export class ContractError extends Error {
  override readonly name = "ContractError";
}

export type Sender = "mover" | "decider";

interface Field {
  readonly name: string;
  readonly kind: string;
  /** Bytes of an integer, undefined for others. */
  readonly width: number | undefined;
  /** Bytes of a string or byte field, elements of a list. */
  readonly max: number;
  /** Element type of a list. */
  readonly struct: string;
}

interface Shape {
  readonly name: string;
  readonly id: number;
  readonly from: Sender;
  readonly fields: readonly Field[];
}

export interface Codec {
  readonly structs: ReadonlyMap<string, readonly Field[]>;
  readonly byName: ReadonlyMap<string, Shape>;
  readonly byId: ReadonlyMap<number, Shape>;
}

type Values = Readonly<Record<string, unknown>>;

const widths: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

/** A message of whatever type; its other properties are named by the schema. */
export interface Decoded {
  readonly type: string;
}

/**
 * Lines of the schema: `struct field:type …` and `id message field:type …`. Without a type a field
 * is a u32, with nothing but a number it is a string of at most so many bytes.
 */
export function createCodec(
  structs: readonly string[],
  ofDecider: readonly string[],
  ofMover: readonly string[],
): Codec {
  const shapes = [
    ...ofDecider.map((line) => parseShape(line, "decider")),
    ...ofMover.map((line) => parseShape(line, "mover")),
  ];
  return {
    structs: new Map(structs.map((line) => parseStruct(line))),
    byName: new Map(shapes.map((shape) => [shape.name, shape])),
    byId: new Map(shapes.map((shape) => [shape.id, shape])),
  };
}

/** Throws ContractError if a value does not fit its field. */
export function encode(codec: Codec, message: Decoded, seq: number): Uint8Array {
  const shape = codec.byName.get(message.type);
  if (shape === undefined) throw new ContractError(`no message ${JSON.stringify(message.type)}`);
  const bytes = new Uint8Array(bytesFirst);
  const out: Writer = { codec, bytes, length: 0, where: message.type, field: undefined };
  putInteger(out, shape.id, 2, 0xffff);
  putInteger(out, 0, 2, 0);
  putInteger(out, seq, 4, 0xffff_ffff);
  putFields(out, shape.fields, message as unknown as Values, shape.name);
  return out.bytes.slice(0, out.length);
}

/** Throws ContractError if the bytes are not exactly one message that `from` may send. */
export function decode(
  codec: Codec,
  bytes: Uint8Array,
  from: Sender,
): { seq: number; message: Decoded } {
  const input: Reader = { codec, bytes, at: 0, where: "header", field: undefined };
  const id = getInteger(input, 4);
  const seq = getInteger(input, 4);
  const shape = codec.byId.get(id);
  if (shape === undefined) throw new ContractError(`no message has id ${id}`);
  if (shape.from !== from) throw new ContractError(`${shape.name} is not for the ${from} to send`);
  const message: Decoded = { type: shape.name };
  getFields(input, shape.fields, shape.name, message as unknown as Record<string, unknown>);
  const rest = bytes.length - input.at;
  if (rest > 0) throw new ContractError(`${shape.name}: ${rest} bytes too many`);
  return { seq, message };
}

function parseStruct(line: string): [string, readonly Field[]] {
  const [name = "", ...fields] = line.split(" ");
  return [name, fields.map(parseField)];
}

function parseShape(line: string, from: Sender): Shape {
  const [id, name = "", ...fields] = line.split(" ");
  return { id: Number(id), from, name, fields: fields.map(parseField) };
}

function parseField(text: string): Field {
  const [name = "", word = "u32", ...rest] = text.split(":");
  const kind = Number(word) > 0 ? "str" : word;
  const max = Number(rest.at(-1) ?? word);
  return { name, kind, width: widths[kind], max, struct: rest[0] ?? "" };
}

// ------------------------------------------------------------------------------------------ encode

/** Most messages fit; larger ones double it as often as needed. */
const bytesFirst = 256;

interface Writer {
  readonly codec: Codec;
  bytes: Uint8Array;
  length: number;
  /** Message or element under way, for errors. */
  where: string;
  field: Field | undefined;
}

const maxima: Readonly<Record<string, number>> = {
  u8: 0xff,
  u16: 0xffff,
  u32: 0xffff_ffff,
  u64: Number.MAX_SAFE_INTEGER,
};

function refuse(at: Writer | Reader, why: string): never {
  throw new ContractError(`${placeOf(at)}: ${why}`);
}

function placeOf({ where, field }: Writer | Reader): string {
  return field === undefined ? where : `${where}.${field.name}`;
}

function reserve(out: Writer, count: number): number {
  const start = out.length;
  out.length += count;
  if (out.length > out.bytes.length) {
    const larger = new Uint8Array(Math.max(out.length, out.bytes.length * 2));
    larger.set(out.bytes);
    out.bytes = larger;
  }
  return start;
}

function putInteger(out: Writer, value: unknown, width: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > max) {
    refuse(out, `${String(value)} is not an integer of 0 to ${max}`);
  }
  const start = reserve(out, width);
  let rest = value as number;
  for (let i = 0; i < width; i += 1) {
    out.bytes[start + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function putRaw(out: Writer, bytes: Uint8Array | readonly number[]): void {
  const start = reserve(out, bytes.length);
  out.bytes.set(bytes, start);
}

function putCounted(out: Writer, bytes: Uint8Array | readonly number[], max: number): void {
  if (bytes.length > max) refuse(out, `${bytes.length} bytes, at most ${max}`);
  putInteger(out, bytes.length, 2, 0xffff);
  putRaw(out, bytes);
}

function putFields(out: Writer, fields: readonly Field[], values: Values, owner: string): void {
  for (const field of fields) {
    out.where = owner;
    out.field = field;
    putField(out, field, values[field.name]);
  }
}

function putField(out: Writer, field: Field, value: unknown): void {
  const { kind, width } = field;
  if (width !== undefined) return putInteger(out, value, width, maxima[kind] ?? 0);
  switch (kind) {
    case "i32":
      return putSigned(out, value);
    case "bool":
      if (typeof value !== "boolean") return refuse(out, `${String(value)} is not a boolean`);
      return putRaw(out, [Number(value)]);
    case "bytes":
      if (!(value instanceof Uint8Array)) return refuse(out, "not a Uint8Array");
      return putCounted(out, value, field.max);
    case "list":
      return putList(out, field, value);
    default:
      if (typeof value !== "string") return refuse(out, `${String(value)} is not a string`);
      return putString(out, field, value);
  }
}

function putSigned(out: Writer, value: unknown): void {
  if (value !== (value as number) >> 0) refuse(out, `${String(value)} does not fit 32 bits`);
  putInteger(out, (value as number) >>> 0, 4, 0xffff_ffff);
}

function putString(out: Writer, { kind, max }: Field, text: string): void {
  switch (kind) {
    case "ip":
      return putIp(out, text);
    case "prefix":
      return putPrefix(out, text);
    case "mac":
      return putRaw(out, convert(out, macBytes, text));
    default:
      if (text.includes("\0")) refuse(out, "has a NUL");
      return putCounted(out, encodeUtf8(text), max);
  }
}

function convert(out: Writer, convertText: (text: string) => Uint8Array, text: string): Uint8Array {
  try {
    return convertText(text);
  } catch (error) {
    return refuse(out, (error as Error).message);
  }
}

function putIp(out: Writer, ip: string): void {
  putAddress(out, convert(out, ipBytes, ip));
}

function putAddress(out: Writer, bytes: Uint8Array): void {
  putRaw(out, [bytes.length === 16 ? 6 : bytes.length]);
  putRaw(out, bytes);
}

function putPrefix(out: Writer, text: string): void {
  if (text === "") return putRaw(out, [0, 0]);
  const address = prefixAddress(text);
  const bytes = convert(out, ipBytes, address);
  const length = prefixLength(text);
  const fits = Number.isInteger(length) && length >= 0 && length <= bytes.length * 8;
  if (!fits || makePrefix(address, length) !== text) {
    return refuse(out, `${JSON.stringify(text)} is not a prefix`);
  }
  putAddress(out, bytes);
  return putRaw(out, [length]);
}

function putList(out: Writer, { max, struct }: Field, value: unknown): void {
  const where = placeOf(out);
  if (!Array.isArray(value)) refuse(out, "not an array");
  const items = value as readonly Values[];
  if (items.length > max) refuse(out, `${items.length} elements, at most ${max}`);
  putInteger(out, items.length, 2, 0xffff);
  const fields = out.codec.structs.get(struct) ?? [];
  items.forEach((item, i) => putFields(out, fields, item, `${where}[${i}]`));
}

// ------------------------------------------------------------------------------------------ decode

interface Reader {
  readonly codec: Codec;
  readonly bytes: Uint8Array;
  at: number;
  /** Message or element under way, for errors. */
  where: string;
  field: Field | undefined;
}

/** A view, not a copy. */
function getRaw(input: Reader, count: number): Uint8Array {
  const view = input.bytes.subarray(input.at, input.at + count);
  if (view.length < count) refuse(input, `${count - view.length} bytes are missing`);
  input.at += count;
  return view;
}

function getInteger(input: Reader, width: number): number {
  const { bytes, at } = input;
  const end = at + width;
  if (end > bytes.length) refuse(input, `${end - bytes.length} bytes are missing`);
  input.at = end;
  let value = 0;
  for (let i = end; i > at;) value = value * 256 + (bytes[(i -= 1)] as number);
  return Number.isSafeInteger(value) ? value : refuse(input, "exceeds 53 bits");
}

/** Adds them to `values`. */
function getFields(
  input: Reader,
  fields: readonly Field[],
  owner: string,
  values: Record<string, unknown>,
): Values {
  for (const field of fields) {
    input.where = owner;
    input.field = field;
    values[field.name] = getField(input, field);
  }
  return values;
}

const getters: Readonly<Record<string, (input: Reader, field: Field) => unknown>> = {
  i32: (input) => getInteger(input, 4) >> 0,
  bool: getBool,
  bytes: (input, field) => getCounted(input, field).slice(),
  ip: getIp,
  prefix: getPrefix,
  mac: (input) => formatMac(getRaw(input, 6)),
  list: getList,
};

function getField(input: Reader, field: Field): unknown {
  if (field.width !== undefined) return getInteger(input, field.width);
  return (getters[field.kind] ?? getText)(input, field);
}

function getBool(input: Reader): boolean {
  const value = getInteger(input, 1);
  return value > 1 ? refuse(input, `${value} is not a boolean`) : value === 1;
}

function getCounted(input: Reader, { max }: Field): Uint8Array {
  const count = getInteger(input, 2);
  return count > max ? refuse(input, `${count} bytes, at most ${max}`) : getRaw(input, count);
}

function getText(input: Reader, field: Field): string {
  const text = decodeUtf8(getCounted(input, field));
  return text === undefined || text.includes("\0") ? refuse(input, "is not text") : text;
}

function getIp(input: Reader): string {
  const family = getInteger(input, 1);
  if (family !== 0 && family !== 4 && family !== 6) refuse(input, `${family} is not a family`);
  return formatIp(getRaw(input, family === 6 ? 16 : family));
}

function getPrefix(input: Reader): string {
  const ip = getIp(input);
  const length = getInteger(input, 1);
  const lengthMax = ip === "" ? 0 : prefixFamily(ip) === 6 ? 128 : 32;
  if (length > lengthMax) refuse(input, `prefix length ${length}`);
  return ip === "" ? "" : makePrefix(ip, length);
}

function getList(input: Reader, { max, struct }: Field): readonly Values[] {
  const where = placeOf(input);
  const count = getInteger(input, 2);
  if (count > max) refuse(input, `${count} elements, at most ${max}`);
  const fields = input.codec.structs.get(struct) ?? [];
  return Array.from({ length: count }, (_, i) => getFields(input, fields, `${where}[${i}]`, {}));
}
