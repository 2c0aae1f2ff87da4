// What is sent to the local interfaces by whoever may reach them: one row, one case. The forms of
// HTTP itself stand in test/unit/support/http-forms.ts.

const JSON_TYPE = "application/json";
const MAC = "02:00:00:00:00:99";
const DEEP = 2000;
const LONG = 70_000;

const rule = (changes) => JSON.stringify({ kind: "mac", subject: MAC, vl: "us", ...changes });
const kinds = (kind, subjects) => subjects.map((subject) => [`${kind} ${JSON.stringify(subject)}`,
  rule({ kind, subject })]);

/** Bodies of POST /v1/protect that are refused with 400. */
const BAD_RULES = [
  ["no body", ""], ["a blank", " "], ["half an object", "{"], ["an array", "[]"], ["null", "null"],
  ["a number", "5"], ["a text", '"x"'], ["an empty object", "{}"], ["two objects", "{}{}"],
  ["a comment", "/* */{}"], ["a comma too many", `${rule({}).slice(0, -1)},}`],
  ["single quotes", "{'kind':'mac'}"], ["a key twice", `{"vl":"de",${rule({}).slice(1)}`],
  ["a key twice, once escaped", `{"v\\u006c":"de",${rule({}).slice(1)}`],
  ["an unknown key", rule({ colour: "red" })],
  ["__proto__", `{"__proto__":{},${rule({}).slice(1)}`],
  ["constructor", rule({ constructor: "x" })], ["toString", rule({ toString: 1 })],
  ["very deep", `{"vl":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`],
  ["deep and open", "[".repeat(DEEP)], ["a huge number", '{"vl":1e99999}'],
  ["a lone surrogate", rule({}).replace("us", "\\ud800")], ["no UTF-8", "{\"vl\":\"\xff\xfe\"}"],
  ["a null byte", rule({ vl: "u\0s" })],
  ["a line end in the location", rule({ vl: "us\nde" })],
  ["no kind", rule({ kind: undefined })], ["no subject", rule({ subject: undefined })],
  ["no location", rule({ vl: undefined })], ["kind null", rule({ kind: null })],
  ["kind in a list", rule({ kind: ["mac"] })], ["another kind", rule({ kind: "planet" })],
  ["kind in capitals", rule({ kind: "MAC" })], ["location null", rule({ vl: null })],
  ["location 5", rule({ vl: 5 })], ["location an object", rule({ vl: {} })],
  ["a location that is none", rule({ vl: "atlantis" })],
  ["a location with a blank", rule({ vl: "us " })],
  ["a long location", rule({ vl: "u".repeat(999) })],
  ["when_down 5", rule({ when_down: 5 })], ["when_down nowhere", rule({ when_down: "atlantis" })],
  ["when_down empty", rule({ when_down: "" })],
  ...kinds("mac", [5, null, "", "zz", "02:00:00:00:00", "02:00:00:00:00:00:00", "02-00:00:00:00:00",
    "020000000099", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", ` ${MAC}`,
    "10.0.0.1", [MAC]]),
  ...kinds("ip", [5, null, "", "300.1.1.1", "1.2.3", "01.2.3.4", "0x7f.1", "10.0.0.1/33",
    "10.0.0.1/-1", "10.0.0.1/", "10.0.0.1/08", "::g", ":::", "1::2::3", "fe80::1%eth0", "::1/129",
    "10.0.0.1 ", "localhost", MAC, ["10.0.0.1"]]),
  ...kinds("iface", [5, null, "", ".", "..", "a/b", "a b", "a\tb", "sixteen-letters-", "lo", "br*",
    "a\"b", "ü", ["br-lan"]]),
];

const post = (path, type, body) => ["POST", path, type, body];

