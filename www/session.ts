// The model that the page works with, one at a time.

import { Embedder, type Info, type LoadOptions, type Source, WembedError } from "wembed";

import { bytes, element } from "./page.js";

/** What the visitor chose. */
export interface Choice {
  /** As the page names it. */
  name: string;
  source: Source;
  device: NonNullable<LoadOptions["device"]>;
}

export class Session {
  model?: Embedder;
  info?: Info;
  choice: Choice = { name: "wembed-mini", source: "wembed-mini", device: "auto" };
  /** Tokens a second, when something was last embedded. */
  rate?: number;
  #loading?: AbortController;

  constructor(private readonly loaded: () => Promise<void>) {}

  /** Loads another model. The one before stays until this one is there. */
  async load(choice: Choice): Promise<void> {
    this.#loading?.abort();
    const { signal } = (this.#loading = new AbortController());
    const start = performance.now();
    const progress = element<HTMLProgressElement>("progress");
    progress.hidden = false;
    try {
      const model = await Embedder.load(choice.source, {
        device: choice.device,
        signal,
        assets: { worker },
        onProgress: ({ loaded, total, source }) => {
          progress.value = total > 0 ? loaded / total : 0;
          const from = { network: "fetched", cache: "from this browser's storage", memory: "read" }[source ?? "network"];
          say(`Loading ${choice.name}: ${bytes(loaded)} of ${bytes(total)} ${from}`);
        },
      });
      const before = this.model;
      [this.model, this.choice, this.info] = [model, choice, await model.info()];
      await before?.dispose();
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      say(`${choice.name} on ${engine(this.info)}, ready in ${seconds} s`);
      progress.hidden = true;
    } catch (error) {
      if (signal.aborted) return;
      progress.hidden = true;
      const kept = this.model ? ` ${this.choice.name} stays.` : "";
      say(`${choice.name} could not be loaded: ${error instanceof WembedError ? error.message : String(error)}.${kept}`);
      element<HTMLSelectElement>("device").value = this.choice.device;
      return;
    }
    await this.loaded();
  }

  /** Vectors of texts, one after the other; the status says how far it is. */
  async embed(texts: string[]): Promise<{ data: Float32Array; dims: number; errors: (Error | null)[] }> {
    const start = performance.now();
    const onProgress = ({ done, total }: { done: number; total: number }) => done < total && say(`Embedding: ${done} of ${total} texts`);
    const found = await this.model!.embed(texts, { normalize: true, onProgress });
    const tokens = found.tokens.reduce((sum, count) => sum + count, 0);
    if (texts.length > 1) {
      const seconds = (performance.now() - start) / 1000;
      this.rate = tokens / seconds;
      say(`${this.choice.name} on ${engine(this.info!)}: ${texts.length} texts in ${seconds.toFixed(2)} s`);
    }
    return found;
  }
}

/** A worker that is made here, not fetched: then the page's security policy is its policy, too. */
function worker(): Worker {
  const script = `import ${JSON.stringify(new URL("wembed/worker.js", document.baseURI).href)};`;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return new Worker(url, { type: "module" });
}

/** What computes, in few words. */
export function engine({ device }: Info): string {
  if (device.engine === "gpu") return `WebGPU${device.name ? ` (${device.name})` : ""}`;
  return `the processor (${device.threads === 1 ? "one thread" : `${device.threads} threads`})`;
}

export const say = (message: string) => (element("status").textContent = message);
