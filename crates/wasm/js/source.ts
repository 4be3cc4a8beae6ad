// What the caller named as a model, as a place.

import { BUILT_IN, builtIn } from "./builtin.js";
import { ArgumentInvalid } from "./errors.js";
import type { Place } from "./files/place.js";
import type { Source } from "./types.js";

const HUB = "https://huggingface.co";

/** `org/name`, of letters that hubs allow, and a revision. */
const ID = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/;

export async function placeOf(source: Source, hub: string | URL = HUB): Promise<Place> {
  if (typeof source === "string") return named(source, String(hub));
  if (source === null || typeof source !== "object") throw refused(String(source));
  if (source instanceof URL) return folder(source.href);
  if (isDirectory(source)) return blobs(await walk(source));
  if (isIterable(source)) {
    const entries = [...(source as Iterable<File | [string, Blob]>)];
    return blobs(new Map(entries.map((entry) => (Array.isArray(entry) ? entry : [inFolder(entry), entry]))));
  }
  return blobs(new Map(Object.entries(source)));
}

function named(source: string, hub: string): Place {
  if (source === BUILT_IN) return builtIn();
  if (/^([a-z][a-z0-9+.-]*:|\.{0,2}\/)/i.test(source)) {
    const base = globalThis.location?.href;
    if (!URL.canParse(source, base)) throw refused(`\`${source}\``);
    return folder(new URL(source, base).href);
  }
  const [, id, revision = "main"] = ID.exec(source) ?? [];
  if (id === undefined || id.includes("..")) throw refused(`\`${source}\``);
  return { kind: "hub", id, revision, hub: hub.replace(/\/+$/, "") };
}

function folder(url: string): Place {
  if (/[?#]/.test(url)) throw new ArgumentInvalid(`source: expected a folder's URL without \`?\` and \`#\`, found \`${url}\``);
  return { kind: "folder", name: url, url };
}

function blobs(files: Map<string, Blob>): Place {
  for (const [path, file] of files) {
    if (!(file instanceof Blob)) throw new ArgumentInvalid(`source: \`${path}\`: expected a File or a Blob, found ${typeof file}`);
  }
  if (!files.has("config.json") && !files.has("modules.json")) {
    const found = files.size === 0 ? "no file" : [...files.keys()].slice(0, 5).map((path) => `\`${path}\``).join(", ");
    throw new ArgumentInvalid(`source: expected a model's files, \`config.json\` among them, found ${found}`);
  }
  return { kind: "blobs", files };
}

/** A file's path in the folder that was chosen, whose own name does not matter. */
function inFolder(file: File): string {
  if (!(file instanceof Blob)) throw new ArgumentInvalid(`source: expected Files, found ${typeof file}`);
  const path = file.webkitRelativePath;
  return path ? path.slice(path.indexOf("/") + 1) : file.name;
}

async function walk(directory: FileSystemDirectoryHandle, path = ""): Promise<Map<string, Blob>> {
  const files = new Map<string, Blob>();
  const entries = (directory as FileSystemDirectoryHandle & AsyncIterable<[string, FileSystemHandle]>);
  for await (const [name, handle] of entries) {
    if (handle.kind === "file") files.set(path + name, await (handle as FileSystemFileHandle).getFile());
    else for (const [inside, file] of await walk(handle as FileSystemDirectoryHandle, `${path}${name}/`)) files.set(inside, file);
  }
  return files;
}

const isDirectory = (source: object): source is FileSystemDirectoryHandle =>
  typeof FileSystemDirectoryHandle !== "undefined" && source instanceof FileSystemDirectoryHandle;
const isIterable = (source: object) => Symbol.iterator in source;

const refused = (found: string) =>
  new ArgumentInvalid(
    `source: expected "${BUILT_IN}", a hub's "org/name", a URL (a folder beside the page begins with "./"), or a model's files, found ${found}`,
  );
