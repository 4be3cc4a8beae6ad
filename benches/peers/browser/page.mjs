// The engines as a page uses them, behind one face: `embed` gives vectors one after another, `tokens` how many there are
// of each text, padding included.

const programs = {
  async wembed({ device, dtype, threads, form }) {
    const { Embedder } = await import("/wembed/index.js");
    const assets = device === "gpu" ? { worker: "/bench/counting-worker.mjs" } : {};
    const model = await Embedder.load("/models/all-MiniLM-L6-v2/", { device, form, threads, dtype, assets });
    const embed = (texts) => model.embed(texts, { normalize: true });
    return { embed: async (texts) => (await embed(texts)).data, tokens: async (texts) => [...(await embed(texts)).tokens] };
  },

  async "transformers.js"({ device, dtype, threads }) {
    const { env, pipeline } = await import("/peers/node_modules/@huggingface/transformers/dist/transformers.web.min.js");
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/peers/" });
    // The runtime that it takes in every browser but old Safari, from here rather than from jsdelivr.
    const runtime = "/peers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify";
    Object.assign(env.backends.onnx.wasm, { numThreads: threads, wasmPaths: { mjs: `${runtime}.mjs`, wasm: `${runtime}.wasm` } });
    const names = { f32: "fp32", q8: "q8" };
    const extract = await pipeline("feature-extraction", "minilm", { device: device === "gpu" ? "webgpu" : "wasm", dtype: names[dtype] });
    return {
      embed: async (texts) => (await extract(texts, { pooling: "mean", normalize: true })).data,
      tokens(texts) {
        const [rows, columns] = extract.tokenizer(texts, { padding: true, truncation: true }).input_ids.dims;
        return Array(rows).fill(columns);
      },
    };
  },
};

let engine;

export async function open(options) {
  engine = await programs[options.program](options);
}

export const tokens = (texts) => engine.tokens(texts);

export const embed = async (texts) => Array.from(await engine.embed(texts));

/** What one forward pass of these texts asks of the GPU: dispatches, and bytes to it and back. */
export async function counts(texts) {
  const channel = new BroadcastChannel("counts");
  const taken = () => new Promise((resolve) => {
    channel.onmessage = ({ data }) => resolve(data);
    channel.postMessage("take");
  });
  await taken();
  await engine.embed(texts);
  return taken();
}

/** Requests one after another, in seconds each: at least `least`, and no more than `most` or than begin within `seconds`. */
export async function requests(texts, { least, most, seconds }) {
  const each = [];
  const start = performance.now();
  while (each.length < least || (each.length < most && performance.now() - start < seconds * 1000)) {
    const before = performance.now();
    await engine.embed(texts);
    each.push((performance.now() - before) / 1000);
  }
  return each;
}
