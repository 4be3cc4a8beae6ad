// What goes in and what comes out. The module checks all of it: an unknown key is an error that names it.

import type { TextInvalid } from "./errors.js";

/**
 * Where a model is:
 *
 * - `"wembed-mini"`, the model that comes with the package, is taken where nothing is said;
 * - a hub id, `"sentence-transformers/all-MiniLM-L6-v2"`, with a revision where wanted: `"org/name@revision"`;
 * - a folder on a server: a `URL`, or a string that begins with a scheme, `/`, `./` or `../`;
 * - files that somebody chose or dropped: files by their path in the model's folder, a list of `File`s, or a directory's handle.
 */
export type Source = string | URL | ReadonlyMap<string, Blob> | Record<string, Blob> | Iterable<File> | FileSystemDirectoryHandle;

/** How a model is loaded. */
export interface LoadOptions {
  /**
   * What computes: `"gpu"` is the browser's best WebGPU adapter, a program on the processor included; `"cpu"` is wembed's own engine in
   * wasm; `"auto"`, the default, is a GPU in hardware that computes what the processor computes, else `"cpu"`.
   */
  device?: "auto" | "gpu" | "cpu";
  /** What weights are held in; `"auto"` is f16 on a GPU, unpacked in the shaders where it has no `shader-f16`, and f32 on the processor. bf16 is the processor's. */
  dtype?: "auto" | "f16" | "f32" | "bf16" | "int8";
  /** Tokens of a text at most, special tokens included, where that is not what the model's files say. */
  maxLength?: number;
  /**
   * Where the word table lives: on the device, or in the model's files, from where each row is read when it is first needed. `"auto"` is the device where
   * it fits; where files are not kept in the browser it is the device or an error, for a row that is asked of a server tells it of the text.
   */
  vocabulary?: "auto" | "host" | "device";
  /**
   * Has a GPU's kernels tried when the model is loaded: up to 1.5 s more, and the fastest of them on this device are taken. No bit of a vector depends on it.
   * Keep `(await model.info()).kernels` and give it as `kernels` the next time, and nothing is tried.
   */
  tune?: boolean;
  /** Kernels that were found to be the fastest. Those that this version does not have, or that give other bits on this device, are not taken. */
  kernels?: readonly KernelPlan[];
  /**
   * The languages that texts will be in, as BCP 47 names them: those of the browser's user where nothing is said. Of a packed model (`wembed
   * pack`) the packs of word rows that these languages need are loaded before the model is ready.
   */
  languages?: readonly string[];
  /**
   * When the other packs of a packed model are loaded: `"all"`, the default, loads all of them after the model is ready, in an order on which no text has an
   * influence, and a text whose rows are not here yet waits for them; `"needed"` loads one when a text needs it, which tells the
   * server in which language or script somebody writes, and how rare the words are.
   */
  packs?: "all" | "needed";
  /** Called while it loads, in order. */
  onProgress?: (progress: LoadProgress) => void;
  /** Stops it: the promise is rejected with `Aborted`. What was downloaded by then is kept, and not downloaded again. */
  signal?: AbortSignal;
  /**
   * Whether files from a server are kept in the browser's own storage (OPFS): `"use"`, the default, keeps them and asks for none twice;
   * `"refresh"` asks for all of them anew; `"none"` keeps nothing. On the caller's thread, in Node and where a browser has no such
   * storage nothing is kept.
   */
  cache?: "use" | "refresh" | "none";
  /** Where it runs: in a worker of its own, the default, or on the thread that calls, which is busy while texts are embedded. */
  thread?: "worker" | "caller";
  /** Threads of the processor's engine, the worker's own among them: all that the processor has where the page is cross-origin isolated, else 1. */
  threads?: number;
  /** Which form of the module: with shared memory for threads, with relaxed SIMD, or with plain SIMD. The best that runs where nothing is said. */
  form?: Form;
  /** The hub that ids are looked up on. */
  hub?: string | URL;
  /** Where the package's own parts are, for a bundler or a page that has put them elsewhere. */
  assets?: Assets;
}

/** Parts of the package that are looked for beside it unless they are named here. */
export interface Assets {
  /** The address of the worker's script, a module; or what starts it. */
  worker?: string | URL | (() => Worker);
  /** The module's bytes or their address; `form` has to be the one that they are. */
  wasm?: string | URL | BufferSource | WebAssembly.Module;
}

