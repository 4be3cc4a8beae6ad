// Where a model lives: owns the module and one model, in a worker or on the caller's thread.

import { Aborted, ArgumentInvalid, ModelInvalid, Stopped, WebGpuUnavailable, WembedError, message, typed } from "./errors.js";
import { Blobs } from "./files/blobs.js";
import { Cached } from "./files/cached.js";
import type { Heard, ModelFiles } from "./files/files.js";
import { Unlike } from "./files/download.js";
import { list } from "./files/hub.js";
import { PACKED, Packs, type PackedModel, type Whole, listed, order, ownLanguages, packed } from "./files/packs.js";
import type { Place, Remote, Stored } from "./files/place.js";
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

/** Milliseconds that an error may wait for a better one. */
const MOMENT = 1000;

/** 1 - cosine of a vector that is right, at most: what is computed in f32 is nearer by far. */
const FURTHEST: Record<string, number> = { bf16: 1e-3, int8: 1e-2 };
const EXACT = 1e-5;

/** What this host may do. */
interface Rights {
  /** It may wait for threads: it is a worker. */
  canWait: boolean;
  /** Takes the lines on which threads say that they stopped. */
  line: (port: MessagePort) => void;
}

export class Host {
  #module?: Module;
  #model: Loaded | undefined;
  /** Why it runs on another engine than the module chose. */
  #why: string | undefined;
  /** What the files said when they could not be read: the module knows only which one. */
  #failure?: WembedError;
  #folder: Folder | undefined;
  #cached?: Cached;
  /** Of a model whose word table comes in packs. */
  #packs?: Packs;
  readonly #traffic: Traffic = { requests: 0, bytes: 0, hosts: new Set() };
  /** Stops what is read of the model's files when the model goes. */
  readonly #files = new AbortController();

  constructor(private readonly rights: Rights) {}

