// The worker: a host that answers messages.

import { type Reply, type Request, answer } from "./connection.js";
import { plain, typed } from "./errors.js";
import { Host } from "./host.js";

const post = (reply: Reply, transfer: Transferable[] = []) => postMessage(reply, { transfer });

const host = new Host({ canWait: true, line: (line) => post({ line }, [line]) });
/** What is being done: how it is stopped, and when it has ended. */
const running = new Map<number, { controller: AbortController; ended: Promise<void> }>();

addEventListener("message", ({ data: request }: MessageEvent<Request>) => {
  if ("abort" in request) return running.get(request.abort)?.controller.abort();
  if ("close" in request) return void end();
  const controller = new AbortController();
  running.set(request.id, { controller, ended: run(request, controller.signal).finally(() => running.delete(request.id)) });
});

async function run({ id, name, args }: Extract<Request, { id: number }>, signal: AbortSignal): Promise<void> {
  try {
    const value = await answer(host, name, args, { signal, progress: (progress) => post({ id, progress }) });
    post({ id, value }, buffers(value));
  } catch (error) {
    post({ id, error: plain(typed(error)) });
  }
}

/** Not in the middle of a request or of a file: a browser may leave the one running and the other locked. */
async function end(): Promise<void> {
  for (const { controller } of running.values()) controller.abort();
  await Promise.all([...running.values()].map(({ ended }) => ended));
  await host.dispose();
  close();
}

/** The memory that goes with a value instead of being copied: its vectors. */
function buffers(value: unknown): Transferable[] {
  const data = value instanceof Float32Array ? value : (value as { data?: Float32Array } | undefined)?.data;
  return data ? [data.buffer as ArrayBuffer] : [];
}
