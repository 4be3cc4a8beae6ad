// Clients that behave badly: they go before their answer, in the middle of their request, or send no HTTP at all.
//
//   node chaos.mjs URL

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const { hostname, port } = new URL(process.argv[2]);
const body = JSON.stringify({ inputs: Array.from({ length: 40 }, (_, text) => `text ${text} of a client that will not stay`) });
const request = `POST /embed HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

for (;;) {
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const kind = Math.random();
  if (kind < 0.5) socket.write(request);
  else if (kind < 0.8) socket.write(request.slice(0, Math.floor(Math.random() * request.length)));
  else if (kind < 0.9) socket.write(Buffer.from(Array.from({ length: 300 }, () => Math.floor(Math.random() * 256))));
  else socket.write(request.replace("content-length: ", "content-length: -"));
  await sleep(Math.random() * 40);
  socket.destroy();
}
