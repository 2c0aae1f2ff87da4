/** Random messages of every kind, read from runtime/contract.json, not from what is generated. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { ContractMessage } from "../../../ts/host/contract.gen.js";
import { formatIp, formatMac } from "../../../ts/model/ip.js";

export interface RawField {
  readonly name: string;
  readonly type: string;
}

export interface RawMessage {
  readonly id: number;
  readonly name: string;
  readonly from: "mover" | "decider";
  readonly fields: readonly RawField[];
}

export interface RawContract {
  readonly structs: Readonly<Record<string, { readonly fields: readonly RawField[] }>>;
  readonly messages: readonly RawMessage[];
}

/** Bounds beside those of the contract, to keep samples small. */
export interface SampleLimits {
  readonly bytesMax: number;
  readonly elementsMax: number;
}

export function readContract(): RawContract {
  return JSON.parse(readFileSync("runtime/contract.json", "utf8")) as RawContract;
}

export function messageArbitrary(
  contract: RawContract,
  { name, fields }: RawMessage,
  limits: SampleLimits,
): fc.Arbitrary<ContractMessage> {
  const values = fieldsArbitrary(contract, fields, limits);
  return values.map((value) => ({ type: name, ...value }) as unknown as ContractMessage);
}

export function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function fieldsArbitrary(
  contract: RawContract,
  fields: readonly RawField[],
  limits: SampleLimits,
): fc.Arbitrary<Record<string, unknown>> {
  const entries = fields.map((field) => [
    camelCase(field.name),
    fieldArbitrary(contract, field.type, limits),
  ]);
  return fc.record(Object.fromEntries(entries), { noNullPrototype: true });
}

const ip4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => formatIp(bytes));
const ip6 = fc
  .array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
  .map((bytes) => formatIp(bytes));
const prefix4 = fc.tuple(ip4, fc.nat(32)).map(([ip, length]) => `${ip}/${length}`);
const prefix6 = fc.tuple(ip6, fc.nat(128)).map(([ip, length]) => `${ip}/${length}`);

const plain: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  u8: fc.nat(0xff),
  u16: fc.nat(0xffff),
  u32: fc.integer({ min: 0, max: 0xffff_ffff }),
  i32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  u64: fc.maxSafeNat(),
  bool: fc.boolean(),
  ip: fc.oneof(fc.constant(""), ip4, ip6),
  prefix: fc.oneof(fc.constant(""), prefix4, prefix6),
  mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => formatMac(bytes)),
};

function fieldArbitrary(
  contract: RawContract,
  type: string,
  limits: SampleLimits,
): fc.Arbitrary<unknown> {
  const [kind = "", ...rest] = type.split(":");
  const max = Number(rest.at(-1));
  const bytesMax = Math.min(max, limits.bytesMax);
  switch (kind) {
    case "str":
      return fc.string({ unit: "binary", maxLength: bytesMax }).map((text) => fit(text, bytesMax));
    case "bytes":
      return fc.uint8Array({ maxLength: bytesMax });
    case "list": {
      const fields = contract.structs[rest[0] ?? ""]?.fields ?? [];
      const maxLength = Math.min(max, limits.elementsMax);
      return fc.array(fieldsArbitrary(contract, fields, limits), { maxLength });
    }
    default:
      return plain[kind] ?? fc.constant(undefined);
  }
}

/** As many whole characters as fit, without NUL. */
function fit(text: string, bytesMax: number): string {
  let fitting = "";
  for (const character of text.replaceAll("\0", "")) {
    if (Buffer.byteLength(fitting + character) > bytesMax) break;
    fitting += character;
  }
  return fitting;
}
