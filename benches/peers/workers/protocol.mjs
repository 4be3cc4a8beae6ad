// How a worker speaks: protocol.py says it, and this is the same in JavaScript.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

export function parse() {
  const { values } = parseArgs({ options: { model: { type: "string" }, dtype: { type: "string" }, threads: { type: "string" } } });
  return { ...values, threads: Number(values.threads) };
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** Answers questions with `embed`, which takes texts and gives all numbers of all vectors, one after another. */
export async function serve(embed, about) {
  say({ ready: true, ...about });
  for await (const line of createInterface({ input: process.stdin })) {
    const { texts, vectors } = JSON.parse(line);
    const start = performance.now();
    const data = await embed(texts);
    const seconds = (performance.now() - start) / 1000;
    const size = data.length / texts.length;
    const rows = () => texts.map((_, index) => Array.from(data.subarray(index * size, (index + 1) * size)));
    say({ seconds, ...(vectors && { vectors: rows() }) });
  }
}
