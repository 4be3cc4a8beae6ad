// The browser's own storage (the origin-private file system): a folder a model, and in it for each file its bytes and, once these are
// all there and right, a record that says so.

/** What is known of a file that was kept whole; `null` where the server had no such file. */
export type Kept = { size: number; sha256: string; git?: string } | null;

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
type Listed = FileSystemDirectoryHandle & { entries(): AsyncIterable<[string, FileSystemHandle]> };

const TOP = "wembed";
const RECORD = ".json";
const DATA = ".data";
/** The record of the folder itself. */
const MODEL = "model";

/** Whether files can be kept here: in a worker of a browser, on a page that was served securely and not privately. */
export async function canKeep(): Promise<boolean> {
  if (typeof FileSystemFileHandle === "undefined" || !("createSyncAccessHandle" in FileSystemFileHandle.prototype)) return false;
  return (await top(true)) !== undefined;
}

/** One model's files. */
export class Folder {
  private constructor(
    private readonly name: string,
    private readonly folder: FileSystemDirectoryHandle,
  ) {}

  static async open(name: string): Promise<Folder> {
    const folder = await (await top(true))?.getDirectoryHandle(await folderName(name), { create: true });
    if (!folder) throw new Error("there is no storage");
    return new Folder(name, folder);
  }

  /** Says that the model is used now. */
  async use(): Promise<void> {
    await this.keepJson(MODEL, { name: this.name, used: Date.now() });
  }

  /** What is known of a file; undefined where it is not kept, or not whole. */
  async record(path: string): Promise<Kept | undefined> {
    return this.json(fileName(path));
  }

  async keep(path: string, record: Kept): Promise<void> {
    await this.keepJson(fileName(path), record);
  }

  /** A kept file's bytes. */
  async blob(path: string): Promise<Blob> {
    return (await this.folder.getFileHandle(fileName(path) + DATA)).getFile();
  }

  /** A file to be written, as far as it is there. Nobody else has it at the same time. */
  async open(path: string): Promise<SyncHandle> {
    await this.folder.removeEntry(fileName(path) + RECORD).catch(() => {}); // there is none, mostly
    return sync(await this.folder.getFileHandle(fileName(path) + DATA, { create: true }));
  }

  /** What was kept under a name; undefined where nothing was. */
  json<T>(name: string): Promise<T | undefined> {
    return json(this.folder, name + RECORD);
  }

  /** Keeps a value. Where that fails, for want of room or because another page is at it, it is as if nobody had tried. */
  async keepJson(name: string, value: unknown): Promise<void> {
    let handle: SyncHandle | undefined;
    try {
      handle = await sync(await this.folder.getFileHandle(name + RECORD, { create: true }));
      handle.truncate(0);
      handle.write(new TextEncoder().encode(JSON.stringify(value)), { at: 0 });
      handle.flush();
    } catch {
      handle?.truncate(0); // no half of one
    } finally {
      handle?.close();
    }
  }
}

/** The models that are kept, the last used first. */
export async function cachedModels(): Promise<KeptModel[]> {
  const kept: KeptModel[] = [];
  for await (const { folder, record } of models()) {
    let bytes = 0;
    for await (const [, handle] of (folder as Listed).entries()) {
      if (handle.kind === "file") bytes += (await (handle as FileSystemFileHandle).getFile()).size;
    }
    kept.push({ ...record, bytes });
  }
  return kept.sort((left, right) => right.used - left.used);
}

/** Removes the model that came from `name`, or every model. Models that are loaded stay loaded. */
export async function clearCache(name?: string): Promise<void> {
  const folder = await top(false);
  for await (const { entry, record } of models()) {
    if (name === undefined || record.name === name) await folder?.removeEntry(entry, { recursive: true });
  }
}

/** Removes the model that was not used for longest, but not `name` and none that is being downloaded; false where there is no other. */
export async function evict(name: string): Promise<boolean> {
  const [folder, own] = [await top(false), await folderName(name)];
  const others: { entry: string; used: number }[] = [];
  for await (const { entry, record } of models()) if (entry !== own) others.push({ entry, used: record.used });
  for (const { entry } of others.sort((left, right) => left.used - right.used)) {
    const removed = await folder?.removeEntry(entry, { recursive: true }).then(
      () => true,
      () => false, // a page is at it
    );
    if (removed) return true;
  }
  return false;
}

async function* models(): AsyncGenerator<{ entry: string; folder: FileSystemDirectoryHandle; record: { name: string; used: number } }> {
  const folder = (await top(false)) as Listed | undefined;
  if (!folder) return;
  const found: [string, FileSystemHandle][] = [];
  for await (const entry of folder.entries()) found.push(entry);
  for (const [entry, handle] of found) {
    if (handle.kind !== "directory") continue;
    const directory = handle as FileSystemDirectoryHandle;
    const record = await json<{ name: string; used: number }>(directory, MODEL + RECORD);
    yield { entry, folder: directory, record: record ?? { name: entry, used: 0 } };
  }
}

/** The package's own folder. A browser may have no storage, or refuse it to this page. */
async function top(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(TOP, { create });
  } catch {
    return undefined;
  }
}

/** A record; undefined where it is not there, or was not written to its end. */
async function json<T>(folder: FileSystemDirectoryHandle, name: string): Promise<T | undefined> {
  try {
    return JSON.parse(await (await (await folder.getFileHandle(name)).getFile()).text());
  } catch {
    return undefined;
  }
}

function sync(file: SyncFile): Promise<SyncHandle> {
  if (!file.createSyncAccessHandle) throw new Error("files are kept by workers only");
  return file.createSyncAccessHandle();
}

/** A name without `/`, of one length whatever `name` is. */
async function folderName(name: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(name));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const fileName = encodeURIComponent;
