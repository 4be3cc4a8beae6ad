// Starts the Workers that are the package's threads. Call it in a Worker, before anything there blocks.

/** `count` Workers on this module and memory, each waiting for work, and each with a line to the page. */
export async function startThreads(count, { glue, module, memory }) {
  const start = (_, index) => {
    const worker = new Worker(new URL("./thread.mjs", import.meta.url), { type: "module", name: `wembed ${index + 1}` });
    const ready = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => {
        event.preventDefault(); // it is said by the promise
        reject(new Error(`a thread did not start: ${event.message || "its script did not load"}`));
      };
    });
    // Whoever waits for a thread in wasm hears nothing meanwhile; the page does.
    const { port1: page, port2: line } = new MessageChannel();
    postMessage({ line: page }, [page]);
    worker.postMessage({ glue, module, memory, line }, [line]);
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
