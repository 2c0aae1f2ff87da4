// Checks a value against the part of JSON Schema that scenario.schema.json uses. Every mistake is
// told, with its path, the value that is there, and what was expected.

const SHOWN_CHARS_MAX = 60;

/** All mistakes as { path, value, expected }, in the order of the value. */
export function validate(value, schema) {
  return check(value, schema, { root: schema, path: "" });
}

/** One line for people: `events[2].at: "25:00x", expected …`. */
export const showMistake = ({ path, value, expected }) =>
  `${path === "" ? "the whole" : path}: ${shown(value)}, expected ${expected}`;

function shown(value) {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function check(value, given, at) {
  const schema = follow(given, at.root);
  const mistake = (expected) =>
    [{ path: at.path, value, expected: schema.description ?? expected }];
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    return mistake(`one of ${schema.enum.map((item) => JSON.stringify(item)).join(", ")}`);
  }
  if (schema.type !== undefined && !typesOf(schema).some((type) => isOfType(value, type))) {
    return mistake(`a value of type ${typesOf(schema).join(" or ")}`);
  }
  const wrong = CHECKS[typeOf(value)]?.(value, schema);
  if (wrong !== undefined) return mistake(wrong);
  if (Array.isArray(value)) return checkItems(value, schema, at);
  return typeOf(value) === "object" ? checkProperties(value, schema, at) : [];
}

function follow(schema, root) {
  if (schema.$ref === undefined) return schema;
  const parts = schema.$ref.split("/").slice(1);
  return parts.reduce((node, part) => node[part], root);
}

const typesOf = ({ type }) => (Array.isArray(type) ? type : [type]);

const typeOf = (value) =>
  (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

const isOfType = (value, type) =>
  (type === "integer" ? Number.isInteger(value) : typeOf(value) === type);

/** What is wrong with a value of each type by itself, or undefined. */
const CHECKS = {
  string: (value, { minLength = 0, maxLength = Infinity, pattern }) => {
    if (value.length < minLength) return `at least ${minLength} characters`;
    if (value.length > maxLength) return `at most ${maxLength} characters`;
    const isFit = pattern === undefined || new RegExp(pattern, "u").test(value);
    return isFit ? undefined : `a text like ${pattern}`;
  },
  number: (value, { minimum = -Infinity, maximum = Infinity }) =>
    (value >= minimum && value <= maximum ? undefined : `${minimum} to ${maximum}`),
  array: (value, { maxItems = Infinity }) =>
    (value.length > maxItems ? `at most ${maxItems} items` : undefined),
  object: (value, { minProperties = 0, maxProperties = Infinity, properties = {} }) => {
    const count = Object.keys(value).length;
    if (count > maxProperties) return `at most ${maxProperties} keys`;
    if (count >= minProperties) return undefined;
    const names = Object.keys(properties).join(", ");
    return `at least ${minProperties} keys${names === "" ? "" : ` of ${names}`}`;
  },
};

const checkItems = (value, { items = {} }, at) =>
  value.flatMap((item, index) => check(item, items, { ...at, path: `${at.path}[${index}]` }));

function checkProperties(value, schema, at) {
  const { properties = {}, required = [], additionalProperties: others = true } = schema;
  const missing = required.filter((key) => !Object.hasOwn(value, key)).map((key) => ({
    path: pathTo(at.path, key),
    value: undefined,
    expected: follow(properties[key], at.root).description ?? "a value",
  }));
  const present = Object.entries(value).flatMap(([key, item]) => {
    const below = { ...at, path: pathTo(at.path, key) };
    const name = schema.propertyNames === undefined ? []
      : check(key, schema.propertyNames, below).map((found) => ({ ...found, value: key }));
    if (name.length > 0) return name;
    if (Object.hasOwn(properties, key)) return check(item, properties[key], below);
    if (others === false) return [unknownKey(below.path, item, properties)];
    return others === true ? [] : check(item, others, below);
  });
  return [...missing, ...present];
}

const unknownKey = (path, value, properties) => ({
  path, value, expected: `no such key, but ${Object.keys(properties).join(", ")}`,
});

const isPlainKey = (key) => /^[A-Za-z_$][\w$-]*$/.test(key);

const pathTo = (path, key) =>
  (isPlainKey(key) ? `${path === "" ? "" : `${path}.`}${key}` : `${path}[${JSON.stringify(key)}]`);
