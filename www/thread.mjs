// One thread: an instance of the module on the owner's memory, with a stack of its own.

const STACK_BYTES = 1 << 20;

addEventListener(
  "message",
  async ({ data: { glue, module, memory, line } }) => {
    let thread;
    try {
      thread = await import(glue);
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
      thread.runThread(); // blocks for as long as the pool lives
      close();
    } catch (error) {
      line.postMessage(`a thread stopped: ${error.message}`);
    }
  },
  { once: true },
);
