/** Hashes that are the same on every machine, in every engine and in every version. */

const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

const { imul } = Math;

const hashes = new Map<string, number>();
/** Room for all devices and locations of a large network. */
const hashesMax = 1200;

/** FNV-1a over UTF-16 code units, 32 bits; remembered, as devices stay. */
export function hashText(text: string): number {
  const old = hashes.get(text);
  if (old !== undefined) return old;
  let hash = fnvOffset;
  for (let i = 0; i < text.length; i += 1) hash = imul(hash ^ text.charCodeAt(i), fnvPrime);
  if (hashes.size >= hashesMax) hashes.clear();
  hashes.set(text, hash);
  return hash;
}

/** One hash of two, every bit of which depends on every bit of both: MurmurHash3's finalizer. */
export function mixHashes(a: number, b: number): number {
  let hash = a ^ imul(b, 0x9e3779b1);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
