/** Parts of a configuration as the words that its text has for them. */
import type { WhenDown } from "../model/config.js";

/** The word that a configuration uses. */
export function whenDownWord(whenDown: WhenDown): string {
  return whenDown.kind === "location" ? whenDown.name : whenDown.kind;
}

export function endpointText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
