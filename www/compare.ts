// wembed and transformers.js on one model, in turns: a page of its own, since it fetches from others, and no text of the visitor's is on it.

import { Embedder, WembedError } from "wembed";

import { element, fill } from "./page.js";
import { RUNS, SIZES, batch, median, round } from "./workload.js";

const VERSION = "4.3.1";
const LIBRARY = `https://cdn.jsdelivr.net/npm/@huggingface/transformers@${VERSION}/dist/transformers.min.js`;
const HUB = "https://huggingface.co";

/** Models that the hub has in both forms. */
const MODELS = [
  { ours: "sentence-transformers/all-MiniLM-L6-v2", theirs: "Xenova/all-MiniLM-L6-v2", says: "all-MiniLM-L6-v2: twice 90 MB" },
  { ours: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", theirs: "Xenova/paraphrase-multilingual-MiniLM-L12-v2", says: "paraphrase-multilingual-MiniLM-L12-v2: twice 470 MB" },
  { ours: "sentence-transformers/paraphrase-multilingual-mpnet-base-v2", theirs: "Xenova/paraphrase-multilingual-mpnet-base-v2", says: "paraphrase-multilingual-mpnet-base-v2: twice 1.1 GB" },
];

/** What is used of transformers.js. */
interface Library {
  env: { remoteHost: string };
  pipeline(task: "feature-extraction", model: string, options: { device: string; dtype: string }): Promise<Extractor>;
}
type Extractor = ((texts: string[], options: object) => Promise<{ data: Float32Array }>) & { dispose(): Promise<unknown> };

const status = element("status");
const [run, model, device] = [element<HTMLButtonElement>("run"), element<HTMLSelectElement>("model"), element<HTMLSelectElement>("device")];

fill(model, "option", MODELS.keys(), (option, index) => {
  option.setAttribute("value", String(index));
  option.textContent = MODELS[index]!.says;
});

run.addEventListener("click", async () => {
  run.disabled = true;
  element("rows").replaceChildren();
  try {
    await compare(MODELS[Number(model.value)]!, device.value as "cpu" | "gpu");
  } catch (error) {
    status.textContent = `It stopped: ${error instanceof WembedError || error instanceof Error ? error.message : error}`;
  } finally {
    run.disabled = false;
  }
});

async function compare({ ours, theirs }: (typeof MODELS)[number], device: "cpu" | "gpu"): Promise<void> {
  status.textContent = `Fetching ${ours} for wembed`;
  await using wembed = await Embedder.load(ours, { device, dtype: "f32", hub: HUB });
  const { device: own } = await wembed.info();
  status.textContent = `Fetching transformers.js ${VERSION}, and ${theirs} for it`;
  const { env, pipeline } = (await import(LIBRARY)) as Library;
  env.remoteHost = HUB;
  const extract = await pipeline("feature-extraction", theirs, { device: device === "gpu" ? "webgpu" : "wasm", dtype: "fp32" });
  try {
    const programs = [
      async (texts: string[]) => (await wembed.embed(texts, { normalize: true })).data,
      async (texts: string[]) => (await extract(texts, { pooling: "mean", normalize: true })).data,
    ];
    const rows: string[][] = [];
    for (const [texts, words] of SIZES) {
      status.textContent = `${texts} texts of ${words} words`;
      const some = batch(texts, words);
      const times: number[][] = [[], []];
      const vectors: Float32Array[] = [];
      // In turns, so that a machine that gets warm or busy is so for both.
      for (let round = 0; round <= RUNS; round++) {
        for (const [index, embed] of programs.entries()) {
          const start = performance.now();
          vectors[index] = await embed(some);
          if (round > 0) times[index]!.push(performance.now() - start);
        }
      }
      const [own, other] = times.map(median) as [number, number];
      rows.push([`${texts} × ${words}`, round(own), round(other), `${(other / own).toFixed(2)} ×`, furthest(vectors as [Float32Array, Float32Array], texts)].map(String));
      fill(element("rows"), "tr", rows, (line, row) => fill(line, "td", row, (cell, value) => (cell.textContent = value)));
    }
    const engine = own.engine === "gpu" ? `WebGPU (${own.name || "an adapter that does not say its name"})` : `the processor, wembed in ${own.threads} thread${own.threads === 1 ? "" : "s"}`;
    status.textContent = `Done, on ${engine}, both in f32.`;
  } finally {
    await extract.dispose();
  }
}

/** The largest 1 - cosine of two programs' vectors of length 1. */
function furthest([left, right]: [Float32Array, Float32Array], texts: number): string {
  const width = left.length / texts;
  const apart = Array.from({ length: texts }, (_, text) => {
    let sum = 0;
    for (let at = text * width; at < (text + 1) * width; at++) sum += (left[at]! - right[at]!) ** 2;
    return sum / 2;
  });
  return Math.max(...apart).toExponential(1);
}