  async load(place: Place, options: PlainLoad, means: Means<LoadProgress>): Promise<void> {
    const { form, threads, assets = {}, cache = "use", languages = ownLanguages(), packs = "all", ...rest } = options;
    if (!["use", "refresh", "none"].includes(cache)) throw new ArgumentInvalid(`options: \`cache\`: expected use, refresh or none, found \`${cache}\``);
    if (!["all", "needed"].includes(packs)) throw new ArgumentInvalid(`options: \`packs\`: expected all or needed, found \`${packs}\``);
    if (!Array.isArray(languages)) throw new ArgumentInvalid(`options: \`languages\`: expected a list, found ${typeof languages}`);
    if (assets.wasm !== undefined && form === undefined) throw new ArgumentInvalid("options: `form`: expected the one that `assets.wasm` is, found nothing");
    const stop = () => this.#files.abort(means.signal.reason);
    means.signal.addEventListener("abort", stop);
    try {
      means.signal.throwIfAborted();
      const progress = new Progress(means.progress);
      const module = (this.#module = await this.#open(form, threads, assets));
      const { files, remote, said } = await this.#place(place, cache, module, progress.heard);
      const { first, others } = order(said?.packs ?? [], languages);
      const remember = (error: unknown): never => {
        this.#failure = error instanceof WembedError ? error : new ModelInvalid(`its files cannot be read: ${message(error)}`);
        throw error;
      };
      const watched: ModelFiles = {
        size: (path) => files.size(path).catch(remember),
        read: (path, start, end) => files.read(path, start, end).catch(remember),
      };
      // A row that is asked of a server when a text needs it tells the server of the text: that is done only where it was asked for.
      const isPacked = (said?.packs.length ?? 0) > 0;
      let vocabulary = files instanceof Ranges && !isPacked && rest.vocabulary !== "host" ? "device" : rest.vocabulary;
      for (const pack of first) progress.expect(pack, said!.files[pack]!.size);
      const load = async (device: LoadOptions["device"]) => {
        this.#model = await module.glue.Embedder.load(watched, { ...rest, ...(vocabulary ? { vocabulary } : {}), ...(device ? { device } : {}) });
      };
      await load(rest.device);
      // Nor is it done where the storage turned out to have no room.
      if (this.#cached?.isPartly && !isPacked && vocabulary !== "host" && vocabulary !== "device") {
        vocabulary = "device";
        this.#loaded().free();
        await load(rest.device);
      }
      if ("stored" in place && place.stored) await this.#prove(place.stored, rest.device, load);
      await this.#cached?.settled();
      if (remote && isPacked && vocabulary !== "device") {
        const failed = (error: unknown) => void this.#forget(place, error);
        this.#packs = new Packs(remote, [...first, ...others], packs === "all", failed, this.#files.signal);
        await this.#packs.load(first);
      }
      means.signal.throwIfAborted();
      progress.say("ready");
      this.#packs?.begin();
    } catch (error) {
      const isModel = !means.signal.aborted && this.#said(error) instanceof ModelInvalid;
      const wrong = isModel ? await this.#unlike() : undefined;
      await this.dispose();
      if (means.signal.aborted) throw new Aborted(means.signal.reason);
      const said = wrong ?? this.#said(error);
      await this.#forget(place, said);
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
    await this.#rows(texts, options, means.signal);
    const found = await this.#loaded()
      .embed(texts, options, goOn)
      .catch((error: unknown) => {
        throw means.signal.aborted ? new Aborted(means.signal.reason) : this.#said(error);
      });
    means.progress({ done: total, total });
    return found;
  }

  /** Waits for the rows that texts need. */
  async #rows(texts: readonly string[], options: PlainEmbed, signal: AbortSignal): Promise<void> {
    if (!this.#packs || this.#packs.complete) return;
    try {
      await this.#packs.here(new Set(await this.#loaded().packs(texts, options)), signal);
    } catch (error) {
      // Given up with the model, and not by the caller.
      if (this.#files.signal.aborted && !signal.aborted) throw new Stopped("the model was disposed");
      throw this.#said(error);
    }
  }

  tokenize(text: string): Promise<Tokens> {
    return this.#loaded().tokenize(text);
  }

  similarity(left: Float32Array, right: Float32Array, dims: number): Promise<Float32Array> {
    return this.#loaded().similarity(left, right, dims);
  }

  async info(): Promise<Info> {
    const memory = this.#module?.memory.buffer.byteLength ?? 0;
    return { ...(await this.#loaded().info()), memory, packs: this.#packs?.count ?? null, ...(this.#why === undefined ? {} : { why: this.#why }), network: { ...this.#traffic, hosts: [...this.#traffic.hosts] } };
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

  /** Holds the model to a vector that it must give; a GPU that gives another is left where any engine will do. */
  async #prove(stored: Stored, device: LoadOptions["device"] = "auto", load: (device: "cpu") => Promise<void>): Promise<void> {
    const wrong = await this.#wrong(stored);
    if (wrong === undefined) return;
    const { engine } = (await this.#loaded().info()).device;
    if (engine === "cpu") throw new ModelInvalid(`the processor gives another vector than this model has: ${wrong}`);
    this.#why = `the GPU gives another vector than this model has: ${wrong}`;
    if (device === "gpu") throw new WebGpuUnavailable(this.#why);
    this.#loaded().free();
    await load("cpu");
    const still = await this.#wrong(stored);
    if (still !== undefined) throw new ModelInvalid(`the processor, too, gives another vector than this model has: ${still}`);
  }

  /** How far a vector is from the stored one, where that is too far. */
  async #wrong({ text, vector }: Stored): Promise<string | undefined> {
    const { data, truncated, errors } = await this.#loaded().embed([text], {}, async () => true);
    if (truncated[0]) return undefined; // it was to be cut
    const bound = FURTHEST[(await this.#loaded().info()).storage] ?? EXACT;
    const product = (left: ArrayLike<number>, right: ArrayLike<number>) => Array.from(left).reduce((sum, value, index) => sum + value * right[index]!, 0);
    const off = 1 - product(data, vector) / Math.sqrt(product(data, data) * product(vector, vector));
    return off <= bound ? undefined : (errors[0] ?? `1 - cosine is ${off.toExponential(1)}, at most ${bound} is right`);
  }

  /** What is wrong is not kept: the next load asks for it anew. */
  async #forget(place: Place, error: unknown): Promise<void> {
    if (place.kind !== "folder") return;
    if (error instanceof ModelInvalid) await clearCache(place.name).catch(() => {});
    // A file that is not as listed: the list may be an old one.
    if (error instanceof Unlike) await this.#folder?.forget(PACKED).catch(() => {});
  }

  /** What is wrong with the bytes of a file that was read while it came: what they make no sense as says less. */
  async #unlike(): Promise<Unlike | undefined> {
    const settled = this.#cached?.settled().then(
      () => undefined,
      (error: unknown) => (error instanceof Unlike ? error : undefined),
    );
    return Promise.race([settled, new Promise<undefined>((resolve) => setTimeout(resolve, MOMENT))]);
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

  /** A model's files; of one that a server has and that is packed also what `pack.json` says. */
  async #place(place: Place, cache: NonNullable<LoadOptions["cache"]>, { glue }: Module, heard: Heard): Promise<Placed> {
    const [traffic, signal] = [this.#traffic, this.#files.signal];
    if (place.kind === "open") return { files: place.files };
    if (place.kind === "blobs") return { files: new Blobs(place.files, heard) };
    const keep = cache !== "none" && (await canKeep());
    const digest = () => new glue.Sha256();
    const found = place.kind === "hub" ? await list(place, keep, traffic, signal) : place;
    const folder = (this.#folder = keep ? await Folder.open(found.name) : undefined);
    await folder?.use();
    const open = (remote: Remote): Cached | Ranges => {
      const ranges = new Ranges(remote, heard, traffic, signal, digest);
      if (!folder) return ranges;
      return (this.#cached = new Cached(remote, folder, ranges, { digest, heard, traffic, signal, refresh: cache === "refresh" }));
    };
    const files = open(found);
    const said = await packed(files);
    if (!said) return { files };
    await this.#cached?.settled();
    // A hub has said of its files what they have to be.
    const remote = found.kind === "folder" ? open(listed(found, said)) : files;
    return { files: remote, remote, said };
  }
}

/** A model's files, where they are waited for, and what is known of them. */
interface Placed {
  files: ModelFiles;
  remote?: Whole;
  said?: PackedModel;
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

/** Counts bytes, and says so now and then; where they come from, at once. */
class Progress {
  #loaded = 0;
  #sizes = new Map<string, number>();
  #sources = new Set<LoadProgress["source"]>();
  #said = 0;
  #isReady = false;

  constructor(private readonly listener: (progress: LoadProgress) => void) {
    this.say("start");
  }

  heard: Heard = (file, source, bytes, size) => {
    this.#loaded += bytes;
    if (size !== undefined) this.#sizes.set(file, size);
    const isDue = performance.now() - this.#said >= EVERY || !this.#sources.has(source);
    if (isDue && !this.#isReady) this.say("files", file, source);
  };

  /** A file that will come. */
  expect(file: string, size: number): void {
    this.#sizes.set(file, size);
  }

  say(stage: LoadProgress["stage"], file?: string, source?: LoadProgress["source"]): void {
    this.#said = performance.now();
    this.#sources.add(source);
    this.#isReady = stage === "ready";
    const total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    this.listener({ stage, loaded: Math.min(this.#loaded, total), total, ...(file ? { file } : {}), ...(source ? { source } : {}) });
  }
}
