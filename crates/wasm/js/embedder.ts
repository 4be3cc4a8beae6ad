/// <reference lib="esnext.disposable" preserve="true" />
// The class that programs hold.

import { BUILT_IN } from "./builtin.js";
import { type Connection, DirectConnection, type Name, type Wishes, WorkerConnection } from "./connection.js";
import { ArgumentInvalid, TextInvalid } from "./errors.js";
import type { Place } from "./files/place.js";
import { placeOf } from "./source.js";
import type { Embedding, Embeddings, EmbedOptions, Info, LoadOptions, Source, Tokens } from "./types.js";
import type { RawEmbeddings } from "./wasm.js";

/** Texts of a long list that are sent at a time: some batches' worth. */
const SLICE = 256;

/** Vectors, one after the other. */
export interface Vectors {
  data: Float32Array;
  dims: number;
}

/**
 * A model, and what computes it: text in, vectors out.
 *
 * ```js
 * const model = await Embedder.load();
 * const { data, dims } = await model.embed(["a text", "another"]);
 * console.assert(data.length === 2 * dims);
 * await model.dispose();
 * ```
 *
 * Calls may overlap: each waits for its turn. Whatever else is embedded beside it, a text's vector has the same bits on one device.
 */
export class Embedder {
  /** @internal */
  protected constructor(private readonly connection: Connection) {}

  /**
   * Loads a model: the one that comes with the package where no other is named.
   *
   * @throws {WebGpuUnavailable} `device` is "gpu", and there is none that computes rightly.
   * @throws {DownloadFailed} A file did not come.
   * @throws {ModelInvalid} A file came and is wrong.
   * @throws {LimitExceeded} The model is too large for the device.
   * @throws {Aborted} The signal said so.
   * @throws {ArgumentInvalid} An option is wrong.
   */
  static async load(source: Source = BUILT_IN, options: LoadOptions = {}): Promise<Embedder> {
    return this.at(await placeOf(source, checked(options).hub), options);
  }

  /** The same for a place. @internal */
  static async at(place: Place, all: LoadOptions): Promise<Embedder> {
    const { onProgress, signal, thread, hub: _, ...options } = checked(all);
    if (thread !== undefined && thread !== "worker" && thread !== "caller") {
      throw new ArgumentInvalid(`options: \`thread\`: expected worker or caller, found ${JSON.stringify(thread)}`);
    }
    const { assets: { worker, wasm } = {}, ...plain } = options;
    const isHere = thread === "caller" || (thread === undefined && typeof Worker === "undefined");
    const connection = isHere ? new DirectConnection() : new WorkerConnection(worker);
    // An address crosses to a worker as a string.
    const assets = { wasm: wasm instanceof URL ? wasm.href : wasm };
    try {
      await connection.call("load", [place, { ...plain, assets }], { signal, progress: onProgress });
    } catch (error) {
      connection.close();
      throw error;
    }
    return new this(connection);
  }

  /**
   * One vector a text, in order. What is wrong with one text is that text's own error; the others have their vectors.
   *
   * @throws {ArgumentInvalid} An option is wrong, or `texts` is no array of strings.
   * @throws {Aborted} The signal said so.
   * @throws {DeviceLost} The device was lost twice in a row.
   * @throws {DownloadFailed} Rows of the word table that one of the texts needs did not come (of a packed model, see `packs`).
   */
  async embed(texts: readonly string[], all: EmbedOptions = {}): Promise<Embeddings> {
    const { onProgress, signal, ...options } = checked(all);
    const found = await this.call<RawEmbeddings>("embed", [texts, options], { signal, progress: onProgress });
    return { ...found, errors: found.errors.map((message) => (message === null ? null : new TextInvalid(message))) };
  }

  /**
   * The texts' vectors one by one, of a list that need not be there as a whole. The next texts are embedded while the caller looks at
   * these; a loop that is left stops it.
   */
  async *embedEach(texts: Iterable<string> | AsyncIterable<string>, options: Omit<EmbedOptions, "onProgress"> = {}): AsyncGenerator<Embedding, void, void> {
    if (typeof texts === "string") throw new ArgumentInvalid("texts: expected a list of strings, found one string");
    checked(options);
    const left = new AbortController();
    const { signal } = left;
    const stop = () => left.abort(options.signal?.reason);
    if (options.signal?.aborted) stop();
    options.signal?.addEventListener("abort", stop);
    const slices = sliced(texts);
    const next = async () => {
      const { value, done } = await slices.next();
      return done ? undefined : this.embed(value, { ...options, signal });
    };
    let index = 0;
    let coming = next();
    try {
      for (;;) {
        const found = await coming;
        if (!found) return;
        coming = next();
        coming.catch(() => {}); // it is said when its turn comes
        const { data, dims, tokens, truncated, errors } = found;
        for (let text = 0; text < errors.length; text++, index++) {
          const vector = data.slice(text * dims, (text + 1) * dims);
          yield { index, vector, tokens: tokens[text]!, truncated: truncated[text]!, error: errors[text]! };
        }
      }
    } finally {
      left.abort();
      options.signal?.removeEventListener("abort", stop);
      slices.return().catch(() => {}); // not waited for: a source may be silent for long
    }
  }

  /** The text's ids, as the encoder would get them without a prompt. */
  async tokenize(text: string): Promise<Tokens> {
    if (typeof text !== "string") throw new ArgumentInvalid(`text: expected a string, found ${typeof text}`);
    return this.call("tokenize", [text]);
  }

  /**
   * How near each vector of `left` is to each of `right`, by the model's own measure: a matrix, row by row, with a row for each of `left`.
   * All against all of `left` where there is no `right`.
   */
  async similarity(left: Vectors, right: Vectors = left): Promise<Float32Array> {
    for (const vectors of [left, right]) {
      if (!(vectors?.data instanceof Float32Array)) throw new ArgumentInvalid("similarity: expected vectors, `data` a Float32Array and `dims`, found something else");
    }
    if (left.dims !== right.dims) throw new ArgumentInvalid(`similarity: expected vectors of one width, found ${left.dims} and ${right.dims} values`);
    return this.call("similarity", [left.data, right.data, left.dims]);
  }

  /** What was loaded, and onto what. */
  info(): Promise<Info> {
    return this.call("info", []);
  }

  /**
   * Ends it. In a worker what was asked and is not answered is rejected with `Stopped`, and all memory is given back; on the caller's thread
   * what is being computed ends by itself, and the module keeps its memory for the next model.
   */
  async dispose(): Promise<void> {
    this.connection.close();
  }

  /** `await using model = await Embedder.load()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private call<T>(name: Name, args: unknown[], wishes?: Wishes): Promise<T> {
    return this.connection.call(name, args, wishes);
  }
}

/** Options whose functions and signal are what they have to be; the module checks the rest. */
function checked<T extends { onProgress?: unknown; signal?: unknown }>(options: T): T {
  if (typeof options !== "object" || options === null) throw new ArgumentInvalid(`options: expected an object, found ${options === null ? "null" : typeof options}`);
  const { onProgress, signal } = options;
  if (onProgress !== undefined && typeof onProgress !== "function") throw new ArgumentInvalid(`options: \`onProgress\`: expected a function, found ${typeof onProgress}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new ArgumentInvalid(`options: \`signal\`: expected an AbortSignal, found ${typeof signal}`);
  return options;
}

async function* sliced(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string[], void, void> {
  let slice: string[] = [];
  for await (const text of texts) {
    slice.push(text);
    if (slice.length === SLICE) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
