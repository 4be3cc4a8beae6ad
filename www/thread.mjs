// One thread: an instance of the module on the owner's memory, with a stack of its own.

const STACK_BYTES = 1 << 20;

addEventListener(
  "message",
  async ({ data: { glue, module, memory } }) => {
    const { default: init, runThread } = await import(glue);
    await init({ module_or_path: module, memory, thread_stack_size: STACK_BYTES });
    postMessage("ready");
    runThread(); // blocks for as long as the pool lives
    close();
  },
  { once: true },
);
