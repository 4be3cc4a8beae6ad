// A static server that answers Range requests, on a free port of this machine; and one that gets them wrong, where a
// test asks for it. By itself it serves the demo page, to be looked at in any browser:
//
//   node tests/browser/server.mjs

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const dist = here("../../target/npm/dist");

/** Where the page looks for things. */
export const folders = {
  "/": here("package/site"),
  "/wembed/": dist,
  "/models/": here("../../models"),
  "/test/": here("."),
  // The package, but for a thread of it.
  "/stopping/": dist,
  "/stopping/wasm/threads/": here("stopping"),
};

const types = {
  css: "text/css",
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  json: "application/json",
  mjs: "text/javascript",
  wasm: "application/wasm",
};

/** How a server may answer, from right to wrong: each changes a reply before it is sent. */
const manners = {
  ranges: () => {},
  // As another origin that does not expose the header.
  hidden: (reply) => delete reply.headers["content-range"],
  whole: (reply, size) => Object.assign(reply, { status: 200, first: 0, last: size - 1, headers: {} }),
  short: (reply) => (reply.last -= 1),
  shifted: (reply) => (reply.headers["content-range"] = reply.headers["content-range"]?.replace(/\d+/, (first) => +first + 1)),
  grown: (reply) => (reply.headers["content-range"] = reply.headers["content-range"]?.replace(/\d+$/, (size) => +size + reply.first)),
  // It never comes further than half of a file.
  broken: (reply, size) => (reply.breaksAt = size >> 1),
  // Half of each large answer, then the connection goes.
  halves: (reply) => reply.last - reply.first > 1e5 && (reply.breaksAt = (reply.first + reply.last) >> 1),
  // It breaks off, and when it is asked for the rest it gives all of it, or so it says.
  forgetful: (reply, size) => {
    if (reply.first > 0) Object.assign(reply, { status: 200, first: 0, last: size - 1, headers: {} });
    else reply.breaksAt = size >> 1;
  },
  failing: (reply) => (reply.status = 503),
  corrupt: () => {},
  gone: () => {},
  // It answers when it is something else again.
  held: () => {},
  slow: (reply) => (reply.slow = true),
};

/** What a manner changes of the bytes themselves. */
const bytes = {
  // As a cache on the way, or a disk, may do it.
  corrupt: (chunk) => chunk.map((byte) => byte ^ 1),
};

/** What makes a page cross-origin isolated, which shared memory needs. */
const isolation = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Serves `folders`, paths to directories, and any that are added. */
export async function serve(folders, isolated) {
  const roots = Object.entries(folders).map(([path, directory]) => ({ path, directory, manner: "ranges", requests: 0, bytes: 0, asked: [] }));
  const server = createServer((request, response) => {
    answer(roots, isolated ? isolation : {}, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    /** The roots that it was started with, by path: their manner may be changed, too. */
    roots: Object.fromEntries(roots.map((root) => [root.path, root])),
    origin: `http://127.0.0.1:${server.address().port}`,
    /** Serves one more directory, in some manner; the result's `path` says where, `requests` and `bytes` count, `asked` lists paths; what its `missing` matches is not there. */
    add(directory, manner) {
      if (!(manner in manners)) throw new Error(`no manner \`${manner}\`: ${Object.keys(manners)}`);
      const root = { path: `/served-${roots.length}/`, directory, manner, requests: 0, bytes: 0, asked: [] };
      roots.push(root);
      return root;
    },
    close: () => server.close(),
  };
}

async function answer(roots, headers, request, response) {
  const path = decodeURIComponent(new URL(request.url, "http://server").pathname);
  // The longest path wins: "/" serves what no other does.
  const root = roots.filter((root) => path.startsWith(root.path)).sort((a, b) => b.path.length - a.path.length)[0];
  root.requests += 1;
  root.asked.push(`${path.slice(root.path.length)} ${request.headers.range ?? ""}`.trim());
  while (root.manner === "held") await new Promise((resolve) => setTimeout(resolve, 10));
  if (root.missing?.test(path)) return void response.writeHead(404).end();
  if (root.manner === "gone") return void request.socket.destroy();
  const inside = normalize(path.slice(root.path.length) || "index.html");
  const file = join(root.directory, inside);
  const found = inside.startsWith("..") ? null : await stat(file).catch(() => null);
  if (!found?.isFile()) return void response.writeHead(404).end();

  const size = found.size;
  const reply = { status: 200, first: 0, last: size - 1, headers: {} };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  if (range && request.method === "GET") {
    const [first, last] = [Number(range[1]), range[2] ? Math.min(Number(range[2]), size - 1) : size - 1];
    if (first > last) return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
    Object.assign(reply, { status: 206, first, last, headers: { "content-range": `bytes ${first}-${last}/${size}` } });
  }
  manners[root.manner](reply, size);
  const length = reply.last - reply.first + 1;
  response.writeHead(reply.status, {
    "content-type": types[file.split(".").pop()] ?? "application/octet-stream",
    "content-length": length,
    "cache-control": "no-store",
    ...headers,
    ...reply.headers,
  });
  if (request.method === "HEAD" || length === 0) return void response.end();
  const last = reply.breaksAt === undefined ? reply.last : reply.breaksAt - 1;
  const change = bytes[root.manner] ?? ((chunk) => chunk);
  if (reply.first <= last) {
    const changed = async function* (chunks) {
      for await (const chunk of chunks) {
        root.bytes += chunk.length;
        yield change(chunk);
        if (reply.slow) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    // Whoever asked may have gone.
    await pipeline(createReadStream(file, { start: reply.first, end: last }), changed, response, { end: false }).catch(() => {});
  }
  // Not before what was sent has left, or none of it would arrive.
  if (last < reply.last) setTimeout(() => response.destroy(), 50);
  else response.end();
}

if (process.argv[1] === here("server.mjs")) console.log((await serve({ "/": here("../../target/www") }, true)).origin);
