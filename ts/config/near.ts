/** The right word for one that nobody knows: spelling, word order and what people call things. */

/** Words that people write for ours; the first one of these that is known is meant. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  address: ["ip_addr", "endpoint", "listen"],
  bridge: ["iface"],
  country: ["vl", "vl_default"],
  device: ["mac_addr", "iface"],
  devices: ["protected_mac_addrs", "protected_mac_addr"],
  dns: ["resolvers"],
  exit: ["vl", "locations", "location"],
  fallback: ["when_down"],
  gateway: ["endpoint", "peers", "peer"],
  host: ["endpoint"],
  ifname: ["iface"],
  ip: ["ip_addr"],
  lan: ["lan_ifnames"],
  location: ["vl", "locations"],
  mac: ["mac_addr"],
  nameserver: ["resolvers"],
  network: ["ip_addr", "iface"],
  subnet: ["ip_addr"],
  target: ["vl"],
  tunnel: ["vl", "locations", "location"],
  wan: ["wan_ifname"],
};
/** Spellings that are one to us: what is found becomes what stands beside it. */
const spellings: readonly (readonly [RegExp, string])[] = [
  [/-/g, "_"],
  [/add?ress(es)?/g, "addr"],
  [/interfaces?/g, "iface"],
  [/s(?=_|$)/g, ""],
];
/** A longer word is no slip of the finger, and would only cost time. */
const wordLengthMax = 64;
/** Letters of a beginning that says which word it is of. */
const beginningMin = 4;
/** What a part of a word counts among slips: more than one of them, less than two. */
const partDistance = 2;

/** The known word that was most likely meant, undefined if none is near. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const plain = word.toLowerCase();
  const named = Object.hasOwn(synonyms, plain) ? (synonyms[plain] ?? []) : [];
  const synonym = named.find((one) => known.includes(one));
  if (synonym !== undefined) return synonym;
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of known) {
    const distance = distanceOf(word, candidate);
    if (distance >= least) continue;
    best = candidate;
    least = distance;
  }
  return best;
}

/** Slips between two words, Infinity if they are too many for one to be meant by the other. */
function distanceOf(word: string, candidate: string): number {
  const [left, right] = [plainWord(word), plainWord(candidate)];
  const slips = slipsBetween(left, right);
  const isSlip = slips <= Math.max(1, Math.floor(right.length / 3));
  if (isSlip && slips < partDistance) return slips;
  if (isPart(left, right)) return partDistance;
  return isSlip ? slips + 1 : Infinity;
}

/** The beginning of a longer word, or all its parts, with others and in any order. */
function isPart(word: string, candidate: string): boolean {
  if (word.length >= beginningMin && candidate.startsWith(word)) return true;
  const [some, all] = [word.split("_"), candidate.split("_")];
  return all.length > 1 && all.every((part) => some.includes(part));
}

function plainWord(word: string): string {
  const short = word.slice(0, wordLengthMax).toLowerCase();
  return spellings.reduce((text, [pattern, to]) => text.replace(pattern, to), short);
}

/** Letters left out, added, replaced, or two that changed places. */
function slipsBetween(left: string, right: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const cost = left[i - 1] === right[j - 1] ? 0 : 1;
      const isSwap = left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      const insert = Math.min(next[j - 1] as number, row[j] as number) + 1;
      next.push(Math.min(insert, swapped, (row[j - 1] as number) + cost));
    }
    [before, row] = [row, next];
  }
  return row[right.length] as number;
}
