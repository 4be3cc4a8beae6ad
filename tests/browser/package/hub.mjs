// A hub of the tests' own, with one repository.

import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";

import { SMALL } from "./page.mjs";

const digest = (name, ...parts) => parts.reduce((hash, part) => hash.update(part), createHash(name)).digest("hex");

/** As a hub lists a file: weights by SHA-256, what is small by git's hash. */
function listed(rfilename, bytes) {
  const isLarge = rfilename.endsWith(".safetensors");
  const names = isLarge ? { lfs: { sha256: digest("sha256", bytes), size: bytes.length } } : { blobId: digest("sha1", `blob ${bytes.length}\0`, bytes) };
  return { rfilename, size: bytes.length, ...names };
}

/** A hub with one repository. `spoil` names a file whose bytes are others than listed. */
export async function hub(t, directory = SMALL) {
  const files = new Map();
  for (const path of await readdir(directory, { recursive: true })) {
    if ((await stat(`${directory}/${path}`)).isFile()) files.set(path, await readFile(`${directory}/${path}`));
  }
  let sha = "5".repeat(40);
  const state = {
    requests: [],
    spoil: undefined,
    isGone: false,
    commit(name, path, bytes) {
      sha = name;
      files.set(path, bytes);
    },
  };
  const listener = createServer((request, response) => {
    state.requests.push(request.url);
    if (state.isGone) return void request.socket.destroy();
    // Another origin, which lets any page read it.
    const headers = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin", "access-control-allow-headers": "*" };
    if (request.method === "OPTIONS") return void response.writeHead(204, headers).end();
    if (state.answer !== undefined && request.url.startsWith("/api/")) return void response.writeHead(200, headers).end(state.answer);
    if (/^\/api\/models\/org\/name\/revision\/(main|v1)\?blobs=true$/.test(request.url)) {
      const siblings = [...files].map(([path, bytes]) => listed(path, bytes));
      return void response.writeHead(200, headers).end(JSON.stringify({ sha, siblings }));
    }
    const [, path] = new RegExp(`^/org/name/resolve/${sha}/(.*)$`).exec(request.url) ?? [];
    const bytes = path && files.get(decodeURIComponent(path));
    if (!bytes) return void response.writeHead(404, headers).end();
    const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range)?.[1] ?? 0);
    const part = { ...headers, "content-range": `bytes ${first}-${bytes.length - 1}/${bytes.length}`, "access-control-expose-headers": "*" };
    const sent = state.spoil === path ? bytes.map((byte) => byte ^ 1) : bytes;
    response.writeHead(206, part).end(sent.subarray(first));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  t.after(() => listener.close());
  return Object.assign(state, { url: `http://127.0.0.1:${listener.address().port}` });
}