/** Which variants of the linear layer's kernel are taken for weights of one shape: each up to so many rows, the last for any number. */
export interface KernelPlan {
  depth: number;
  columns: number;
  variants: [rows: number | null, variant: string][];
}

export type Form = "threads" | "relaxed" | "simd";

/** How far a load is: said some twenty times a second, and at once when the first bytes come from another source. */
export interface LoadProgress {
  /** The module is started; files are read; the weights are on the device. */
  stage: "start" | "files" | "ready";
  /** Bytes of the model's files that are here. */
  loaded: number;
  /** Bytes of the files that are known to be needed so far. */
  total: number;
  /** Which file the last of them were of. */
  file?: string;
  /** Where they came from. */
  source?: "network" | "cache" | "memory";
}

/** How texts are embedded, where that is not what the model's files say. */
export interface EmbedOptions {
  /** Vectors of length 1, or not. */
  normalize?: boolean;
  /** The first so many dimensions. */
  dimensions?: number;
  /** Put in front of each text; the empty string for nothing. */
  prompt?: string;
  /** One of the model's prompts. */
  promptName?: string;
  /** What becomes of texts that have more tokens than the model takes: they are cut, are errors, or get the mean of their windows' vectors. */
  long?: "truncate" | "error" | "mean";
  /** Tokens of a batch at most. */
  batchTokens?: number;
  /** Called between batches. */
  onProgress?: (progress: EmbedProgress) => void;
  /** Stops it between two batches: the promise is rejected with `Aborted`. */
  signal?: AbortSignal;
}

/** How far a call is. */
export interface EmbedProgress {
  /** Texts that are done. */
  done: number;
  /** Texts of the call. */
  total: number;
}

/** One vector a text, in order. */
export interface Embeddings {
  /** All vectors, one after the other, `dims` values each; zeros for a text that has an error. */
  data: Float32Array;
  /** Values of each vector. */
  dims: number;
  /** Tokens of each text that were embedded, special tokens included. */
  tokens: Uint32Array;
  /** Whether each text had more tokens than the model takes, and the rest is not in its vector. */
  truncated: boolean[];
  /** Why a text has no vector, or null. */
  errors: (TextInvalid | null)[];
}

/** One text's vector, of a long list. */
export interface Embedding {
  /** The text's place in the list. */
  index: number;
  /** Its vector; zeros where there is an error. */
  vector: Float32Array;
  /** Tokens that were embedded, special tokens included. */
  tokens: number;
  /** Whether it had more tokens than the model takes. */
  truncated: boolean;
  /** Why it has no vector, or null. */
  error: TextInvalid | null;
}

/** A text as the encoder takes it. */
export interface Tokens {
  ids: Uint32Array;
  truncated: boolean;
}

/** What was loaded, and onto what. */
export interface Info {
  /** wembed's version. */
  version: string;
  /** Which form of the module runs. */
  form: Form;
  /** Values of a vector, where no other number is asked for. */
  dimensions: number;
  /** Tokens of a text at most, special tokens included. */
  maxLength: number;
  /** Whether the model itself gives vectors of length 1. */
  normalizes: boolean;
  /** The model's prompts, by name. */
  prompts: Record<string, string>;
  /** The prompt that is used where none is asked for. */
  defaultPrompt: string | null;
  /** How near two vectors are is measured so. */
  similarity: "cosine" | "dot" | "euclidean" | "manhattan";
  /** How weights lie in memory and are read. */
  storage: "f16" | "f16 packed" | "f32" | "bf16" | "int8";
  /** What computes: an adapter, whose name browsers may keep to themselves, or the processor. */
  device:
    | { engine: "gpu"; name: string; kind: string; driver: string; software: boolean; features: string[]; largestBinding: number }
    | { engine: "cpu"; instructions: string; threads: number };
  /** On a GPU, the kernels that are taken for being the fastest: none where nothing was tried. */
  kernels: KernelPlan[];
  /** Why it is this engine. */
  why: string;
  /** How often a lost device was replaced. */
  devicesReplaced: number;
  /** Bytes of the module's memory, which grows and never shrinks. */
  memory: number;
  /** Of a packed model's packs, how many are here; null where the model is not packed, or needs to wait for none. */
  packs: { here: number; of: number } | null;
  /** What was asked of servers for the model's files, and which hosts answered. Beside it the package asks for its own parts, and for nothing else. */
  network: { requests: number; bytes: number; hosts: string[] };
}
