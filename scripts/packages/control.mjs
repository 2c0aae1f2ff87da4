// The fields of a package as OpenWrt's build describes it: the text of an .ipk's control file.

/** Fields by name; the description in one line. */
export function parseControl(text) {
  const at = text.search(/^Description: /m);
  const head = at < 0 ? text : text.slice(0, at);
  const fields = Object.fromEntries(
    [...head.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, key, value]) => [key, value]));
  const description = at < 0 ? "" : text.slice(at + "Description: ".length);
  return { ...fields, Description: description.trim().replace(/\s+/g, " ") };
}

/** The words of a field that is a list. */
export function listOf(value = "") {
  return value.split(",").map((word) => word.trim()).filter((word) => word !== "");
}
