// The package's worker on a device that calls itself hardware, computes every operation rightly, and a whole vector of 256 values not.

import "/wembed/worker.js";

Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });

const { getMappedRange } = GPUBuffer.prototype;
GPUBuffer.prototype.getMappedRange = function (...range) {
  const bytes = getMappedRange.apply(this, range);
  if (bytes.byteLength === 1024) new Float32Array(bytes)[7] += 0.1;
  return bytes;
};
