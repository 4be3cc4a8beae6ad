// Files on a server of which nothing is kept: each part is asked for when it is read.

import { DownloadFailed } from "../errors.js";
import { slice } from "./blobs.js";
import { type Digest, Unlike } from "./download.js";
import type { Heard, ModelFiles } from "./files.js";
import type { Whole } from "./packs.js";
import { type Known, type Remote, known } from "./place.js";
import { type Traffic, chunks, count, request } from "./request.js";

/** Bytes that are asked for first, so that most configuration files need one request. */
const OPENING = 64 << 10;

/** Bytes that are asked for at a time of a file that is read whole. */
const PIECE = 4 << 20;

/** The largest file that is taken, and held, whole from a server that gives no parts. */
const LARGEST_WHOLE = 32 << 20;

/** A file's size and its first bytes, or all of them. */
interface Opening {
  size: number;
  bytes: Uint8Array;
  /** All of it, where that was asked for. */
  blob?: Blob;
}

export class Ranges implements ModelFiles, Whole {
  readonly #opened = new Map<string, Promise<Opening | undefined>>();

  constructor(
    private readonly place: Remote,
    private readonly heard: Heard,
    private readonly traffic: Traffic,
    private readonly signal: AbortSignal,
    private readonly digest: () => Digest,
  ) {}

  async size(path: string): Promise<number | undefined> {
    return (await this.#open(path))?.size;
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const file = known(this.place, path);
    const opening = await this.#open(path);
    if (!file || !opening) throw new DownloadFailed(`\`${path}\` is not there`, file?.url ?? path);
    if (end > opening.size) throw new DownloadFailed(`${file.url}: expected at least ${end} bytes, found ${opening.size}`, file.url);
    if (end <= opening.bytes.length) return opening.bytes.subarray(start, end);
    if (opening.blob) return slice(opening.blob, start, end);
    const answer = await request(file.url, start, end, this.traffic, this.signal);
    if (answer?.response.status !== 206) throw new DownloadFailed(`${file.url}: the server gave a part of it before, and now does not`, file.url);
    if (answer.size !== undefined && answer.size !== opening.size) {
      throw new DownloadFailed(`${file.url}: it changed on the server: expected ${opening.size} bytes, found ${answer.size}`, file.url);
    }
    const bytes = await this.#body(path, chunks(answer, this.traffic, this.signal), end - start);
    if (bytes.length !== end - start) {
      throw new DownloadFailed(`${file.url}: expected ${end - start} bytes from ${start}, found ${bytes.length}`, file.url);
    }
    return bytes;
  }

  /** Reads all of a file and holds it, where the browser puts what has no room in memory. What was wrong is asked for anew. */
  async whole(path: string): Promise<void> {
    try {
      await this.#hold(path);
    } catch (error) {
      this.#opened.delete(path);
      throw error;
    }
  }

  async #hold(path: string): Promise<void> {
    const opening = await this.#open(path);
    const file = known(this.place, path);
    if (!file || !opening) throw new DownloadFailed(`\`${path}\` is not there`, file?.url ?? path);
    if (opening.blob) return;
    const [digest, parts] = [this.digest(), [] as Blob[]];
    for (let start = 0; start < opening.size; start += PIECE) {
      const part = await this.read(path, start, Math.min(start + PIECE, opening.size));
      digest.update(part);
      parts.push(new Blob([part as BlobPart]));
    }
    const found = digest.finish();
    if (file.sha256 !== undefined && found !== file.sha256) {
      throw new Unlike(`${file.url}: expected bytes with the SHA-256 ${file.sha256}, found ${found}`, file.url);
    }
    opening.blob = new Blob(parts);
  }

  #open(path: string): Promise<Opening | undefined> {
    let opening = this.#opened.get(path);
    if (!opening) {
      const file = known(this.place, path);
      opening = file ? this.#first(path, file).then((found) => this.#listed(file, found)) : Promise.resolve(undefined);
      this.#opened.set(path, opening);
      opening.then((found) => found && this.heard(path, "network", 0, found.size), () => {});
    }
    return opening;
  }

  /** What is listed is there, and as long as listed. */
  #listed({ url, size }: Known, found: Opening | undefined): Opening | undefined {
    if (size === undefined || found?.size === size) return found;
    throw new DownloadFailed(`${url}: expected a file of ${size} bytes, found ${found ? `one of ${found.size}` : "none"}`, url);
  }

  async #first(path: string, { url }: Known): Promise<Opening | undefined> {
    const answer = await request(url, 0, OPENING, this.traffic, this.signal);
    if (!answer) return undefined;
    const { response } = answer;
    const most = response.status === 206 ? OPENING : LARGEST_WHOLE;
    const bytes = await this.#body(path, chunks(answer, this.traffic, this.signal), most).catch((error: unknown) => {
      if (!(error instanceof TooLong)) throw error;
      const why = `the server does not answer Range requests, without which a file may have at most ${LARGEST_WHOLE} bytes`;
      throw new DownloadFailed(`${url}: ${response.status === 206 ? error.message : why}`, url, response.status);
    });
    if (response.status !== 206) return { size: bytes.length, bytes };
    const size = answer.size ?? (await this.#sizeOfHead(url));
    const expected = Math.min(OPENING, size);
    if (bytes.length !== expected) throw new DownloadFailed(`${url}: expected ${expected} bytes from 0, found ${bytes.length}`, url, 206);
    return { size, bytes };
  }

  /** The file's size as the server says it without sending the file: another origin need not let this page read Content-Range. */
  async #sizeOfHead(url: string): Promise<number> {
    count(this.traffic, url);
    const response = await fetch(url, { method: "HEAD", signal: this.signal, headers: { range: "bytes=0-" } }).catch(() => undefined);
    const length = response?.headers.get("content-length");
    if (!length || !/^\d{1,15}$/.test(length)) throw new DownloadFailed(`${url}: the server does not say how long it is`, url);
    return Number(length);
  }

  async #body(path: string, body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
    let bytes = new Uint8Array(Math.min(most, OPENING));
    let filled = 0;
    for await (const chunk of body) {
      const end = filled + chunk.length;
      if (end > most) throw new TooLong(`more than the expected ${most} bytes`);
      if (end > bytes.length) {
        const larger = new Uint8Array(Math.min(most, Math.max(end, 2 * bytes.length)));
        larger.set(bytes.subarray(0, filled));
        bytes = larger;
      }
      bytes.set(chunk, filled);
      filled = end;
      this.heard(path, "network", chunk.length);
    }
    return bytes.subarray(0, filled);
  }
}

class TooLong extends Error {}
