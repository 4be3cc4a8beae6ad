// A model in a worker of its own, seen from the page: each call is a message there and a promise here.

export class Model {
  #worker;
  #waiting = new Map();
  #calls = 0;
  /** Why nothing is answered any more. */
  #fault;

  /** Loads the model whose files lie below `url`, in a worker running `script`. */
  static async load(url, options = {}, script = new URL("./worker.mjs", import.meta.url)) {
    const model = new Model();
    model.#worker = new Worker(script, { type: "module" });
    model.#worker.onmessage = ({ data }) => (data.line ? model.#listen(data.line) : model.#answer(data));
    // The worker's script did not load, or a bug stopped it: nothing that was asked will be answered.
    model.#worker.onerror = (event) => model.#fail(event.message || "the worker did not start");
    try {
      await model.call("load", new URL(url, location.href).href, options);
    } catch (error) {
      model.close();
      throw error;
    }
    return model;
  }

  embed(texts, options) {
    return this.call("embed", texts, options);
  }

  tokenize(text) {
    return this.call("tokenize", text);
  }

  info() {
    return this.call("info");
  }

  close() {
    this.#fail("the model was closed");
  }

  /** Any of the worker's calls. */
  call(name, ...args) {
    if (this.#fault !== undefined) return Promise.reject(new Error(this.#fault));
    return new Promise((resolve, reject) => {
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, args });
    });
  }

  #answer({ id, value, error }) {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  }

  /** Hears of a thread that stopped, from itself: the worker may be waiting for it, and would do so for ever. */
  #listen(line) {
    line.onmessage = ({ data }) => this.#fail(data);
  }

  /** Nothing that was asked for is answered, nor anything that will be. */
  #fail(message) {
    this.#fault ??= message;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}
