// What the lab prints about itself.

export const PICTURE = `
  phone   .10  by MAC      ─┐ br-lan                                       ┌─ us        .10  gateway
  tv      .20  by address  ─┼────────┐                                     │
  laptop  .30  no rule     ─┘     ┌──┴───┐ 198.51.100.0/24 ┌──────┐ 203.0.113.0/24
                                  │router├──── eth1 ───────┤uplink├────────┼─ de        .20  gateway
                                  └──┬───┘.2            .1 └──────┘.1      │
  guest   .40  by interface ─────────┘ br-guest                            └─ internet  .80  web

  LAN 192.168.1.0/24 and 2001:db8:1a:1::/64, guests 192.168.2.0/24 and 2001:db8:1a:2::/64.
  Rules: the phone leaves through us, the tv through de, guests through us.
`;

/** Lines of a table whose columns are as wide as their widest cell. */
export function tableLines(head, rows) {
  const all = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column])).join("  ")}`.trimEnd());
}
