// A host in a worker of its own, seen from the caller: each call is a message there and a promise here.

import { Aborted, ArgumentInvalid, type PlainError, Stopped, typed } from "./errors.js";
import { Host, type Means } from "./host.js";
import { ofAnotherOrigin } from "./origin.js";

/** What is called on a host. */
export type Name = "load" | "embed" | "tokenize" | "similarity" | "info";

/** What the caller says. */
export type Request = { id: number; name: Name; args: unknown[] } | { abort: number } | { close: true };

/** What the worker says. */
export type Reply = { id: number } & ({ value: unknown } | { error: PlainError } | { progress: unknown }) | { line: MessagePort };

/** What goes with a call. */
export interface Wishes {
  signal?: AbortSignal | undefined;
  progress?: ((progress: never) => void) | undefined;
}

export interface Connection {
  call<T>(name: Name, args: unknown[], wishes?: Wishes): Promise<T>;
  close(): void;
}

/** Milliseconds that a worker has to end by itself. */
const PATIENCE = 500;

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
  progress?: ((progress: never) => void) | undefined;
}

export class WorkerConnection implements Connection {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  /** Why nothing is answered any more. */
  #fault?: string;

  constructor(script: string | URL | (() => Worker) = ownWorker) {
    this.#worker = typeof script === "function" ? script() : new Worker(script, { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#answer(data);
    // The worker's script did not load, or a bug stopped it: nothing that was asked will be answered.
    this.#worker.onerror = (event) => this.#fail(event.message || "the worker did not start");
    this.#worker.onmessageerror = () => this.#fail("a message could not be read");
  }

  call<T>(name: Name, args: unknown[], { signal, progress }: Wishes = {}): Promise<T> {
    if (this.#fault !== undefined) return Promise.reject(new Stopped(this.#fault));
    if (signal?.aborted) return Promise.reject(new Aborted(signal.reason));
    const id = this.#calls++;
    const stop = () => {
      // Said at once; what the worker does about it takes its time.
      this.#worker.postMessage({ abort: id } satisfies Request);
      this.#waiting.get(id)?.reject(new Aborted(signal?.reason));
      this.#waiting.delete(id);
    };
    signal?.addEventListener("abort", stop, { once: true });
    return new Promise<T>((resolve, reject) => {
      this.#worker.postMessage({ id, name, args } satisfies Request);
      this.#waiting.set(id, { resolve, reject, progress });
    })
      .catch((error: unknown) => {
        throw error instanceof DOMException ? new ArgumentInvalid(`what cannot be posted to a worker cannot be taken: ${error.message}`) : error;
      })
      .finally(() => signal?.removeEventListener("abort", stop));
  }

  /** The worker gives up what it reads and ends; one that is busy is ended a little later. */
  close(): void {
    if (this.#fault !== undefined) return;
    this.#refuse("the model was disposed");
    this.#worker.postMessage({ close: true } satisfies Request);
    setTimeout(() => this.#worker.terminate(), PATIENCE);
  }

  #answer(reply: Reply): void {
    // A thread that stops says so itself: the worker may be waiting for it, and would do so for ever.
    if ("line" in reply) return void (reply.line.onmessage = ({ data }) => this.#fail(data));
    const call = this.#waiting.get(reply.id);
    if ("progress" in reply) return void call?.progress?.(reply.progress as never);
    this.#waiting.delete(reply.id);
    if ("error" in reply) call?.reject(typed(reply.error));
    else call?.resolve(reply.value as never);
  }

  #fail(message: string): void {
    this.#refuse(message);
    this.#worker.terminate();
  }

  /** Nothing that was asked for is answered, nor anything that will be. */
  #refuse(message: string): void {
    this.#fault ??= message;
    for (const { reject } of this.#waiting.values()) reject(new Stopped(this.#fault));
    this.#waiting.clear();
  }
}

/** The host on the caller's own thread. */
export class DirectConnection implements Connection {
  readonly #host = new Host({ canWait: false, line: () => {} });
  #isOpen = true;

  async call<T>(name: Name, args: unknown[], { signal, progress }: Wishes = {}): Promise<T> {
    if (!this.#isOpen) throw new Stopped("the model was disposed");
    const means: Means<never> = { signal: signal ?? new AbortController().signal, progress: progress ?? (() => {}) };
    try {
      return (await answer(this.#host, name, args, means)) as T;
    } catch (error) {
      throw typed(error);
    }
  }

  close(): void {
    this.#isOpen = false;
    void this.#host.dispose();
  }
}

/** A call by its name. */
export function answer(host: Host, name: Name, args: unknown[], means: Means<never>): Promise<unknown> {
  const method = host[name] as (...args: unknown[]) => Promise<unknown>;
  return method.call(host, ...args, means);
}

/** The package's own worker. */
function ownWorker(): Worker {
  const script = ofAnotherOrigin(new URL("./worker.js", import.meta.url));
  // As bundlers find it.
  return script ? new Worker(script, { type: "module" }) : new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
}
