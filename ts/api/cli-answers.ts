/** Answers of the daemon as text for people. */
import { isExpiring } from "../config/machine.js";
import { planText } from "../render/plan-text.js";
import { scriptLine } from "./cli-policy-text.js";
import type { Json } from "./cli-text.js";
import { bytesText, durationText, listOf, tableText, timeText } from "./cli-text.js";

export function statusText(status: Json, width?: number): string {
  const { role, version, ready, problem } = status;
  // The daemon is as old as its tunnels; the part that decides may have been started again.
  const uptimeMs = status["mover_uptime_ms"] ?? status["uptime_ms"];
  const state = ready === true ? "ready" : String(status["state"]);
  const age = durationText(Number(uptimeMs));
  const head = `${String(role)} ${String(version)}, ${state}, up ${age}\n`;
  const named = (key: string, what: string): string => {
    const names = listOfWords(status[key]).join(", ");
    return names && `${what}: ${names}\n`;
  };
  const missing = named("missing_ifnames", "no such interface");
  const exposed = named("exposed_files", "others than root may read");
  const weak = listOfWords(status["weak_spots"]).map((text) => `weak spot: ${text}\n`);
  const ending = listOf(status["certificates"]).map(({ file, days_left: days }) =>
    isExpiring(Number(days ?? Infinity)) ? `${String(file)}: ${String(days)} days left\n` : "",
  );
  const settled = problem && `not settled: ${String(problem)}\n`;
  const trouble = settled + missing + exposed + weak.join("") + ending.join("");
  const isRouter = role === "router";
  const rows = listOf(status[isRouter ? "locations" : "clients"]).map(isRouter ? location : client);
  const names = ["state", "rtt", "IPv4", "IPv6", "received", "sent"];
  const title = isRouter ? ["location", ...names, "gateway"] : ["client", ...names];
  const notes = restartLine(status) + trouble + policyLine(status["policy"]);
  return `${head}${notes}\n${tableText([title, ...rows], width)}`;
}

function listOfWords(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function restartLine({ decider_restarts: count, last_death: why }: Json): string {
  if (Number(count ?? 0) === 0) return "";
  return `its control part was started again ${String(count)} times, last: ${String(why)}\n`;
}

/** The script in force, nothing without one. */
function policyLine(policy: unknown): string {
  const { state, origin, ...script } = (policy ?? {}) as Json;
  if (typeof origin !== "string" || origin === "") return "";
  return `script: ${scriptLine({ ...script, origin })}, ${String(state)}\n`;
}

function location(one: Json): string[] {
  const { peer, reason } = one;
  const where = one["state"] === "up" ? peer : reason;
  return [...client(one), String(where)];
}

function client(one: Json): string[] {
  const { name, state, rtt_ms: rtt, addr4, addr6, rx_bytes: received, tx_bytes: sent } = one;
  const rttText = typeof rtt === "number" ? `${rtt.toFixed(1)} ms` : "-";
  const addresses = [addr4, addr6].map((address) => (address === "" ? "-" : String(address)));
  const bytes = [received, sent].map((count) => bytesText(Number(count)));
  return [String(name), String(state), rttText, ...addresses, ...bytes];
}

export function devicesText(answer: Json, width?: number): string {
  const rows = listOf(answer["devices"]).map((device) => {
    const { mac, addresses, iface, rule, location: via, outcome } = device;
    const known = (addresses as readonly string[]).join(" ");
    return [mac, iface, known, rule || "-", via || "-", outcome].map(String);
  });
  const title = ["device", "interface", "addresses", "rule", "location", "outcome"];
  return tableText([title, ...rows], width);
}

export function explanationText(answer: Json): string {
  return `${(answer["reasons"] as readonly string[]).join("\n")}\n`;
}

export function planLines(answer: Json): string {
  return planText(answer["operations"] as readonly { readonly why: string }[]);
}

/** One event: seconds of the day in UTC, name, the other fields. */
export function eventText(line: string): string {
  const { time, event, ...rest } = JSON.parse(line) as Json;
  const fields = Object.entries(rest).map(([key, value]) => ` ${key}=${String(value)}`);
  return `${timeText(Number(time) / 1_000)} ${String(event)}${fields.join("")}\n`;
}
