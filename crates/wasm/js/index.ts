/**
 * Text embedding in the browser: sentence-transformers' vectors on WebGPU or in wasm, in a worker, from a model that comes with the
 * package, from a hub, from a server or from files.
 *
 * Importing it does nothing: no worker, no request, no `navigator`. `Embedder.load()` begins.
 *
 * @module
 */

export { Embedder, type Vectors } from "./embedder.js";
export {
  Aborted,
  ArgumentInvalid,
  DeviceFailed,
  DeviceLost,
  DownloadFailed,
  type Kind,
  LimitExceeded,
  ModelInvalid,
  Stopped,
  TextInvalid,
  WebGpuUnavailable,
  WembedError,
} from "./errors.js";
export { type KeptModel, cachedModels, clearCache } from "./files/storage.js";
export type {
  Assets,
  Embedding,
  Embeddings,
  EmbedOptions,
  EmbedProgress,
  Form,
  Info,
  LoadOptions,
  LoadProgress,
  Source,
  Tokens,
} from "./types.js";
