// The page that sets transformers.js beside wembed. Where benches/peers/setup has fetched it and made its model, both run; the hosts that they come from
// are played here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import axe from "axe-core";

import { launch } from "../launch.mjs";
import { serve } from "../server.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const OURS = here("../../../models/all-MiniLM-L6-v2");
const PEERS = here("../../../target/peers");
const needed = [join(OURS, "model.safetensors"), join(PEERS, "minilm/onnx"), join(PEERS, "node_modules/@huggingface/transformers")];
const missing = needed.every((path) => existsSync(path)) ? false : "transformers.js and its model are not there: benches/peers/setup minilm node fetches them";

const WWW = here("../../../target/www");
const server = await serve({ "/": WWW }, false);
const browser = await launch();
after(async () => {
  await browser.close();
  server.close();
});

async function visit(t, { viewport, colorScheme, origin = server.origin } = {}) {
  const context = await browser.newContext({ viewport: viewport ?? { width: 1280, height: 800 }, colorScheme });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${origin}/compare.html`);
  return page;
}

/** The page as a server of its own gives it, which also plays the hosts that it fetches from. */
async function played(t) {
  const files = await listing();
  const listener = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://server");
    const { origin } = listener;
    if (pathname.startsWith("/api/models/sentence-transformers/")) return void response.end(files);
    const [, owner, inModel] = /^\/([^/]+)\/[^/]+\/resolve\/[^/]+\/(.*)$/.exec(pathname) ?? [];
    const path = pathname.startsWith("/npm/")
      ? join(PEERS, "node_modules", pathname.slice(5).replace(/@\d[^/]*/, ""))
      : owner
        ? join(owner === "Xenova" ? join(PEERS, "minilm") : OURS, inModel)
        : join(WWW, pathname);
    if (!existsSync(path)) return void response.writeHead(404).end();
    let bytes = await readFile(path);
    const isText = /\.(m?js|html)$/.test(path);
    if (isText) bytes = Buffer.from(bytes.toString().replaceAll("https://cdn.jsdelivr.net", origin).replaceAll("https://huggingface.co", origin));
    const type = { js: "text/javascript", mjs: "text/javascript", html: "text/html", css: "text/css", wasm: "application/wasm", json: "application/json" }[path.split(".").pop()];
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const [first, last] = range ? [Number(range[1]), range[2] ? Number(range[2]) : bytes.length - 1] : [0, bytes.length - 1];
    const headers = { "content-type": type ?? "application/octet-stream", ...(range ? { "content-range": `bytes ${first}-${last}/${bytes.length}` } : {}) };
    response.writeHead(range ? 206 : 200, headers).end(bytes.subarray(first, last + 1));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  listener.origin = `http://127.0.0.1:${listener.address().port}`;
  t.after(() => listener.close());
  return listener.origin;
}

async function listing() {
  const paths = await readdir(OURS, { recursive: true });
  const files = [];
  for (const rfilename of paths) {
    const path = join(OURS, rfilename);
    if (!(await stat(path)).isFile()) continue;
    const bytes = await readFile(path);
    files.push({ rfilename, size: bytes.length, lfs: { sha256: createHash("sha256").update(bytes).digest("hex") } });
  }
  return JSON.stringify({ sha: "5".repeat(40), siblings: files });
}

test("both give the same vectors, and a ratio", { skip: missing }, async (t) => {
  const page = await visit(t, { origin: await played(t) });
  await page.click("#run");
  await page.waitForFunction(() => /^(Done|It stopped)/.test(document.querySelector("#status").textContent), null, { timeout: 110_000 });
  assert.match(await page.textContent("#status"), /^Done, on the processor, wembed in 1 thread/);
  const rows = await page.$$eval("#rows tr", (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.equal(rows.length, 5);
  for (const [, own, other, ratio, apart] of rows) {
    assert.ok(Math.abs(Number(other) / Number(own) / Number.parseFloat(ratio) - 1) < 0.02, `${own} ${other} ${ratio}`);
    assert.ok(Number(apart) < 1e-5, apart);
  }
  t.diagnostic(rows.map((row) => row.join("  ")).join("\n"));
});

test("where others cannot be reached it says so, and may be tried again", async (t) => {
  const page = await visit(t);
  await page.route(/^https:/, (route) => route.abort());
  await page.click("#run");
  await page.waitForFunction(() => document.querySelector("#status").textContent.startsWith("It stopped: https://huggingface.co"));
  assert.equal(await page.isEnabled("#run"), true);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing at 390 pixels, ${colorScheme}`, async (t) => {
    const page = await visit(t, { viewport: { width: 390, height: 844 }, colorScheme });
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  });
}

test("the benchmark's page leads there", async (t) => {
  const page = await visit(t);
  await page.goto(server.origin);
  await page.click("#tab-benchmark");
  await page.click("text=Beside transformers.js");
  await page.waitForURL("**/compare.html");
});
