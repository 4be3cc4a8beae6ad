// transformers.js in Node, where it computes by onnxruntime's native library, in batches of like length.

import { basename, dirname, resolve } from "node:path";
import { env, pipeline } from "../../../target/peers/node_modules/@huggingface/transformers/dist/transformers.node.mjs";
import { parse, serve } from "./protocol.mjs";

const BATCH = 32;

const { model: path, dtype, threads } = parse();
Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: dirname(resolve(path)) });
const extract = await pipeline("feature-extraction", basename(path), {
  device: "cpu",
  dtype: { f32: "fp32", q8: "q8" }[dtype],
  session_options: { intraOpNumThreads: threads },
});

async function embed(texts) {
  const order = texts.map((_, index) => index).sort((a, b) => texts[b].length - texts[a].length);
  let vectors, size;
  for (let start = 0; start < order.length; start += BATCH) {
    const batch = order.slice(start, start + BATCH);
    const { data, dims } = await extract(batch.map((index) => texts[index]), { pooling: "mean", normalize: true });
    size = dims[1];
    vectors ??= new Float32Array(texts.length * size);
    batch.forEach((index, row) => vectors.set(data.subarray(row * size, (row + 1) * size), index * size));
  }
  return vectors;
}

await serve(embed, { threads, batch: BATCH, "transformers.js": env.version, Node: process.version });
