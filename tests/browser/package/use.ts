// Every name that the package declares, used as its types say. Compiled, never run.

import {
  Aborted,
  DownloadFailed,
  Embedder,
  type Embedding,
  type Embeddings,
  type Info,
  LimitExceeded,
  type LoadProgress,
  type Source,
  WembedError,
  cachedModels,
  clearCache,
} from "wembed";
import { Embedder as Inline } from "wembed/inline";

const sources: Source[] = ["wembed-mini", "org/name@main", new URL("https://example.org/model/"), new Map([["config.json", new Blob()]]), { "config.json": new Blob() }, [new File([], "config.json")]];

export async function use(signal: AbortSignal, directory: FileSystemDirectoryHandle): Promise<number> {
  const seen: LoadProgress[] = [];
  await using model = await Embedder.load(sources[0], { device: "auto", dtype: "f32", cache: "use", thread: "worker", signal, onProgress: (progress) => void seen.push(progress) });
  const vectors: Embeddings = await model.embed(["a"], { normalize: true, dimensions: 64, prompt: "", long: "mean", signal, onProgress: ({ done, total }) => void (done / total) });
  const problem: string | undefined = vectors.errors[0]?.message;
  const matrix: Float32Array = await model.similarity(vectors, vectors);
  let one: Embedding | undefined;
  for await (const embedding of model.embedEach(["a", "b"], { signal })) one = embedding;
  const info: Info = await model.info();
  const threads = info.device.engine === "cpu" ? info.device.threads : info.device.largestBinding;
  const ids: Uint32Array = (await model.tokenize("a")).ids;
  try {
    await Inline.load(directory);
  } catch (error) {
    if (error instanceof LimitExceeded) return error.needed - error.got;
    if (error instanceof DownloadFailed) return error.status ?? 0;
    if (error instanceof Aborted || (error instanceof WembedError && error.kind === "model")) throw error;
  }
  for (const { name, bytes } of await cachedModels()) if (bytes > 1e9) await clearCache(name);
  return threads + ids.length + matrix.length + (one?.index ?? 0) + (problem?.length ?? 0) + seen.length;
}
