// The package's worker where threads go wrong, as its own address says:
//
//   ?memory   the browser refuses shared memory, as iOS refuses much of it
//   ?load     what a thread runs is not there
//   ?run      a thread stops when it is to work, and this worker waits for it

import "/wembed/worker.js";

const way = new URL(import.meta.url).search;

WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor) {
    if (way === "?memory" && descriptor.shared) throw new RangeError("there is no shared memory");
    super(descriptor);
  }
};

const scripts = { "?load": "/test/nothing.mjs", "?run": "/stopping/thread.js" };
globalThis.Worker = class extends Worker {
  constructor(script, options) {
    super(scripts[way] ?? script, options);
    const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (way === "?run") this.addEventListener("message", wait); // once the thread is ready
  }
};
