/** JSON of a configuration as UCI text; the way that docs/uci.md describes, turned round. */

type Json = Readonly<Record<string, unknown>>;

/** How texts are quoted; each way must be read as the same text. */
export type Quote = (text: string) => string;

export const singleQuote: Quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
export const doubleQuote: Quote = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;
export const noQuote: Quote = (text) => text.replace(/[^\w]/g, (sign) => `\\${sign}`);

/** Names of sections have no hyphen or dot; others are told by `option name`. */
const sectionName = /^\w+$/;

export function uciText(config: Json, quote: Quote = singleQuote): string {
  const head = ["config adit 'main'", "\toption enabled '1'"];
  const lines = [...head, ...options(config, "", quote), ...entries(config, "", "", quote)];
  return `${lines.join("\n")}\n`;
}

function options(object: Json, prefix: string, quote: Quote): string[] {
  return Object.entries(object).flatMap(([key, value]) => {
    const name = prefix + key;
    if (value === undefined || isSections(value)) return [];
    if (Array.isArray(value)) {
      const items = value.length === 0 ? [""] : value.map(String);
      return items.map((item) => `\tlist ${name} ${item === "" ? "''" : quote(item)}`);
    }
    if (["policy", "api", "ubus"].includes(key)) return options(value as Json, `${key}_`, quote);
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return text === "" ? [] : [`\toption ${name} ${quote(text)}`];
  });
}

function entries(object: Json, owner: string, label: string, quote: Quote): string[] {
  return Object.entries(object).flatMap(([key, value]) => {
    if (!isSections(value)) return [];
    const type = key.replace(/s$/, "");
    return (value as Json[]).flatMap((entry) => {
      const { name, ...rest } = entry;
      const isName = typeof name === "string" && sectionName.test(name);
      return [
        "",
        `config ${type}${isName ? ` ${quote(name)}` : ""}`,
        ...(owner === "" ? [] : [`\toption ${owner} ${quote(label)}`]),
        ...options(isName ? rest : entry, "", quote),
        ...entries(entry, type, String(name), quote),
      ];
    });
  });
}

function isSections(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === "object";
}
