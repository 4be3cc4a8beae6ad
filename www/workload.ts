// What the benchmarks embed, and how a time is taken.

/** Texts of a batch, and words of each. */
export const SIZES = [[1, 6], [1, 100], [8, 24], [32, 24], [8, 100]] as const;

/** Runs that count, after one that does not. */
export const RUNS = 5;

/** So many texts of so many words each. */
export const batch = (texts: number, words: number): string[] =>
  Array.from({ length: texts }, (_, text) => Array.from({ length: words }, (_, word) => WORDS[(7 * text + 3 * word) % WORDS.length]).join(" "));

export const median = (times: number[]): number => times.toSorted((left, right) => left - right)[times.length >> 1]!;

export const round = (value: number) => Number(value.toPrecision(3));

const WORDS = "a model that reads every word of a long text and says in one vector what it was about is a small wonder of arithmetic".split(" ");
