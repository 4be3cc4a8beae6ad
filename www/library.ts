// The visitor's texts and their vectors: a text is embedded once, whatever is typed around it.

import type { Session } from "./session.js";

export class Library {
  texts: string[] = [];
  dims = 0;
  #vectors = new Map<string, Float32Array>();

  constructor(private readonly session: Session) {}

  /** Another model's vectors are others. */
  forget(): void {
    this.#vectors.clear();
  }

  /** Takes the lines of `written`, and embeds what is new. */
  async take(written: string): Promise<void> {
    const texts = [...new Set(written.split("\n").map((line) => line.trim()).filter(Boolean))];
    const fresh = texts.filter((text) => !this.#vectors.has(text));
    if (fresh.length > 0) {
      const { data, dims, errors } = await this.session.embed(fresh);
      this.dims = dims;
      for (const [index, text] of fresh.entries()) if (!errors[index]) this.#vectors.set(text, data.slice(index * dims, (index + 1) * dims));
    }
    const known = new Set(texts);
    for (const text of this.#vectors.keys()) if (!known.has(text)) this.#vectors.delete(text);
    this.texts = texts.filter((text) => this.#vectors.has(text));
  }

  vector(text: string): Float32Array {
    return this.#vectors.get(text)!;
  }

  /** All vectors, in the texts' order. */
  get all(): { data: Float32Array; dims: number } {
    const data = new Float32Array(this.texts.length * this.dims);
    for (const [index, text] of this.texts.entries()) data.set(this.vector(text), index * this.dims);
    return { data, dims: this.dims };
  }
}
