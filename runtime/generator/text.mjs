// Helpers for generated text.

/** Every line of the files that people read is at most this long. */
export const columnsMax = 100;

/** Words of `text` in lines of at most `columns`, each after `prefix`. */
export function wrap(text, prefix = "", columns = columnsMax) {
  const lines = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && prefix.length + longer.length > columns) {
      lines.push(prefix + line);
      line = word;
    } else line = longer;
  }
  lines.push(prefix + line);
  return lines;
}

export function camelCase(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

export function pascalCase(name) {
  const camel = camelCase(name);
  return camel[0].toUpperCase() + camel.slice(1);
}
