// The search: texts in, results as one types.

import { Stopped } from "wembed";

import type { Library } from "./library.js";
import { element, fill } from "./page.js";
import { EXAMPLES, SAMPLE } from "./sample.js";
import { type Session, say } from "./session.js";

/** Milliseconds without a key until what was typed is taken. */
const PAUSE = 80;
const SHOWN = 8;

export class Search {
  readonly #query = element<HTMLInputElement>("query");
  readonly #texts = element<HTMLTextAreaElement>("texts");
  /** The query's vector, while there is one. */
  vector?: Float32Array;
  #turn = Promise.resolve();

  constructor(
    private readonly session: Session,
    private readonly library: Library,
  ) {
    this.#query.addEventListener("input", debounced(() => this.search()));
    this.#texts.addEventListener("input", debounced(() => this.takeTexts()));
    element("sample").addEventListener("click", () => this.write(SAMPLE.join("\n")));
    const files = element<HTMLInputElement>("files");
    files.addEventListener("change", () => this.read(files.files));
    for (const name of ["dragover", "drop"]) {
      this.#texts.addEventListener(name, (event) => {
        const { files } = (event as DragEvent).dataTransfer ?? {};
        if (!files || (name === "drop" && files.length === 0)) return;
        event.preventDefault();
        if (name === "drop") this.read(files);
      });
    }
    fill(element("examples"), "button", EXAMPLES, (button, example) => {
      button.textContent = example;
      button.setAttribute("type", "button");
      button.addEventListener("click", () => {
        this.#query.value = example;
        void this.search();
      });
    });
    this.#texts.value = SAMPLE.join("\n");
    this.#query.value = EXAMPLES[0]!;
  }

  async read(files: FileList | null): Promise<void> {
    const texts = await Promise.all([...(files ?? [])].map((file) => file.text()));
    if (texts.length > 0) await this.write(texts.join("\n"));
  }

  private write(texts: string): Promise<void> {
    this.#texts.value = texts;
    return this.takeTexts();
  }

  /** Embeds the texts, then searches them. */
  takeTexts(): Promise<void> {
    return this.#after(async () => {
      await this.library.take(this.#texts.value);
      const { length } = this.library.texts;
      element("count").textContent = length === 1 ? "1 text" : `${length} texts`;
      await this.#search();
    });
  }

  search(): Promise<void> {
    return this.#after(() => this.#search());
  }

  async #search(): Promise<void> {
    const query = this.#query.value.trim();
    const { texts, dims } = this.library;
    this.vector = undefined;
    if (!query || texts.length === 0) return element("results").replaceChildren();
    const { data } = await this.session.embed([query]);
    this.vector = data;
    const scores = await this.session.model!.similarity({ data, dims }, this.library.all);
    const best = texts.map((text, index) => ({ text, score: scores[index]! })).sort((left, right) => right.score - left.score);
    fill(element("results"), "li", best.slice(0, SHOWN), (row, { text, score }) => {
      row.style.setProperty("--share", `${Math.round(100 * Math.max(0, score))}%`);
      const [number, words] = [document.createElement("b"), document.createElement("span")];
      number.textContent = score.toFixed(2);
      words.textContent = text;
      row.append(number, words);
    });
  }

  /** One after the other; where no model is there yet, what is asked for is done when it is. */
  #after(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      try {
        if (this.session.model) await work();
      } catch (error) {
        // Another model has taken this one's place, and then everything is embedded anew.
        if (!(error instanceof Stopped)) say(`That could not be searched: ${error instanceof Error ? error.message : error}`);
      }
    });
    return this.#turn;
  }
}

function debounced(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, PAUSE);
  };
}
