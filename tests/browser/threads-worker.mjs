// The page's worker where threads go wrong, as its own address says:
//
//   ?memory   the browser refuses shared memory, as iOS refuses much of it
//   ?load     what a thread loads is not there
//   ?run      a thread stops when it is to work, and this worker waits for it

import "/worker.mjs";

const way = new URL(import.meta.url).search;

WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor) {
    if (way === "?memory" && descriptor.shared) throw new RangeError("there is no shared memory");
    super(descriptor);
  }
};

const stopping = "export default () => {}; export const runThread = () => { throw new Error('it came to a bad end'); };";
const glues = { "?load": new URL("nothing.mjs", import.meta.url).href, "?run": `data:text/javascript,${stopping}` };

const { postMessage } = Worker.prototype;
Worker.prototype.postMessage = function ({ glue, ...rest }, transfer) {
  const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (way === "?run") this.addEventListener("message", wait); // once the thread is ready
  return postMessage.call(this, { ...rest, glue: glues[way] ?? glue }, transfer);
};
