/**
 * The same in Node: on the processor, on the thread that calls, with models from the disk, too.
 *
 * @module
 */

import { open, readFile, readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { STORED } from "./builtin-vector.js";
import { BUILT_IN } from "./builtin.js";
import { Embedder as Anywhere } from "./embedder.js";
import { ArgumentInvalid, ModelInvalid } from "./errors.js";
import type { ModelFiles } from "./files/files.js";
import { forms } from "./forms.js";
import { placeOf } from "./source.js";
import type { LoadOptions, Source } from "./types.js";

export * from "./index.js";

/** As the browser's; `source` may be a path or a `file:` URL of a directory, too, which begins with `./`, `../` or `/`. */
export class Embedder extends Anywhere {
  static override async load(source: Source = BUILT_IN, options: LoadOptions = {}): Promise<Embedder> {
    if (options.thread === "worker") throw new ArgumentInvalid("options: `thread`: expected caller, which is what there is in Node, found worker");
    const [form] = forms(options.form, options.threads, false);
    const wasm = options.assets?.wasm ?? (await readFile(new URL(`./wasm/${form}/wembed_wasm_bg.wasm`, import.meta.url)));
    const directory = directoryOf(source);
    const place = directory === undefined ? await placeOf(source, options.hub) : { kind: "open" as const, files: await Disk.open(directory), ...(source === BUILT_IN ? { stored: STORED } : {}) };
    return this.at(place, { ...options, thread: "caller", form: form!, assets: { wasm } });
  }
}

/** The directory that is named, if one is. */
function directoryOf(source: Source): string | undefined {
  if (source === BUILT_IN) return fileURLToPath(new URL("./model/", import.meta.url));
  if (source instanceof URL) return source.protocol === "file:" ? fileURLToPath(source) : undefined;
  if (typeof source !== "string") return undefined;
  if (source.startsWith("file:")) return fileURLToPath(source);
  return /^\.{0,2}[/\\]|^[a-z]:[/\\]/i.test(source) ? source : undefined;
}

/** A directory's files. */
class Disk implements ModelFiles {
  private constructor(private readonly sizes: ReadonlyMap<string, { path: string; size: number }>) {}

  static async open(directory: string): Promise<Disk> {
    const sizes = new Map<string, { path: string; size: number }>();
    const entries = await readdir(directory, { recursive: true }).catch((error: Error) => {
      throw new ModelInvalid(`\`${directory}\` is no directory that can be read: ${error.message}`);
    });
    for (const entry of entries) {
      const path = join(directory, entry);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) sizes.set(relative(directory, path).split(sep).join("/"), { path, size: found.size });
    }
    return new Disk(sizes);
  }

  async size(path: string): Promise<number | undefined> {
    return this.sizes.get(path)?.size;
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const file = this.sizes.get(path);
    if (!file) throw new ModelInvalid(`\`${path}\` is not there`);
    const handle = await open(file.path);
    try {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await handle.read(bytes, 0, end - start, start);
      if (bytesRead !== end - start) throw new ModelInvalid(`\`${file.path}\`: expected ${end - start} bytes from ${start}, found ${bytesRead}`);
      return bytes;
    } finally {
      await handle.close();
    }
  }
}
