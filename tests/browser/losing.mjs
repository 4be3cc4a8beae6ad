// Hears of a plan, and from then on destroys the device in the middle of work.

let device;
/** @type {{ method: "submit" | "mapAsync", after: number, times: number } | undefined} */
let plan;

const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  device = await requestDevice.call(this, descriptor);
  return device;
};

for (const [prototype, method] of [[GPUQueue.prototype, "submit"], [GPUBuffer.prototype, "mapAsync"]]) {
  const original = prototype[method];
  prototype[method] = function (...args) {
    const result = original.apply(this, args);
    if (plan?.method === method && --plan.after === 0) {
      if (--plan.times === 0) plan = undefined;
      else plan.after = 1;
      device.destroy();
    }
    return result;
  };
}

const channel = new BroadcastChannel("lose");
channel.onmessage = ({ data }) => {
  plan = data;
  channel.postMessage("heard");
};
