/**
 * The same in one file, for where there is nothing beside a script: Electron, Obsidian, a page opened from a disk. Its module is the one
 * with plain SIMD, and runs everywhere; `source` has to be said, for the model of the package is not in it.
 *
 * @module
 */

import worker from "inline:worker";
import wasm from "inline:wasm";

import { Embedder as Anywhere } from "./embedder.js";
import { ArgumentInvalid } from "./errors.js";
import { placeOf } from "./source.js";
import type { LoadOptions, Source } from "./types.js";

export * from "./index.js";

/** As the package's own. */
export class Embedder extends Anywhere {
  static override async load(source?: Source, options: LoadOptions = {}): Promise<Embedder> {
    if (source === undefined) throw new ArgumentInvalid("source: expected a model, found nothing: wembed/inline has none in it");
    const place = await placeOf(source, options.hub);
    return this.at(place, { form: "simd", ...options, assets: { worker: start, wasm, ...options.assets } });
  }
}

/** A worker that is no module: a page from a disk may not load one. */
function start(): Worker {
  script ??= URL.createObjectURL(new Blob([worker], { type: "text/javascript" }));
  return new Worker(script);
}

let script: string | undefined;
