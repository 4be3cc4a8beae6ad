// Counts what a server in this process sends, headers included.

import { subscribe } from "node:diagnostics_channel";

let sent = new Map();

subscribe("http.server.request.start", ({ request, response, socket }) => {
  const [counts, path, before] = [sent, new URL(request.url, "http://server").pathname, socket.bytesWritten];
  response.once("close", () => counts.set(path, (counts.get(path) ?? 0) + socket.bytesWritten - before));
});

/** Bytes by path since the last call. */
export function takeSent() {
  const taken = sent;
  sent = new Map();
  return taken;
}
