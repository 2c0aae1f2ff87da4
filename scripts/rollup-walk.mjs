/** Calls `visit` for every node of a syntax tree. */
export function walk(node, visit) {
  if (Array.isArray(node)) {
    for (const child of node) walk(child, visit);
  } else if (typeof node?.type === "string") {
    visit(node);
    for (const child of Object.values(node)) walk(child, visit);
  }
}
