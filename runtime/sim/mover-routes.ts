/**
 * Which routes of others the decider hears of: as in c/mover/routes.c, so many of each class that a
 * routing daemon cannot drown it.
 */
import { ours, table } from "./constants.js";
import type { Route } from "./kernel-objects.js";
import { netOf } from "./net.js";

/** Defaults and their halves, networks of main without a gateway, the rest of main, elsewhere. */
const LIMITS = { defaults: 256, connected: 256, main: 512, elsewhere: 256 };
type Class = keyof typeof LIMITS;

export class RouteFilter {
  readonly #told = new Map<string, Class>();
  readonly #counts = { defaults: 0, connected: 0, main: 0, elsewhere: 0 };
  readonly #missed = new Set<Class>();

  /** A dump begins. */
  clear(): void {
    this.#told.clear();
    this.#missed.clear();
    Object.assign(this.#counts, { defaults: 0, connected: 0, main: 0, elsewhere: 0 });
  }

  /** True if the decider is to hear of it. */
  passes(route: Route, deleted: boolean): boolean {
    if (route.protocol === ours.PROTOCOL) return true;
    const kind = classOf(route);
    const key = JSON.stringify(route);
    if (deleted) return this.#forget(key, kind);
    if (this.#told.has(key)) return true;
    if (this.#counts[kind] >= LIMITS[kind]) return this.#missed.add(kind).size === 0;
    this.#told.set(key, kind);
    this.#counts[kind]++;
    return true;
  }

  /** There is room again for some that were left out. */
  get isThin(): boolean {
    return [...this.#missed].some((kind) => this.#counts[kind] < LIMITS[kind] / 2);
  }

  #forget(key: string, kind: Class): boolean {
    if (!this.#told.delete(key)) return false;
    this.#counts[kind]--;
    return true;
  }
}

function classOf(route: Route): Class {
  if (netOf(route.dst).length <= 1) return "defaults";
  if (route.table !== table.MAIN) return "elsewhere";
  return route.gateway === "" ? "connected" : "main";
}
