// Starts the Workers that are the module's threads. Call it in a Worker, before anything there blocks.

import { ofAnotherOrigin } from "./origin.js";

/** `count` Workers on this module and memory, each waiting for work; `line` is called with a line to each. */
export async function startThreads(
  count: number,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  line: (port: MessagePort) => void,
): Promise<void> {
  const start = () => {
    const script = ofAnotherOrigin(new URL("./thread.js", import.meta.url));
    // As bundlers find it.
    const worker = script ? new Worker(script, { type: "module" }) : new Worker(new URL("./thread.js", import.meta.url), { type: "module", name: "wembed thread" });
    const ready = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => {
        event.preventDefault(); // it is said by the promise
        reject(new Error(`a thread did not start: ${event.message || "its script did not load"}`));
      };
    });
    // Whoever waits for a thread in wasm hears nothing meanwhile; the page does.
    const { port1, port2 } = new MessageChannel();
    line(port1);
    worker.postMessage({ module, memory, line: port2 }, [port2]);
    return { worker, ready };
  };
  const threads = Array.from({ length: count }, start);
  try {
    await Promise.all(threads.map(({ ready }) => ready));
  } catch (error) {
    for (const { worker } of threads) worker.terminate();
    throw error;
  }
}
