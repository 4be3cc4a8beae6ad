// The worker: owns the package and one model, and answers model.mjs.

import { form } from "./forms.mjs";
import { startThreads } from "./threads.mjs";

let embedder;

/** The package in its best form or the one that is asked for, with its threads. */
async function open(wanted = form(), threads = navigator.hardwareConcurrency) {
  const glue = new URL(`./pkg/${wanted}/wembed_wasm.js`, import.meta.url).href;
  const { default: init, Embedder, openThreads } = await import(glue);
  const module = await WebAssembly.compileStreaming(fetch(new URL("wembed_wasm_bg.wasm", glue)));
  const { memory } = await init({ module_or_path: module });
  if (wanted === "threads" && threads > 1) {
    if (!globalThis.crossOriginIsolated) throw new Error("threads share memory, which this page may not: it is not cross-origin isolated");
    await startThreads(threads - 1, glue, module, memory);
    openThreads(threads - 1);
  }
  return Embedder;
}

const calls = {
  async load(url, { form, threads, ...options }) {
    const Embedder = await open(form, threads);
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
