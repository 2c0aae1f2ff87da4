/** What a test prints goes to the tool, line by line. A policy has `log` instead. */
import { tell } from "./host.js";

const show = (part: unknown): string =>
  (typeof part === "string" ? part : JSON.stringify(part) ?? String(part));

const print = (...parts: unknown[]): void =>
  tell({ type: "print", text: parts.map(show).join(" ") });

export const console = { log: print, info: print, warn: print, error: print, debug: print };
