/** Answers about policy scripts as text for people. */
import type { Json } from "./cli-text.js";
import { bytesText, dateText, listOf, tableText } from "./cli-text.js";

const words: Readonly<Record<string, string>> = {
  swap: "swapped in",
  confirm: "confirmed",
  rollback: "rolled back",
  remove: "removed",
};

export function policyText(answer: Json, width?: number): string {
  const { script, state, last_error: lastError } = answer;
  const { policy, control, module } = answer as Readonly<Record<string, Json>>;
  const rows = [
    ["script", script === null ? "none" : scriptLine(script as Json)],
    ["state", String(state)],
    ...(lastError ? [["last error", String(lastError)]] : []),
    ["control", String(module)],
    ...[policy, control].flatMap((slots) => {
      const pending = slots?.["pending"] as Json | null;
      if (pending === null || pending === undefined) return [];
      const { left_s: left, health, health_before: before } = pending;
      const share = `${percent(health)} of devices have a way out, ${percent(before)} before`;
      return [["probation", `${scriptLine(pending)}, ${String(left)} s left, ${share}`]];
    }),
  ];
  return tableText(rows, width);
}

/** Where devices go and would go, and what else the script said. */
export function movesText(answer: Json, width?: number): string {
  const devices = listOf(answer["devices"]);
  const rows = devices.map((device) => {
    const { mac, name, old, new: next, why, rule } = device;
    return [mac, name || "-", old, next, why || "-", rule || "-"].map(String);
  });
  const table = tableText([["device", "name", "old", "new", "why", "rule"], ...rows], width);
  const count = `${String(answer["moves"])} of ${String(answer["known"])} devices would move\n`;
  return `${devices.length === 0 ? "" : table}${count}${remarks(answer)}`;
}

export function swapText(answer: Json): string {
  const { moves, known, confirm_s: seconds } = answer;
  const who = moves === undefined ? "" : `, ${String(moves)} of ${String(known)} devices move`;
  const end = "from now it is confirmed, or rolled back if devices lost their way";
  return `swapped in: ${scriptLine(answer)}${who}\n${String(seconds)} s ${end}\n${remarks(answer)}`;
}

/** One line of the history. */
export function eventLine(event: Json): string {
  return `${words[String(event["action"])] ?? ""}: ${String(event["why"])}\n`;
}

export function historyText(answer: Json, width: number, module: string): string {
  const rows = listOf(answer[module]).map((event) => {
    const { time, action, slot, sha256, why } = event;
    return [dateText(Number(time)), action, slot, String(sha256).slice(0, 12), why].map(String);
  });
  return tableText([["time (UTC)", "action", "slot", "sha256", "why"], ...rows], width);
}

export function logText(answer: Json): string {
  const rows = listOf(answer["lines"]).map(({ time, level, text }) => {
    return `${dateText(Number(time) / 1_000)} ${String(level)}: ${String(text)}\n`;
  });
  return rows.join("");
}

/** Limits beside what is used of them. */
export function limitsText(answer: Json, width?: number): string {
  const rows = listOf(answer["limits"]).map(({ name, unit, used, most }) => {
    const shown = [used, most].map((value) => {
      if (typeof value !== "number") return "-";
      return unit === "bytes" ? bytesText(value) : `${value} ${String(unit)}`.trim();
    });
    return [String(name), ...shown];
  });
  return tableText([["limit", "used", "at most"], ...rows], width);
}

function remarks({ warnings, notes, log, bypass }: Json): string {
  const { added, removed } = (bypass ?? {}) as Json;
  const lines = [
    ...strings(added).map((prefix) => `bypass ${prefix} would be added`),
    ...strings(removed).map((prefix) => `bypass ${prefix} would be removed`),
    ...strings(warnings).map((text) => `warning: ${text}`),
    ...strings(notes).map((text) => `direct is refused: ${text}`),
    ...listOf(log).map(({ level, text }) => `script ${String(level)}: ${String(text)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** For people: which script, of which version. */
export function scriptLine({ slot, origin, version, sha256 }: Json): string {
  const place = String(slot ?? origin);
  const where = place === "file" ? "policy.file" : `slot ${place}`;
  return `${where}, version ${String(version)}, sha256 ${String(sha256).slice(0, 12)}`;
}

function percent(share: unknown): string {
  return `${Math.round(Number(share) * 100)} %`;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as unknown[]).map(String) : [];
}
