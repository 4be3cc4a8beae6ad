// The worker: a host that answers messages.

import { type Reply, type Request, answer } from "./connection.js";
import { plain, typed } from "./errors.js";
import { Host } from "./host.js";

const post = (reply: Reply, transfer: Transferable[] = []) => postMessage(reply, { transfer });

const host = new Host({ canWait: true, line: (line) => post({ line }, [line]) });
const running = new Map<number, AbortController>();

addEventListener("message", async ({ data: request }: MessageEvent<Request>) => {
  if ("abort" in request) return running.get(request.abort)?.abort();
  if ("close" in request) {
    host.dispose();
    return close();
  }
  const { id, name, args } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const value = await answer(host, name, args, { signal: controller.signal, progress: (progress) => post({ id, progress }) });
    post({ id, value }, buffers(value));
  } catch (error) {
    post({ id, error: plain(typed(error)) });
  } finally {
    running.delete(id);
  }
});

/** The memory that goes with a value instead of being copied: its vectors. */
function buffers(value: unknown): Transferable[] {
  const data = value instanceof Float32Array ? value : (value as { data?: Float32Array } | undefined)?.data;
  return data ? [data.buffer as ArrayBuffer] : [];
}
