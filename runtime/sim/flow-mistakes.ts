/** Planted mistakes about flows: what is cut although it was right, and what is left alone. */
import type { Law } from "./flows.js";
import { contains, familyOf, netOf } from "./net.js";
import type { Mistake } from "./mistakes.js";
import type { Mover } from "./mover.js";

const CUT = "a flow that is right is never cut";
const FOLLOW = "flows follow the policy";
const NOWHERE = 0xffff;

export const flowMistakes: readonly Mistake[] = [
  // Who is known to be at an address loses all that it had there.
  { name: "cut-arrivals", plant: amend((law) => withRows(law, nowhereIfSingle)), found: [CUT] },
  { name: "cut-local-flows", plant: amend((law) => ({ ...law, aside: [] })), found: [CUT] },
  { name: "cut-own-sockets", plant: amend(withoutPeers), found: [CUT] },
  {
    name: "cut-after-restart",
    plant: amend((law, { restarts }) => (restarts > 0 ? withRows(law, nowhere) : law)),
    found: [CUT],
  },
  { name: "cut-ipv6", plant: amend((law) => withRows(law, nowhereIfSix)), found: [CUT] },
  // A flow counts as moved although its location has the address that it had before.
  { name: "cut-by-number", plant: amend(rotated), found: [CUT] },
  { name: "keep-in-any-tunnel", plant: amend(withAnyTunnel), found: [FOLLOW] },
  { name: "keep-past-tunnels", plant: amend(withPast), found: [FOLLOW] },
  {
    name: "keep-ipv6",
    plant: amend((law) => ({ ...law, rows: law.rows.filter((row) => !isSix(row)) })),
    found: [FOLLOW],
  },
  { name: "keep-former-address", plant: amend(withFormerAddresses), found: [FOLLOW] },
];

type Row = Law["rows"][number];

function amend(change: (law: Law, mover: Mover) => Law): Mistake["plant"] {
  return (machine) => {
    machine.onMover = (mover) => {
      mover.amend = (law) => change(law, mover);
    };
  };
}

function withRows(law: Law, change: (row: Row) => Row): Law {
  return { ...law, rows: law.rows.map(change) };
}

function nowhere(row: Row): Row {
  return { ...row, place: NOWHERE };
}

function isSix({ source }: Row): boolean {
  return familyOf(source) === 6;
}

function nowhereIfSix(row: Row): Row {
  return isSix(row) ? nowhere(row) : row;
}

function isSingle({ source }: Row): boolean {
  return netOf(source).length === (familyOf(source) === 4 ? 32 : 128);
}

function nowhereIfSingle(row: Row): Row {
  return isSingle(row) ? nowhere(row) : row;
}

function withoutPeers(law: Law): Law {
  const everybody = law.aside.filter(({ source }) => netOf(source).length === 0);
  return { ...law, aside: everybody };
}

function rotated({ tunnels: [first, ...rest], ...law }: Law): Law {
  return { ...law, tunnels: first === undefined ? rest : [...rest, first] };
}

function withAnyTunnel(law: Law): Law {
  const isTunnel = ({ place }: Row): boolean => place > 0 && place < NOWHERE;
  const more = law.rows.filter(isTunnel).flatMap((row) => {
    return law.tunnels.map((_, at) => ({ ...row, place: at + 1 }));
  });
  return { ...law, rows: [...law.rows, ...more] };
}

function withPast(law: Law): Law {
  return { ...law, rows: [...law.rows, ...law.rows.map((row) => ({ ...row, place: 0 }))] };
}

/** Whatever lies in the same network as an address of a tunnel counts as its own. */
function withFormerAddresses(law: Law): Law {
  const isFormer = (address: string, of: string): boolean =>
    address !== "" && of !== "" && contains(netOf(`${of}/16`), netOf(address));
  const extra = law.tunnels.flatMap((former, at) => {
    const present = law.tunnels.findIndex(({ addr4 }) => isFormer(former.addr4, addr4));
    if (present < 0 || present === at) return [];
    const rows = law.rows.filter(({ place }) => place === present + 1);
    return rows.map((row) => ({ ...row, place: at + 1 }));
  });
  return { ...law, rows: [...law.rows, ...extra] };
}
