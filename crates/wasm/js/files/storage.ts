// The browser's own storage: a folder a model in the origin-private file system, and records of what in it is whole and right.

import { ask, valuesOf } from "./records.js";

/** What is known of a file that was kept whole; `null` where the server had no such file. */
export type Kept = { size: number; sha256?: string; git?: string } | null;

/** A model that is kept. */
export interface KeptModel {
  /** Where it came from. */
  name: string;
  /** Bytes of it, of unfinished downloads too. */
  bytes: number;
  /** When it was last loaded, in milliseconds since 1970. */
  used: number;
}

/** What a worker may do with a file, and TypeScript's types of pages do not know. */
export interface SyncHandle {
  read(buffer: Uint8Array, options?: { at?: number }): number;
  write(buffer: Uint8Array, options?: { at?: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

type SyncFile = FileSystemFileHandle & { createSyncAccessHandle?(): Promise<SyncHandle> };
type Entries = FileSystemDirectoryHandle & { entries(): AsyncIterable<[string, FileSystemHandle]> };
type Model = { name: string; used: number };

const TOP = "wembed";

/** Milliseconds that a file may take to open. Chromium was seen never to answer. */
const PATIENCE = 5000;

/** Whether files can be kept here: in a worker of a browser, on a page that was served securely and not privately. */
export async function canKeep(): Promise<boolean> {
  if (typeof FileSystemFileHandle === "undefined" || !("createSyncAccessHandle" in FileSystemFileHandle.prototype)) return false;
  return typeof indexedDB !== "undefined" && (await top(true)) !== undefined;
}

/** One model's files. */
export class Folder {
  private constructor(
    private readonly name: string,
    private readonly key: string,
    private readonly folder: FileSystemDirectoryHandle,
  ) {}

  static async open(name: string): Promise<Folder> {
    const key = await keyOf(name);
    const folder = await (await top(true))?.getDirectoryHandle(key, { create: true });
    if (!folder) throw new Error("there is no storage");
    return new Folder(name, key, folder);
  }

  /** Says that the model is used now. */
  async use(): Promise<void> {
    const model: Model = { name: this.name, used: Date.now() };
    await ask("models", "readwrite", (models) => models.put(model, this.key));
  }

  /** What was kept under a name; undefined where nothing was. Of a file it is its record. */
  value<T>(name: string): Promise<T | undefined> {
    return ask("values", "readonly", (values) => values.get([this.key, name]));
  }

  async keep(name: string, value: unknown): Promise<void> {
    await ask("values", "readwrite", (values) => values.put(value, [this.key, name]));
  }

  /** Forgets what is known of a file, and of a part of it: it is asked for anew. */
  async forget(path: string): Promise<void> {
    for (const name of [path, partOf(path)]) await ask("values", "readwrite", (values) => values.delete([this.key, name]));
  }

  /** A kept file's bytes. */
  async blob(path: string): Promise<Blob> {
    return (await this.folder.getFileHandle(fileName(path))).getFile();
  }

  /** A file to be written, as far as it is there. Nobody else has it at the same time. */
  async open(path: string): Promise<SyncHandle> {
    await ask("values", "readwrite", (values) => values.delete([this.key, path]));
    const file: SyncFile = await this.folder.getFileHandle(fileName(path), { create: true });
    if (!file.createSyncAccessHandle) throw new Error("files are kept by workers only");
    const opening = file.createSyncAccessHandle();
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE));
    const handle = await Promise.race([opening, late]);
    if (handle) return handle;
    opening.then((handle) => handle.close(), () => {});
    throw new Error(`\`${path}\` does not open`);
  }
}

/** The models that are kept, the last used first. */
export async function cachedModels(): Promise<KeptModel[]> {
  const kept: KeptModel[] = [];
  for (const { folder, name, used } of await models()) {
    let bytes = 0;
    try {
      for await (const [, handle] of (folder as Entries).entries()) bytes += (await (handle as FileSystemFileHandle).getFile()).size;
    } catch {
      continue; // another page removed it meanwhile
    }
    if (bytes > 0) kept.push({ name, used, bytes });
  }
  return kept.sort((left, right) => right.used - left.used);
}

/**
 * Removes the model that came from `name`, or every model; false where one is being downloaded by some page, and stays. What lies in a
 * loaded model's memory stays there; a word table that is read from its files does not.
 */
export async function clearCache(name?: string): Promise<boolean> {
  let all = true;
  for (const model of await models()) if (name === undefined || model.name === name) all = (await remove(model.key)) && all;
  return all;
}

/** Removes the model that was not used for longest, but not `name` and none that is being downloaded; false where there is no other. */
export async function evict(name: string): Promise<boolean> {
  const own = await keyOf(name);
  const others = (await models()).filter(({ key }) => key !== own).sort((left, right) => left.used - right.used);
  for (const { key } of others) if (await remove(key)) return true;
  return false;
}

/** Removes a model's files, then what is known of them; false where a page is at it. */
async function remove(key: string): Promise<boolean> {
  try {
    await (await top(false))?.removeEntry(key, { recursive: true });
  } catch (error) {
    if ((error as DOMException).name !== "NotFoundError") return false;
  }
  await ask("values", "readwrite", (values) => values.delete(valuesOf(key)));
  await ask("models", "readwrite", (models) => models.delete(key));
  return true;
}

async function models(): Promise<(Model & { key: string; folder: FileSystemDirectoryHandle })[]> {
  const found = [];
  const folder = (await top(false)) as Entries | undefined;
  if (!folder) return [];
  for await (const [key, handle] of folder.entries()) {
    const model = await ask<Model>("models", "readonly", (models) => models.get(key));
    found.push({ ...(model ?? { name: key, used: 0 }), key, folder: handle as FileSystemDirectoryHandle });
  }
  return found;
}

/** The package's own folder. A browser may have no storage, or refuse it to this page. */
async function top(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(TOP, { create });
  } catch {
    return undefined;
  }
}

/** A name without `/`, of one length whatever `name` is. */
async function keyOf(name: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const fileName = encodeURIComponent;

/** The name under which it is kept what an unfinished file is a part of. */
export const partOf = (path: string) => `part of ${path}`;
