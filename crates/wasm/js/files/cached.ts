// Files on a server that are kept once they came: each is asked for once, and read from the browser's storage while it still arrives.

import { Aborted } from "../errors.js";
import { slice } from "./blobs.js";
import { type Digest, Download, Full } from "./download.js";
import type { Heard, ModelFiles } from "./files.js";
import type { Whole } from "./packs.js";
import { type Known, type Remote, known } from "./place.js";
import type { Ranges } from "./ranges.js";
import type { Traffic } from "./request.js";
import { type Folder, type Kept, evict, partOf } from "./storage.js";

/** A file, whole or on its way. */
interface Opened {
  size: number | undefined;
  read(start: number, end: number): Promise<Uint8Array>;
  /** Settles when all of it is here and right. */
  whole(): Promise<unknown>;
}

/** Of what an unfinished download is a part: what the file has to be, or where it is, and which version the server said that it had. */
interface Part {
  identity: string;
  version: string | undefined;
}

/** Weights are read while they arrive; everything else is small, and read when it is known to be right. */
const STREAMED = /\.safetensors$/;

export class Cached implements ModelFiles, Whole {
  /** Whether weights had no room, and are read from the server part by part. */
  isPartly = false;
  readonly #opened = new Map<string, Promise<Opened | undefined>>();
  readonly #arriving = new Set<Promise<unknown>>();

  constructor(
    private readonly place: Remote,
    private readonly folder: Folder,
    /** For what the storage does not take. */
    private readonly uncached: Ranges,
    private readonly means: { digest: () => Digest; heard: Heard; traffic: Traffic; signal: AbortSignal; refresh: boolean },
  ) {}

  async size(path: string): Promise<number | undefined> {
    return (await this.#open(path))?.size;
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const opened = await this.#open(path);
    return opened ? opened.read(start, end) : this.uncached.read(path, start, end);
  }

  async whole(path: string): Promise<void> {
    try {
      const opened = await this.#open(path);
      await (opened ? opened.whole() : this.uncached.whole(path));
    } catch (error) {
      this.#opened.delete(path); // another try asks anew
      throw error;
    }
  }

  /** Waits until all that was asked for is here and right, or one of it is not and none is open any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#arriving);
    await Promise.all(this.#arriving);
  }

  #open(path: string): Promise<Opened | undefined> {
    let opened = this.#opened.get(path);
    if (!opened) {
      opened = this.#find(path);
      this.#opened.set(path, opened);
    }
    return opened;
  }

  async #find(path: string): Promise<Opened | undefined> {
    const file = known(this.place, path);
    if (!file) return undefined;
    const kept = this.means.refresh ? undefined : await this.#kept(path, file);
    if (kept !== undefined) return kept ?? undefined;
    // Another page may be at it. Who comes second finds it there.
    const release = await lock(`wembed ${file.url}`, this.means.signal);
    if (this.means.signal.aborted) {
      release();
      throw new Aborted(this.means.signal.reason);
    }
    const found = this.means.refresh ? undefined : await this.#kept(path, file).catch(() => undefined);
    if (found !== undefined) {
      release();
      return found ?? undefined;
    }
    return this.#fetch(path, file, release);
  }

  /** A file that is kept whole; null where it is known that there is none. */
  async #kept(path: string, file: Known): Promise<Opened | null | undefined> {
    const record = await this.folder.value<Kept>(path);
    if (!record) return record;
    const blob = await this.folder.blob(path).catch(() => undefined);
    const isAnother = (file.sha256 && file.sha256 !== record.sha256) || (file.git && file.git !== record.git);
    if (blob?.size !== record.size || isAnother) return undefined;
    this.means.heard(path, "cache", record.size, record.size);
    return { size: record.size, read: (start, end) => slice(blob, start, end), whole: async () => {} };
  }

  async #fetch(path: string, file: Known, release: () => void): Promise<Opened | undefined> {
    const { digest, heard, traffic, signal, refresh } = this.means;
    // What an earlier download left may be of another version.
    const identity = file.sha256 ?? file.git ?? file.url;
    const part = await this.folder.value<Part>(partOf(path));
    const began = (version: string | undefined) => void this.folder.keep(partOf(path), { identity, version } satisfies Part);
    let handle;
    try {
      handle = await this.folder.open(path);
      if (refresh || part?.identity !== identity) handle.truncate(0);
    } catch {
      release(); // a page of a browser without locks has it, or the storage is broken
      return this.#unkept(path);
    }
    const download = new Download(file, {
      handle,
      digest,
      traffic,
      signal,
      version: part?.identity === identity ? part.version : undefined,
      began,
      room: () => evict(this.place.name),
      heard: (bytes, size, source = "network") => heard(path, source, bytes, size),
    });
    const kept = download.whole
      .then(async (found) => {
        await this.folder.keep(path, found ?? null);
        return found && this.folder.blob(path);
      })
      .finally(release);
    const right = kept.catch((error: unknown) => {
      if (!(error instanceof Full)) throw error;
    });
    this.#arriving.add(right);
    right.catch(() => {}); // `settled` says it, and who reads
    /** Where the storage turned out to be too small: without it. */
    const without = <T>(error: unknown, instead: () => Promise<T>): Promise<T> => {
      if (!(error instanceof Full)) throw error;
      this.isPartly ||= STREAMED.test(path);
      return instead();
    };
    const stored = async (start: number, end: number) =>
      (await download.read(start, end)) ?? (await slice((await kept) as Blob, start, end));
    const read = (start: number, end: number) =>
      stored(start, end).catch((error: unknown) => without(error, () => this.uncached.read(path, start, end)));
    const sized = STREAMED.test(path) ? download.size : kept.then((blob) => blob?.size);
    const whole = () => kept.catch((error: unknown) => without(error, () => this.uncached.whole(path)));
    return sized.then(
      (size) => (size === undefined ? undefined : { size, read, whole }),
      (error: unknown) => without(error, () => this.#unkept(path)),
    );
  }

  async #unkept(path: string): Promise<Opened | undefined> {
    this.isPartly ||= STREAMED.test(path);
    const size = await this.uncached.size(path);
    return size === undefined ? undefined : { size, read: (start, end) => this.uncached.read(path, start, end), whole: () => this.uncached.whole(path) };
  }
}

/** Waits for a lock that pages of this origin share; gives what releases it. */
async function lock(name: string, signal: AbortSignal): Promise<() => void> {
  if (!navigator.locks) return () => {};
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(name, { signal }, () => new Promise<void>((release) => resolve(release)));
    held.catch((error: unknown) => reject(signal.aborted ? new Aborted(signal.reason) : error));
  });
}
