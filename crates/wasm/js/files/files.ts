// A model's files, wherever they are: what crates/wasm/src/files.rs reads through.

export interface ModelFiles {
  /** The file's size in bytes; undefined where there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** The file's bytes from `start` up to `end`. */
  read(path: string, start: number, end: number): Promise<Uint8Array>;
}

/** Hears of bytes: which file's, where from, how many came and, once it is known, how many the file has. */
export type Heard = (file: string, source: "network" | "cache" | "memory", bytes: number, size?: number) => void;
