// Files that are in the browser's hands: chosen, dropped, or kept in its own storage.

import { ModelInvalid, message } from "../errors.js";
import type { Heard, ModelFiles } from "./files.js";

/** Files by their path in the model's folder. */
export class Blobs implements ModelFiles {
  constructor(
    private readonly files: ReadonlyMap<string, Blob>,
    private readonly heard: Heard,
  ) {}

  async size(path: string): Promise<number | undefined> {
    const size = this.files.get(path)?.size;
    if (size !== undefined) this.heard(path, "memory", 0, size);
    return size;
  }

  async read(path: string, start: number, end: number): Promise<Uint8Array> {
    const blob = this.files.get(path);
    if (!blob) throw new ModelInvalid(`\`${path}\` is not among the files`);
    const bytes = await slice(blob, start, end);
    this.heard(path, "memory", bytes.length);
    return bytes;
  }
}

/** A part of a blob. Such a file may have been changed or taken away since it was chosen. */
export async function slice(blob: Blob, start: number, end: number): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (error) {
    throw new ModelInvalid(`a file of it cannot be read any more: ${message(error)}`);
  }
}
