// Where a model lives: owns the module and one model, in a worker or on the caller's thread.

import { Aborted, ArgumentInvalid, ModelInvalid, Stopped, WembedError, message, typed } from "./errors.js";
import { Blobs } from "./files/blobs.js";
import { Cached } from "./files/cached.js";
import type { Heard, ModelFiles } from "./files/files.js";
import { list } from "./files/hub.js";
import type { Place } from "./files/place.js";
import { Ranges } from "./files/ranges.js";
import type { Traffic } from "./files/request.js";
import { Folder, canKeep, clearCache } from "./files/storage.js";
import { forms } from "./forms.js";
import type { EmbedOptions, EmbedProgress, Info, LoadOptions, LoadProgress, Tokens } from "./types.js";
import { type Loaded, type Module, type RawEmbeddings, start } from "./wasm.js";

/** What goes with a call: how it is stopped, and who hears how far it is. */
export interface Means<Progress> {
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** Options that can be posted. */
export type PlainLoad = Omit<LoadOptions, "onProgress" | "signal" | "thread" | "hub">;
export type PlainEmbed = Omit<EmbedOptions, "onProgress" | "signal">;

/** Milliseconds between two words of progress. */
const EVERY = 50;

/** What this host may do. */
interface Rights {
  /** It may wait for threads: it is a worker. */
  canWait: boolean;
  /** Takes the lines on which threads say that they stopped. */
  line: (port: MessagePort) => void;
}

export class Host {
  #module?: Module;
  #model?: Loaded;
  /** What the files said when they could not be read: the module knows only which one. */
  #failure?: WembedError;
  #cached?: Cached;
  readonly #traffic: Traffic = { requests: 0, bytes: 0, hosts: new Set() };
  /** Stops what is read of the model's files when the model goes. */
  readonly #files = new AbortController();

  constructor(private readonly rights: Rights) {}

