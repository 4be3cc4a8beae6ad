// Where a model is, as a worker can be told.

import type { ModelFiles } from "./files.js";

/** What is known of a file before it comes. */
export interface Known {
  url: string;
  size?: number;
  /** SHA-256 in hex. */
  sha256?: string;
  /** Git's name of its bytes, SHA-1 in hex: of files that a hub keeps in a repository itself. */
  git?: string;
}

/** A text and the vector that a model must give of it. */
export interface Stored {
  text: string;
  vector: number[];
}

export type Place =
  /** Files below a URL: which ones there are is found out. */
  | { kind: "folder"; name: string; url: string }
  /** These files and no others. */
  | { kind: "listed"; name: string; files: Record<string, Known>; stored?: Stored }
  /** A repository on a hub, to be listed. */
  | { kind: "hub"; id: string; revision: string; hub: string }
  | { kind: "blobs"; files: ReadonlyMap<string, Blob> }
  /** Files that are read on the caller's own thread, as Node reads a disk's. */
  | { kind: "open"; files: ModelFiles; stored?: Stored };

/** A place whose files come from a server. */
export type Remote = Extract<Place, { kind: "folder" | "listed" }>;

/** What is known of a path; undefined where it is known that there is no such file. */
export function known(place: Remote, path: string): Known | undefined {
  if (place.kind === "listed") return Object.hasOwn(place.files, path) ? place.files[path] : undefined;
  // A path comes from the model's files, which may have come from anywhere.
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return undefined;
  return { url: `${place.url.replace(/\/+$/, "")}/${parts.map(encodeURIComponent).join("/")}` };
}
