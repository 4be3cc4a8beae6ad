// The module: which file it is, how it starts, and what of it is used here (crates/wasm/src).

import type { ModelFiles } from "./files/files.js";
import type { Digest } from "./files/download.js";
import { DownloadFailed } from "./errors.js";
import { startThreads } from "./threads.js";
import type { Assets, Embeddings, Form, Info, Tokens } from "./types.js";

/** What the module gives for texts: errors are words yet. */
export type RawEmbeddings = Omit<Embeddings, "errors"> & { errors: (string | null)[] };

/** A loaded model, in the module. */
export interface Loaded {
  embed(texts: readonly string[], options: object, goOn: (done: number) => Promise<boolean>): Promise<RawEmbeddings>;
  /** Files with rows of the word table that the texts need. */
  packs(texts: readonly string[], options: object): Promise<string[]>;
  tokenize(text: string): Promise<Tokens>;
  similarity(left: Float32Array, right: Float32Array, dims: number): Promise<Float32Array>;
  info(): Promise<Omit<Info, "memory" | "network" | "packs">>;
  free(): void;
}

type Source = string | URL | Response | BufferSource | WebAssembly.Module | Promise<Response>;

/** The JavaScript that wasm-bindgen writes beside each form. */
export interface Glue {
  default(options: { module_or_path?: Source; memory?: WebAssembly.Memory; thread_stack_size?: number }): Promise<{ memory: WebAssembly.Memory }>;
  Embedder: { load(files: ModelFiles, options: object): Promise<Loaded> };
  Sha256: new () => Digest;
  openThreads?(workers: number): void;
  runThread?(): void;
}

// Spelled out, so that bundlers find them.
const GLUE: Record<Form, () => Promise<unknown>> = {
  threads: () => import("./wasm/threads/wembed_wasm.js" as string),
  relaxed: () => import("./wasm/relaxed/wembed_wasm.js" as string),
  simd: () => import("./wasm/simd/wembed_wasm.js" as string),
};

const WASM: Record<Form, () => URL> = {
  threads: () => new URL("./wasm/threads/wembed_wasm_bg.wasm", import.meta.url),
  relaxed: () => new URL("./wasm/relaxed/wembed_wasm_bg.wasm", import.meta.url),
  simd: () => new URL("./wasm/simd/wembed_wasm_bg.wasm", import.meta.url),
};

/** The module, running. */
export interface Module {
  form: Form;
  glue: Glue;
  memory: WebAssembly.Memory;
}

/** Starts the module in one form, with so many threads; `line` is called with a line to each thread. */
export async function start(form: Form, threads: number, assets: Assets, line: (port: MessagePort) => void): Promise<Module> {
  const glue = (await GLUE[form]()) as Glue;
  const module = await compile(assets.wasm ?? WASM[form]());
  const { memory } = await glue.default({ module_or_path: module });
  if (threads > 1) {
    await startThreads(threads - 1, module, memory, line);
    glue.openThreads?.(threads - 1);
  }
  return { form, glue, memory };
}

async function compile(wasm: NonNullable<Assets["wasm"]>): Promise<WebAssembly.Module> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  if (typeof wasm !== "string" && !(wasm instanceof URL)) return WebAssembly.compile(wasm);
  const response = await fetch(wasm).catch((error: Error) => {
    throw new DownloadFailed(`${wasm}: ${error.message}`, String(wasm));
  });
  if (!response.ok) throw new DownloadFailed(`${wasm}: the server answered ${response.status}`, String(wasm), response.status);
  // A server may not know the type, and then it cannot be compiled as it arrives.
  if (response.headers.get("content-type") === "application/wasm") return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
