/** Applies edits {start, end, text} that do not overlap, in whatever order they come. */
export function applyEdits(code, edits) {
  const parts = [];
  let at = 0;
  for (const { start, end, text } of [...edits].sort((left, right) => left.start - right.start)) {
    parts.push(code.slice(at, start), text);
    at = end;
  }
  return parts.join("") + code.slice(at);
}
