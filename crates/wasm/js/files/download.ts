// A file on its way into the browser's storage: goes on where an earlier download ended, asks again where a connection breaks, and is
// right in the end or not there at all.

import { Aborted, DownloadFailed } from "../errors.js";
import type { Known } from "./place.js";
import { type Traffic, chunks, request } from "./request.js";
import type { Kept, SyncHandle } from "./storage.js";

/** How often a connection may break without a byte between. */
const ATTEMPTS = 4;

/** Milliseconds until it is tried again, doubled each time. */
const PAUSE = 250;

/** Bytes that are read back at a time. */
const PIECE = 4 << 20;

/** Takes bytes, and gives their SHA-256. */
export interface Digest {
  update(bytes: Uint8Array): void;
  finish(): string;
}

/** Bytes that were read are not those of the file: nothing but another load helps. */
class Replaced extends DownloadFailed {}

/** Bytes came that are not those that were said to come. */
export class Unlike extends DownloadFailed {}

/** The storage has no room for a file. */
export class Full extends Error {}

/** What a download needs. */
export interface Means {
  handle: SyncHandle;
  digest: () => Digest;
  traffic: Traffic;
  signal: AbortSignal;
  /** Makes room in the storage where there is none; false where none can be made. */
  room: () => Promise<boolean>;
  /** What an earlier download said of the version that it had a part of. */
  version: string | undefined;
  /** Called when bytes of a version begin to come. */
  began: (version: string | undefined) => void;
  /** Called with each new count of bytes. */
  heard: (bytes: number, size?: number, source?: "network" | "cache") => void;
}

export class Download {
  /** Settles when all is there and right: with its size and digest, or undefined where the server has no such file. */
  readonly whole: Promise<NonNullable<Kept> | undefined>;
  /** Settles when the size is known, at the end at the latest. */
  readonly size: Promise<number | undefined>;
  #have = 0;
  #size: number | undefined;
  #sized!: (size: number | undefined) => void;
  /** Where it is known what it has to be. */
  #digest: Digest | undefined;
  #isOpen = true;
  /** Whether bytes were given away before all of it was known to be right. */
  #wasRead = false;
  #version: string | undefined;
  #wake: (() => void)[] = [];

  constructor(
    private readonly file: Known,
    private readonly means: Means,
  ) {
    this.#digest = this.#fresh();
    this.#version = means.version;
    const sized = new Promise<number | undefined>((resolve) => (this.#sized = resolve));
    this.whole = this.#run().finally(() => {
      this.#isOpen = false;
      means.handle.close();
      this.#stir();
    });
    this.size = Promise.race([sized, this.whole.then((found) => found?.size)]);
    this.size.catch(() => {}); // who waits for the whole hears of it
  }

