/** A plan for people. */
import type { Plan } from "../model/operation.js";

export function planText(plan: Plan): string {
  if (plan.length === 0) return "Nothing to do: the kernel is as it should be.\n";
  return plan.map(({ why }, index) => `${String(index + 1).padStart(3)}. ${why}\n`).join("");
}
