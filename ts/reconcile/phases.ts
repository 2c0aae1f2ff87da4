/**
 * The order of a plan: what blocks goes in first and comes out last, what replaces is there before
 * the replaced goes. Operations of one phase may be under way together.
 */
export const phases = {
  blockRoutes: 10,
  /** Connected networks first: the kernel checks a gateway against them. */
  localRoutes: 20,
  gatewayRoutes: 30,
  guard: 40,
  /** Rules that lead into the tunnel's table, then those that lead past it. */
  tunnelRules: 50,
  otherRules: 60,
  closeOtherTun: 70,
  openTun: 80,
  link: 90,
  tunSettings: 100,
  tunRoutes: 110,
  listen: 120,
  removeRules: 130,
  removeRest: 140,
  /** When nothing leads the old way any more, flows that remember it are forgotten. */
  forgetFlows: 150,
  closeTun: 160,
  removeBlockRoutes: 170,
  removeGuard: 180,
} as const;

/** A removal that makes room for the addition of that phase. */
export function before(phase: number): number {
  return phase - 1;
}
