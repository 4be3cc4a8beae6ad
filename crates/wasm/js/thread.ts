// One thread: an instance of the module on the owner's memory, with a stack of its own.

import type { Glue } from "./wasm.js";

const STACK_BYTES = 1 << 20;

interface Start {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  line: MessagePort;
}

addEventListener(
  "message",
  async ({ data: { module, memory, line } }: MessageEvent<Start>) => {
    let thread: Glue;
    try {
      thread = (await import("./wasm/threads/wembed_wasm.js" as string)) as Glue;
      await thread.default({ module_or_path: module, memory, thread_stack_size: STACK_BYTES });
    } catch (error) {
      // The owner hears of what is thrown, but not of a promise that is rejected, such as this function's.
      setTimeout(() => {
        throw error;
      });
      return;
    }
    postMessage("ready");
    try {
      thread.runThread?.(); // blocks for as long as the pool lives
      close();
    } catch (error) {
      line.postMessage(`a thread stopped: ${error instanceof Error ? error.message : error}`);
    }
  },
  { once: true },
);
