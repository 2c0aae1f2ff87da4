/**
 * Mutation of text for fuzzing: the same seed gives the same inputs, so that a failure is repeated
 * by its number. Coverage does not guide it; the corpus has to hold what is interesting.
 */

/** A small generator of pseudo-random numbers (mulberry32), below a bound. */
export type Dice = (bound: number) => number;

export function makeDice(seed: number): Dice {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const mutationsMax = 3;
const pieceMax = 40;

/** One of the corpus, changed in a few places; `words` are put in as they are. */
export function mutated(corpus: readonly string[], words: readonly string[], dice: Dice): string {
  let text = corpus[dice(corpus.length)] ?? "";
  const times = 1 + dice(mutationsMax);
  for (let time = 0; time < times; time++) text = mutatedOnce(text, corpus, words, dice);
  return text;
}

function mutatedOnce(
  text: string,
  corpus: readonly string[],
  words: readonly string[],
  dice: Dice,
): string {
  const at = dice(text.length + 1);
  const end = Math.min(text.length, at + dice(pieceMax));
  const [before, piece, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (dice(20) === 0 ? 5 : dice(5)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + String.fromCharCode(dice(dice(2) === 0 ? 128 : 65_536)) + text.slice(at + 1);
    case 3:
      return insertedWord(text, at, words[dice(words.length)] ?? "");
    case 4: {
      const other = corpus[dice(corpus.length)] ?? "";
      const from = dice(other.length + 1);
      return before + other.slice(from, from + dice(pieceMax * 4)) + after;
    }
    default:
      return before.slice(0, dice(before.length + 1)) + piece + after;
  }
}

/** Behind the next opening or comma, where a word has the best chance to mean something. */
function insertedWord(text: string, at: number, word: string): string {
  const next = /[{,[]/.exec(text.slice(at));
  const to = next === null ? at : at + next.index + 1;
  return text.slice(0, to) + word + text.slice(to);
}
