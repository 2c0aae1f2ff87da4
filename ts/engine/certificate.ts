/** When a certificate ends: its last whole day, which is all that a warning needs. */
import { daysBefore } from "../policy/local-time.js";
import { base64Bytes } from "./base64.js";

const pemPattern = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/\s]+)=*\s*-----END/;
/** Characters of it that are looked at: the validity stands near the beginning. */
const headLength = 4_096;
/** The two times of a validity as DER writes them (RFC 5280 section 4.1.2.5). */
const validityPattern =
  /\x30.(?:\x17\x0d\d{12}Z|\x18\x0f\d{14}Z)(?:\x17\x0d|\x18\x0f(\d\d))(\d{6})/s;
const dayMs = 86_400_000;

/** Days that are left of the first certificate of a PEM text; undefined if there is none. */
export function daysLeft(pem: string, wallMs: number): number | undefined {
  const body = pemPattern.exec(pem)?.[1]?.replace(/\s/g, "").slice(0, headLength);
  if (body === undefined) return undefined;
  const der = String.fromCharCode(...base64Bytes(body));
  const [, century, date] = validityPattern.exec(der) ?? [];
  if (date === undefined) return undefined;
  const [year = 0, month = 0, day = 0] = date.match(/../g)?.map(Number) ?? [];
  // Two digits of a year are those of 1950 to 2049.
  const first = century === undefined ? (year < 50 ? 2_000 : 1_900) : Number(century) * 100;
  return daysBefore(first + year, month) + day - 1 - Math.floor(wallMs / dayMs);
}
