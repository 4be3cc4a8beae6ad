// Starts the Workers that are the package's threads. Call it in a Worker, before anything there blocks.

/** `count` Workers on this module and memory, each waiting for work. */
export async function startThreads(count, glue, module, memory) {
  const start = (_, index) => {
    const worker = new Worker(new URL("./thread.mjs", import.meta.url), { type: "module", name: `wembed ${index + 1}` });
    const ready = new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => reject(new Error(event.message || "a thread did not start"));
    });
    worker.postMessage({ glue, module, memory });
    return { worker, ready };
  };
  const threads = Array.from({ length: count }, start);
  try {
    await Promise.all(threads.map(({ ready }) => ready));
  } catch (error) {
    for (const { worker } of threads) worker.terminate();
    throw error;
  }
  return threads.map(({ worker }) => worker);
}