  async load(place: Place, options: PlainLoad, means: Means<LoadProgress>): Promise<void> {
    const { form, threads, assets = {}, cache = "use", ...rest } = options;
    if (!["use", "refresh", "none"].includes(cache)) throw new ArgumentInvalid(`options: \`cache\`: expected use, refresh or none, found \`${cache}\``);
    if (assets.wasm !== undefined && form === undefined) throw new ArgumentInvalid("options: `form`: expected the one that `assets.wasm` is, found nothing");
    const stop = () => this.#files.abort(means.signal.reason);
    means.signal.addEventListener("abort", stop);
    try {
      means.signal.throwIfAborted();
      const progress = new Progress(means.progress);
      const module = (this.#module = await this.#open(form, threads, assets));
      const files = await this.#place(place, cache, module, progress.heard);
      const remember = (error: unknown): never => {
        this.#failure = error instanceof WembedError ? error : new ModelInvalid(`its files cannot be read: ${message(error)}`);
        throw error;
      };
      const watched: ModelFiles = {
        size: (path) => files.size(path).catch(remember),
        read: (path, start, end) => files.read(path, start, end).catch(remember),
      };
      // A row that is asked of a server when a text needs it tells the server of the text: that is done only where it was asked for.
      const vocabulary = files instanceof Ranges ? (rest.vocabulary === "host" ? "host" : "device") : rest.vocabulary;
      this.#model = await module.glue.Embedder.load(watched, { ...rest, ...(vocabulary ? { vocabulary } : {}) });
      await this.#cached?.settled();
      means.signal.throwIfAborted();
      progress.say("ready");
    } catch (error) {
      await this.dispose();
      if (means.signal.aborted) throw new Aborted(means.signal.reason);
      const said = this.#said(error);
      // What is wrong is not kept: the next try asks for it anew.
      if (said instanceof ModelInvalid && place.kind === "folder") await clearCache(place.name).catch(() => {});
      throw said;
    } finally {
      means.signal.removeEventListener("abort", stop);
    }
  }

  async embed(texts: readonly string[], options: PlainEmbed, means: Means<EmbedProgress>): Promise<RawEmbeddings> {
    const total = texts.length;
    const goOn = async (done: number) => {
      means.progress({ done, total });
      await turn();
      return !means.signal.aborted;
    };
    if (means.signal.aborted) throw new Aborted(means.signal.reason);
    const found = await this.#loaded()
      .embed(texts, options, goOn)
      .catch((error: unknown) => {
        throw means.signal.aborted ? new Aborted(means.signal.reason) : this.#said(error);
      });
    means.progress({ done: total, total });
    return found;
  }

  tokenize(text: string): Promise<Tokens> {
    return this.#loaded().tokenize(text);
  }

  similarity(left: Float32Array, right: Float32Array, dims: number): Promise<Float32Array> {
    return this.#loaded().similarity(left, right, dims);
  }

  async info(): Promise<Info> {
    const memory = this.#module?.memory.buffer.byteLength ?? 0;
    return { ...(await this.#loaded().info()), memory, network: { ...this.#traffic, hosts: [...this.#traffic.hosts] } };
  }

  /** Stops what is read, forgets the model, and ends when no file is open any more. What is being computed ends by itself. */
  async dispose(): Promise<void> {
    this.#files.abort(new Stopped("the model was disposed"));
    try {
      this.#model?.free();
    } catch {
      // A call still has it: it goes with the call.
    }
    this.#model = undefined;
    await this.#cached?.settled().catch(() => {}); // it was given up
  }

  /** What was thrown, as what it is. */
  #said(error: unknown): WembedError {
    const isOfFiles = (error as { kind?: string } | undefined)?.kind === "files";
    return isOfFiles && this.#failure ? this.#failure : typed(error);
  }

  #loaded(): Loaded {
    if (!this.#model) throw new Stopped("there is no model");
    return this.#model;
  }

  /** The module as it is asked for, else in the best form that starts: a browser may refuse the threads their memory, or a thread. */
  async #open(form: LoadOptions["form"], threads: number | undefined, assets: NonNullable<LoadOptions["assets"]>): Promise<Module> {
    const candidates = forms(form, threads, this.rights.canWait);
    for (const candidate of candidates) {
      try {
        const count = candidate === "threads" ? (threads ?? navigator.hardwareConcurrency) : 1;
        return await start(candidate, count, assets, this.rights.line);
      } catch (error) {
        const said = `the form ${candidate} did not start: ${message(error)}`;
        if (candidate === candidates.at(-1)) throw error instanceof WembedError ? error : new Stopped(said);
        console.warn(`wembed: ${said}`);
      }
    }
    throw new Stopped("there is no form");
  }

  async #place(place: Place, cache: NonNullable<LoadOptions["cache"]>, { glue }: Module, heard: Heard): Promise<ModelFiles> {
    const [traffic, signal] = [this.#traffic, this.#files.signal];
    if (place.kind === "open") return place.files;
    if (place.kind === "blobs") return new Blobs(place.files, heard);
    const keep = cache !== "none" && (await canKeep());
    const remote = place.kind === "hub" ? await list(place, keep, traffic, signal) : place;
    const ranges = new Ranges(remote, heard, traffic, signal);
    if (!keep) return ranges;
    const folder = await Folder.open(remote.name);
    await folder.use();
    return (this.#cached = new Cached(remote, folder, ranges, { digest: () => new glue.Sha256(), heard, traffic, signal, refresh: cache === "refresh" }));
  }
}

/** Lets the thread hear its messages. */
function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Counts bytes, and says so now and then. */
class Progress {
  #loaded = 0;
  #sizes = new Map<string, number>();
  #said = 0;

  constructor(private readonly listener: (progress: LoadProgress) => void) {
    this.say("start");
  }

  heard: Heard = (file, source, bytes, size) => {
    this.#loaded += bytes;
    if (size !== undefined) this.#sizes.set(file, size);
    if (performance.now() - this.#said >= EVERY) this.say("files", file, source);
  };

  say(stage: LoadProgress["stage"], file?: string, source?: LoadProgress["source"]): void {
    this.#said = performance.now();
    const total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    this.listener({ stage, loaded: Math.min(this.#loaded, total), total, ...(file ? { file } : {}), ...(source ? { source } : {}) });
  }
}
