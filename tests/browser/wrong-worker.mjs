// The package's worker on a device that calls itself hardware, and whose driver has a mistake: its GELU is off in the third digit.

import "/wembed/worker.js";

Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });

const { createShaderModule } = GPUDevice.prototype;
GPUDevice.prototype.createShaderModule = function (descriptor) {
  return createShaderModule.call(this, { ...descriptor, code: descriptor.code.replace("0.7071067811865476", "0.708") });
};