/** Requests that are well-formed, and what they come to. */
export const REQUESTS = [
  ...BAD_RULES.map(([name, body]) =>
    [`a rule: ${name}`, post("/v1/protect", JSON_TYPE, body), 400]),
  ...[undefined, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json",
    "application/json5", ""].map((type) =>
    [`a rule as ${type}`, post("/v1/protect", type, rule({})), 415]),
  ["the end of no rule", post("/v1/unprotect", JSON_TYPE, rule({ vl: undefined })), 404],
  ["the end of no rule, behind a byte order mark", post("/v1/unprotect", JSON_TYPE,
    `\xef\xbb\xbf${rule({ vl: undefined })}`), 404],
  ["the end of a rule, with a location", post("/v1/unprotect", JSON_TYPE, rule({})), 400],
  ["a rule of 64 KiB and more", post("/v1/protect", JSON_TYPE, rule({ vl: "u".repeat(LONG) })),
    413],
  ["a check without a configuration", post("/v1/check", JSON_TYPE, "{}"), 400],
  ["a check of a number", post("/v1/check", JSON_TYPE, '{"config":5}'), 400],
  ["a check of rubbish", post("/v1/check", JSON_TYPE, '{"config":"]["}'), 200],
  ["a check of deep JSON", post("/v1/check", JSON_TYPE,
    JSON.stringify({ config: "[".repeat(DEEP) })), 200],
  ["a script that is none", post("/v1/policy/try", JSON_TYPE, '{"script":5}'), 400],
  ["a script that does not parse", post("/v1/policy/try", JSON_TYPE, '{"script":"]["}'), 400],
  ["a swap for too long", post("/v1/policy/swap", JSON_TYPE, '{"script":"x","confirm_s":9e9}'),
    400],
  ["a swap of something else", post("/v1/policy/swap", JSON_TYPE,
    '{"script":"x","module":"../mover"}'), 400],
  ["a confirmation of nothing", post("/v1/policy/confirm", JSON_TYPE, '{"module":"policy"}'), 409],
  ["a rollback of nothing", post("/v1/policy/rollback", JSON_TYPE, '{"module":"policy"}'), 409],
  ["a hook that was not allowed", post("/v1/test/loop", JSON_TYPE, "{}"), 403],
  ["explain nothing", ["GET", "/v1/explain"], 400],
  ["explain rubbish", ["GET", "/v1/explain?subject=%00%1b"], 400],
  ["explain a long name", ["GET", `/v1/explain?subject=${"a".repeat(3000)}`], 400],
  ["explain to nowhere", ["GET", `/v1/explain?subject=${MAC}&destination=x`], 400],
  ["explain twice", ["GET", "/v1/explain?subject=a&subject=b"], 400],
  ...["/", "//", "/v1", "/v1/", "/v1/status/", "/v1//status", "/v1/../state", "/v1/%2e%2e/state",
    "/v1/%73tatus/x", "/V1/status", "/v1/status%00", "/v1/policy/../protect", "/v2/status"]
    .map((path) => [`no resource ${path}`, ["GET", path], 404]),
  ...["/v1/status", "/v1/plan", "/v1/devices", "/v1/explain", "/state"].map((path) =>
    [`POST ${path}`, post(path, JSON_TYPE, "{}"), 405]),
  ...["/v1/protect", "/v1/unprotect", "/v1/reload", "/v1/check", "/v1/policy/swap", "/v1/test/loop"]
    .map((path) => [`GET ${path}`, ["GET", path], 405]),
  ["PUT a rule", ["PUT", "/v1/protect", JSON_TYPE, rule({})], 405],
  ["DELETE the status", ["DELETE", "/v1/status"], 405],
  ["the path in other letters", ["GET", "/v1/%73tatus"], 200],
];

const wild = "\u001b[2J\u0007";

/** Words for the client, and its exit status. */
export const COMMAND_LINES = [
  [[], 2], [["--json"], 2], [[""], 2], [[wild], 2], [["status", "extra"], 2], [["statu"], 2],
  [["--socket"], 2], [["--socket=/nowhere", "status"], 3], [["status", "--"], 0], [["-x"], 2],
  [["status", "--jsn"], 2], [["status", "--json=1"], 2], [["protect"], 2], [["protect", MAC], 2],
  [["protect", MAC, "us", "de"], 2], [["protect", MAC, "atlantis"], 1],
  [["protect", "--kind", "planet", MAC, "us"], 1], [["protect", "--kind"], 2],
  [["protect", "--kind", "iface", "lo", "us"], 1], [["protect", "--kind", "iface", "", "us"], 1],
  [["protect", "--kind", "iface", wild, "us"], 1], [["protect", "10.0.0.1/99", "us"], 2],
  [["protect", "02:00:00:00:00", "us"], 2], [["protect", MAC, wild], 1],
  [["protect", MAC, "us", "--when-down", "never"], 1], [["unprotect", "lo"], 1],
  [["unprotect", MAC], 1], [["explain", ""], 1], [["explain", wild], 1],
  [["explain", "a".repeat(3000)], 1], [["explain", MAC, "nowhere"], 1], [["policy", "nonsense"], 2],
  [["policy", "try"], 2], [["policy", "try", "/nonexistent"], 1], [["policy", "confirm"], 1],
  [["policy", "try", "/dev/null"], 1], [["policy", "try", "/"], 1], [["config"], 2],
  [["config", "check"], 2], [["config", "chek", "/dev/null"], 2], [["config", "check", "/"], 1],
  [["config", "check", "/dev/null"], 1], [["config", "check", "/nonexistent"], 1],
  [["config", "check", ""], 1], [["keygen", "/nonexistent/x"], 1], [["help", "nonsense"], 2],
];
