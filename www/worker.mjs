// The worker: owns the package and one model, and answers model.mjs.

import { forms } from "./forms.mjs";
import { startThreads } from "./threads.mjs";

let embedder;

/** The package in this form, with so many threads. */
async function start(form, threads) {
  const glue = new URL(`./pkg/${form}/wembed_wasm.js`, import.meta.url).href;
  const { default: init, Embedder, openThreads } = await import(glue);
  const module = await WebAssembly.compileStreaming(fetch(new URL("wembed_wasm_bg.wasm", glue)));
  const { memory } = await init({ module_or_path: module });
  if (threads > 1) {
    await startThreads(threads - 1, { glue, module, memory });
    openThreads(threads - 1);
  }
  return Embedder;
}

/** The package as it is asked for, else in the best form that starts: a browser may refuse the threads their memory, or a thread. */
async function open(wanted, threads) {
  const candidates = forms(wanted, threads);
  for (const form of candidates) {
    try {
      return await start(form, form === "threads" ? (threads ?? navigator.hardwareConcurrency) : 1);
    } catch (error) {
      const message = `the form ${form} did not start: ${error.message}`;
      if (form === candidates.at(-1)) throw new Error(message);
      console.warn(`wembed: ${message}`);
    }
  }
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
