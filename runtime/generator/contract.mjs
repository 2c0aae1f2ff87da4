// Reads runtime/contract.json, checks it, and gives every field its parsed type.

/** Bytes of id, zero and sequence number before the fields. */
export const headerBytes = 8;

/** Fewest and most bytes on the wire of the types without a parameter. */
const plainTypes = {
  u8: [1, 1],
  u16: [2, 2],
  u32: [4, 4],
  i32: [4, 4],
  u64: [8, 8],
  bool: [1, 1],
  ip: [1, 17],
  prefix: [2, 18],
  mac: [6, 6],
};

/** The contract with parsed types; throws an Error that names what is wrong with it. */
export function readContract(text) {
  const raw = JSON.parse(text);
  const structs = Object.entries(raw.structs).map(([name, { doc, fields }]) => ({
    name,
    doc,
    fields: fields.map((field) => parseField(field, [], name)),
  }));
  const messages = raw.messages.map((message) => ({
    ...message,
    fields: message.fields.map((field) => parseField(field, structs, message.name)),
  }));
  const contract = { ...raw, structs, messages };
  checkMessages(contract);
  return contract;
}

/** Fewest and most bytes that the fields take on the wire. */
export function wireRange(fields) {
  const ranges = fields.map((field) => fieldRange(field));
  const sum = (which) => ranges.reduce((total, range) => total + range[which], 0);
  return [sum(0), sum(1)];
}

function parseField({ name, type, doc }, structs, owner) {
  const where = `${owner}.${name}`;
  if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`${where}: not a field name`);
  if (name === "type") throw new Error(`${where}: "type" tells messages apart in TypeScript`);
  const [kind, ...rest] = type.split(":");
  if (kind in plainTypes && rest.length === 0) return { name, type, doc, kind };
  const max = Number(rest.at(-1));
  if (!Number.isInteger(max) || max < 1 || max > 0xffff) throw new Error(`${where}: bad ${type}`);
  if ((kind === "str" || kind === "bytes") && rest.length === 1) {
    return { name, type, doc, kind, max };
  }
  const index = structs.findIndex((struct) => struct.name === rest[0]);
  if (kind !== "list" || index < 0) throw new Error(`${where}: unknown type ${type}`);
  return { name, type, doc, kind, max, index, struct: structs[index] };
}

function fieldRange(field) {
  if (field.kind in plainTypes) return plainTypes[field.kind];
  if (field.kind !== "list") return [2, 2 + field.max];
  return [2, 2 + field.max * wireRange(field.struct.fields)[1]];
}

function checkMessages({ messages, message_bytes_max: bytesMax }) {
  const ids = new Set();
  const names = new Set(messages.map(({ name }) => name));
  if (names.size !== messages.length) throw new Error("two messages have one name");
  for (const { id, name, from, reply, fields } of messages) {
    if (ids.has(id) || !(id > 0 && id <= 0xffff)) throw new Error(`${name}: bad id ${id}`);
    ids.add(id);
    if (from !== "mover" && from !== "decider") throw new Error(`${name}: from ${from}`);
    if (reply !== undefined && !names.has(reply)) throw new Error(`${name}: reply ${reply}`);
    const bytes = headerBytes + wireRange(fields)[1];
    if (bytes > bytesMax) throw new Error(`${name}: ${bytes} bytes, at most ${bytesMax}`);
  }
}
