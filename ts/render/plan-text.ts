/** A plan for people. */

/** Also of a plan that was read from JSON. */
export function planText(plan: readonly { readonly why: string }[]): string {
  if (plan.length === 0) return "Nothing to do: the kernel is as it should be.\n";
  return plan.map(({ why }, index) => `${String(index + 1).padStart(3)}. ${why}\n`).join("");
}