  /** The bytes from `start` up to `end`, once they are here; undefined where it has ended meanwhile, well or not. */
  async read(start: number, end: number): Promise<Uint8Array | undefined> {
    while (this.#isOpen) {
      if (end <= this.#have) {
        const bytes = new Uint8Array(end - start);
        this.means.handle.read(bytes, { at: start });
        this.#wasRead = true;
        return bytes;
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return undefined;
  }

  async #run(): Promise<NonNullable<Kept> | undefined> {
    const { handle, signal } = this.means;
    await this.#resume();
    let failures = 0;
    let before = this.#have;
    for (;;) {
      try {
        if (!(await this.#attempt())) return undefined;
        break;
      } catch (error) {
        if (!(error instanceof DownloadFailed) || error instanceof Replaced || (error.status !== undefined && error.status >= 400 && error.status < 500)) throw error;
        failures = this.#have > before ? 1 : failures + 1;
        before = this.#have;
        if (failures >= ATTEMPTS) throw error;
        await pause(PAUSE << (failures - 1), signal);
      }
    }
    handle.flush();
    const [size, sha256] = [this.#have, this.#digest?.finish()];
    this.#digest = undefined;
    const git = this.file.git && (await this.#git());
    const wrong = (what: string, expected: string, found: string) => {
      handle.truncate(0); // nothing of it is kept
      return new Unlike(`${this.file.url}: expected bytes with the ${what} ${expected}, found ${found}`, this.file.url);
    };
    if (sha256 !== this.file.sha256) throw wrong("SHA-256", `${this.file.sha256}`, `${sha256}`);
    if (git !== this.file.git) throw wrong("git hash", `${this.file.git}`, `${git}`);
    return { size, ...(sha256 ? { sha256 } : {}), ...(git ? { git } : {}) };
  }

  /** One request, from where we are to the file's end; false where there is no such file. */
  async #attempt(): Promise<boolean> {
    const { url, size: expected } = this.file;
    const { traffic, signal } = this.means;
    if (expected !== undefined && this.#have === expected) return this.#complete(expected);
    const answer = await request(url, this.#have, undefined, traffic, signal);
    if (!answer) {
      if (expected === undefined && this.#have === 0) return false;
      throw new DownloadFailed(`${url}: it is not there, and should be`, url, 404);
    }
    const { response, start, size } = answer;
    if (size !== undefined && expected !== undefined && size !== expected) {
      throw new Unlike(`${url}: expected a file of ${expected} bytes, found one of ${size}`, url, response.status);
    }
    const version = response.headers.get("etag") ?? response.headers.get("last-modified") ?? undefined;
    const changed =
      (size !== undefined && this.#size !== undefined && size !== this.#size) ||
      (this.#have > 0 && version !== undefined && this.#version !== undefined && version !== this.#version);
    // Of no byte from the first on: it is empty, or says so wrongly.
    const isEnd = response.status === 416 && (size === undefined ? this.#have === 0 : size === this.#have);
    if (changed || start !== this.#have || (response.status === 416 && !isEnd)) {
      const mustAsk = response.status !== 200 && this.#have > 0;
      this.#restart(!changed && version !== undefined && version === this.#version);
      if (changed) throw new DownloadFailed(`${url}: it changed on the server`, url, response.status);
      if (mustAsk) return this.#attempt();
      if (response.status === 416) throw new DownloadFailed(`${url}: the server has ${size} bytes, and gives none`, url, 416);
    }
    if (isEnd) return this.#complete(this.#have);
    if (this.#have === 0) {
      this.#version = version;
      this.means.began(version);
    }
    if (size !== undefined) this.#known(size);
    for await (const chunk of chunks(answer, traffic, signal)) {
      if (this.#size !== undefined && this.#have + chunk.length > this.#size) {
        this.#restart();
        throw new DownloadFailed(`${url}: more than the expected ${size} bytes`, url, response.status);
      }
      await this.#take(chunk);
    }
    const all = this.#size ?? expected ?? this.#have;
    if (this.#have !== all) throw new DownloadFailed(`${url}: expected ${all} bytes, found ${this.#have}`, url, response.status);
    return this.#complete(all);
  }

  #complete(size: number): true {
    this.#known(size);
    return true;
  }

  #known(size: number): void {
    if (this.#size === undefined) this.means.heard(0, size);
    this.#size = size;
    this.#sized(size);
  }

  async #take(chunk: Uint8Array): Promise<void> {
    while (!this.#write(chunk)) {
      if (await this.means.room()) continue;
      this.#have = 0; // what fits no part of is no use to anybody
      this.means.handle.truncate(0);
      throw new Full();
    }
    this.#digest?.update(chunk);
    this.#have += chunk.length;
    this.means.heard(chunk.length);
    this.#stir();
  }

  /** Whether the storage took it. */
  #write(chunk: Uint8Array): boolean {
    try {
      return this.means.handle.write(chunk, { at: this.#have }) === chunk.length;
    } catch (error) {
      if (error instanceof DOMException && error.name === "QuotaExceededError") return false;
      throw error;
    }
  }

  /** Takes what an earlier download left. */
  async #resume(): Promise<void> {
    const { handle, signal } = this.means;
    const left = handle.getSize();
    if (this.file.size !== undefined && left > this.file.size) return this.#restart();
    if (!this.#digest) this.#have = left;
    const piece = new Uint8Array(Math.min(PIECE, left));
    while (this.#have < left) {
      const read = handle.read(piece, { at: this.#have });
      if (read === 0) break;
      this.#digest?.update(piece.subarray(0, read));
      this.#have += read;
      await pause(0, signal); // an abort is heard
    }
    this.means.heard(this.#have, undefined, "cache");
  }

  /** From the beginning. Where bytes are in somebody's hands, they are of something that is not there any more. */
  #restart(isSame = false): void {
    this.means.handle.truncate(0);
    this.#digest?.finish();
    this.#digest = this.#fresh();
    this.#have = 0;
    this.#size = undefined;
    if (this.#wasRead && !isSame) throw new Replaced(`${this.file.url}: it changed while it was read`, this.file.url);
  }

  #fresh(): Digest | undefined {
    return this.file.sha256 === undefined ? undefined : this.means.digest();
  }

  /** The name that git gives to the bytes: of small files, which alone are kept in a repository itself. */
  async #git(): Promise<string> {
    const head = new TextEncoder().encode(`blob ${this.#have}\0`);
    const bytes = new Uint8Array(head.length + this.#have);
    bytes.set(head);
    this.means.handle.read(bytes.subarray(head.length), { at: 0 });
    const digest = await crypto.subtle.digest("SHA-1", bytes);
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  #stir(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new Aborted(signal.reason));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
