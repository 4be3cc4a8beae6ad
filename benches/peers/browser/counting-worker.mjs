// The package's worker, counting what it asks of the GPU.

import "/wembed/worker.js";

const none = { dispatches: 0, submits: 0, up: 0, down: 0 };
let counted = { ...none };

function count(prototype, method, add) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    add(args);
    return original.apply(this, args);
  };
}
count(GPUComputePassEncoder.prototype, "dispatchWorkgroups", () => (counted.dispatches += 1));
count(GPUQueue.prototype, "submit", () => (counted.submits += 1));
count(GPUQueue.prototype, "writeBuffer", ([, , data, , size]) => (counted.up += size ?? data.byteLength));
const { getMappedRange } = GPUBuffer.prototype;
GPUBuffer.prototype.getMappedRange = function (...args) {
  const range = getMappedRange.apply(this, args);
  counted.down += range.byteLength;
  return range;
};

const channel = new BroadcastChannel("counts");
channel.onmessage = () => {
  channel.postMessage(counted);
  counted = { ...none };
};
