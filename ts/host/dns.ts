/**
 * Questions and answers of the domain name system (RFC 1035 section 4, RFC 3596), addresses only.
 */

export type AddressFamily = 4 | 6;

export type DnsAnswer =
  | { readonly kind: "addresses"; readonly addresses: readonly Uint8Array[] }
  /** `final` if another server would say the same. */
  | { readonly kind: "refused"; readonly why: string; readonly final: boolean }
  /** Not an answer to this question; it may still come. */
  | { readonly kind: "foreign" };

/** Compression pointers followed in one name; each must point backwards. */
const pointersMax = 16;
/** Resource records looked at in one answer. */
const recordsMax = 64;
/** Aliases followed from the name that was asked for. */
const aliasesMax = 8;
const nameLengthMax = 253;
const headerBytes = 12;
const classInternet = 1;
const typeAlias = 5;

const codeNoSuchName = 3;
const responseCodes = ["no error", "format error", "server failure", "no such name"];

/** True for a name of letters, digits, hyphens and underscores that fits into a question. */
function isHostName(name: string): boolean {
  return name.length <= nameLengthMax && /^[\w-]{1,63}(\.[\w-]{1,63})*\.?$/.test(name);
}

/** One question with recursion desired. `name` satisfies isHostName, `id` has 16 bits. */
export function encodeQuestion(id: number, name: string, family: AddressFamily): Uint8Array {
  if (!isHostName(name)) throw new TypeError(`not a host name: ${name}`);
  const labels = canonicalName(name).split(".");
  const bytes = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  for (const label of labels) {
    bytes.push(label.length);
    for (let index = 0; index < label.length; index++) bytes.push(label.charCodeAt(index));
  }
  bytes.push(0, 0, recordType(family), 0, classInternet);
  return new Uint8Array(bytes);
}

/** Reads any bytes; addresses are those of the name asked for, aliases followed. */
export function decodeAnswer(
  bytes: Uint8Array,
  id: number,
  name: string,
  family: AddressFamily,
): DnsAnswer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < headerBytes || view.getUint16(0) !== id) return { kind: "foreign" };
  const flags = view.getUint16(2);
  if ((flags & 0x8000) === 0 || view.getUint16(4) !== 1) return { kind: "foreign" };
  const question = readName(bytes, headerBytes);
  if (question === undefined || question.next + 4 > bytes.length) return { kind: "foreign" };
  const type = view.getUint16(question.next);
  const asked = question.name === canonicalName(name) && type === recordType(family);
  if (!asked) return { kind: "foreign" };
  const code = flags & 15;
  if (code !== 0) {
    const why = responseCodes[code] ?? `response code ${code}`;
    return { kind: "refused", why, final: code === codeNoSuchName };
  }
  const records = readRecords(bytes, view, question.next + 4, view.getUint16(6));
  return { kind: "addresses", addresses: addressesOf(records, question.name, family) };
}

interface DnsRecord {
  readonly owner: string;
  readonly type: number;
  readonly data: Uint8Array;
  /** The target of an alias. */
  readonly target: string;
}

function recordType(family: AddressFamily): number {
  return family === 4 ? 1 : 28;
}

function canonicalName(name: string): string {
  return (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

/** Records up to the first malformed one; what came before it is good. */
function readRecords(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  count: number,
): readonly DnsRecord[] {
  const records: DnsRecord[] = [];
  let offset = start;
  for (let index = 0; index < Math.min(count, recordsMax); index++) {
    const owner = readName(bytes, offset);
    if (owner === undefined || owner.next + 10 > bytes.length) break;
    const dataStart = owner.next + 10;
    const dataEnd = dataStart + view.getUint16(owner.next + 8);
    if (dataEnd > bytes.length) break;
    const type = view.getUint16(owner.next);
    const target = type === typeAlias ? (readName(bytes, dataStart)?.name ?? "") : "";
    const internet = view.getUint16(owner.next + 2) === classInternet;
    const data = bytes.slice(dataStart, dataEnd);
    if (internet) records.push({ owner: owner.name, type, data, target });
    offset = dataEnd;
  }
  return records;
}

function addressesOf(
  records: readonly DnsRecord[],
  name: string,
  family: AddressFamily,
): readonly Uint8Array[] {
  const size = family === 4 ? 4 : 16;
  let owner = name;
  for (let hop = 0; hop <= aliasesMax; hop++) {
    const own = records.filter((record) => record.owner === owner);
    const found = own.filter(({ type, data }) => {
      return type === recordType(family) && data.length === size;
    });
    if (found.length > 0) return found.map(({ data }) => data);
    const alias = own.find(({ type, target }) => type === typeAlias && target !== "");
    if (alias === undefined) return [];
    owner = alias.target;
  }
  return [];
}

/** A name in lower case without the last dot, and the offset behind it where it stands. */
function readName(
  bytes: Uint8Array,
  start: number,
): { readonly name: string; readonly next: number } | undefined {
  let offset = start;
  let next = -1;
  let name = "";
  for (let pointers = 0; ; ) {
    const length = bytes[offset];
    if (length === undefined) return undefined;
    if (length === 0) return { name, next: next < 0 ? offset + 1 : next };
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (bytes[offset + 1] ?? 0);
      if (target >= offset || ++pointers > pointersMax) return undefined;
      if (next < 0) next = offset + 2;
      offset = target;
      continue;
    }
    if (length > 63 || offset + length >= bytes.length) return undefined;
    name += (name === "" ? "" : ".") + labelText(bytes, offset + 1, length);
    if (name.length > nameLengthMax) return undefined;
    offset += 1 + length;
  }
}

function labelText(bytes: Uint8Array, start: number, length: number): string {
  let text = "";
  for (let index = start; index < start + length; index++) {
    text += String.fromCharCode(bytes[index] as number);
  }
  return text.toLowerCase();
}
