/** Parts of a configuration as the words that its text has for them. */
import type { Target, WhenDown } from "../model/config.js";

/** The word that a configuration uses. */
export function wayWord(way: Target | WhenDown): string {
  return way.kind === "location" ? way.name : way.kind;
}

export function endpointText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
