// The worker: owns the package and one model, and answers model.mjs.

import init, { Embedder } from "./pkg/wembed_wasm.js";

let embedder;

const calls = {
  async load(url, options) {
    await init();
    embedder = await Embedder.load(url, options);
  },
  embed: (texts, options) => embedder.embed(texts, options),
  tokenize: (text) => embedder.tokenize(text),
  info: () => embedder.info(),
};

addEventListener("message", async ({ data: { id, name, args } }) => {
  try {
    const value = await calls[name](...args);
    postMessage({ id, value }, value?.data ? [value.data.buffer] : []);
  } catch (error) {
    postMessage({ id, error: error.message });
  }
});
