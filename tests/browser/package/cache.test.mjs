// What came once is not asked for again: kept whole, gone on with, given up, forgotten.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { launchIn } from "../launch.mjs";
import { BUILT_IN, SMALL, open, server } from "./page.mjs";

const TEXTS = ["a text", "another", "eine dritte"];

/** Loads a model, embeds, and gives vectors, what was asked of servers, and what was said meanwhile. */
const use = (page, source, options = {}) =>
  page.evaluate(
    async ([source, options, texts]) => {
      const said = [];
      const model = await wembed.Embedder.load(source, { device: "cpu", ...options, onProgress: (progress) => said.push(progress) });
      const found = look(await model.embed(texts));
      const { network } = await model.info();
      await model.dispose();
      return { found, network, said };
    },
    [source, options, TEXTS],
  );

test("the second load asks for nothing, and gives the same bits", async (t) => {
  const page = await open(t);
  for (const source of ["wembed-mini", server.add(SMALL, "ranges").path]) {
    const first = await use(page, source);
    const second = await use(page, source);
    assert.deepEqual(second.found, first.found);
    assert.ok(first.network.bytes > 1e5 && first.network.requests > 3, JSON.stringify(first.network));
    assert.deepEqual(second.network, { requests: 0, bytes: 0, hosts: [] }, source);
    const last = first.said.at(-1);
    assert.deepEqual([first.said[0].stage, last.stage, last.loaded], ["start", "ready", last.total]);
    assert.ok(first.said.some(({ source }) => source === "network") && !second.said.some(({ source }) => source === "network"));
  }
});

test("it works without a network afterwards", async (t) => {
  const page = await open(t);
  const [folder, builtIn] = [server.add(SMALL, "ranges"), server.roots["/wembed/model/"]];
  t.after(() => (builtIn.manner = "ranges"));
  const online = await use(page, folder.path);
  await use(page, "wembed-mini");
  folder.manner = builtIn.manner = "gone";
  assert.deepEqual((await use(page, folder.path)).found, online.found);
  await use(page, "wembed-mini");
  const unknown = await page.evaluate((url) => failure(wembed.Embedder.load(url, { device: "cpu" })), server.add(SMALL, "gone").path);
  assert.deepEqual([unknown.name, unknown.isTyped], ["DownloadFailed", true], unknown.message);
});

test("a connection that breaks is taken up again where it broke", async (t) => {
  const page = await open(t);
  const right = await use(page, server.add(BUILT_IN, "ranges").path);
  const root = server.add(BUILT_IN, "halves");
  const found = await use(page, root.path);
  assert.deepEqual(found.found, right.found);
  assert.ok(found.network.requests > right.network.requests, "it was asked again");
  assert.ok(root.bytes < 1.5 * right.network.bytes, `${root.bytes} of ${right.network.bytes}`);
});

test("bytes of two answers are never taken for one file", async (t) => {
  const page = await open(t);
  const right = (await use(page, "wembed-mini")).found;
  // What was read is of a file that may be another.
  const root = server.add(BUILT_IN, "forgetful");
  const found = await page.evaluate(
    async ([url, texts]) => {
      try {
        const model = await wembed.Embedder.load(url, { device: "cpu" });
        return look(await model.embed(texts));
      } catch (error) {
        return `${error.name}: ${error.message}`;
      }
    },
    [root.path, TEXTS],
  );
  if (typeof found === "string") assert.match(found, /^DownloadFailed: .*changed while it was read/);
  else assert.deepEqual(found, right);
  root.manner = "ranges";
  assert.deepEqual((await use(page, root.path)).found, right);
});

test("a download that was given up goes on at the next load", async (t) => {
  const page = await open(t);
  const root = server.add(BUILT_IN, "slow");
  const aborted = await page.evaluate(async (url) => {
    const controller = new AbortController();
    const onProgress = ({ loaded }) => loaded > 2e6 && controller.abort(new Error("enough"));
    const start = performance.now();
    const found = await failure(wembed.Embedder.load(url, { device: "cpu", onProgress, signal: controller.signal }));
    return { ...found, seconds: (performance.now() - start) / 1000 };
  }, root.path);
  assert.deepEqual([aborted.name, aborted.isTyped], ["Aborted", true], aborted.message);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // what was on its way
  const before = root.bytes;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(root.bytes, before, "nothing is sent any more");
  root.manner = "ranges";
  const { network, found } = await use(page, root.path);
  assert.ok(network.bytes < 5.5e6, `${network.bytes} bytes of 7.3 million, some of which were here`);
  assert.deepEqual(found, (await use(page, "wembed-mini")).found);
});

test("what is corrupt is refused, and not kept", async (t) => {
  const page = await open(t);
  const root = server.roots["/wembed/model/"];
  t.after(() => (root.manner = "ranges"));
  root.manner = "corrupt";
  const refused = await page.evaluate(() => failure(wembed.Embedder.load("wembed-mini", { device: "cpu" })));
  assert.deepEqual([refused.name, refused.isTyped], ["DownloadFailed", true], refused.message);
  assert.match(refused.message, /SHA-256/);
  // Of a folder nobody knows the digests. What it turns out to be says what is wrong with it.
  const folder = server.add(SMALL, "corrupt");
  const invalid = await page.evaluate((url) => failure(wembed.Embedder.load(url, { device: "cpu" })), folder.path);
  assert.deepEqual([invalid.name, invalid.isTyped], ["ModelInvalid", true], invalid.message);
  root.manner = folder.manner = "ranges";
  const right = await use(page, "wembed-mini");
  assert.ok(right.network.bytes > 7e6, "all of it came anew");
  assert.ok((await use(page, folder.path)).network.bytes > 1e5);
});

for (const [manner, words] of [["short", /expected \d+ bytes, found \d+/], ["shifted", /the server sent/], ["broken", /the connection broke|Failed to fetch/], ["failing", /answered 503/]]) {
  test(`a server that is ${manner} gives a typed error, and nothing wrong is kept`, async (t) => {
    const page = await open(t);
    const root = server.add(SMALL, manner);
    const refused = await page.evaluate((url) => failure(wembed.Embedder.load(url, { device: "cpu" })), root.path);
    assert.deepEqual([refused.name, refused.isTyped], ["DownloadFailed", true], refused.message);
    assert.match(refused.message, words);
    assert.ok(refused.url.includes(root.path));
    root.manner = "ranges";
    const right = server.add(SMALL, "ranges");
    assert.deepEqual((await use(page, root.path)).found, (await use(page, right.path)).found);
  });
}

test("two pages that want the same model at once fetch it once", async (t) => {
  const first = await open(t);
  const second = await open(t, { context: first.context() });
  const alone = (await use(await open(t), server.add(BUILT_IN, "ranges").path)).network;
  const root = server.add(BUILT_IN, "ranges");
  const [left, right] = await Promise.all([first, second].map((page) => use(page, root.path)));
  assert.deepEqual(left.found, right.found);
  assert.equal(left.network.bytes + right.network.bytes, alone.bytes);
});

test("what is kept is listed, and forgotten where that is asked for", async (t) => {
  const page = await open(t);
  const root = server.add(SMALL, "ranges");
  await use(page, root.path);
  await use(page, "wembed-mini");
  const kept = await page.evaluate(() => wembed.cachedModels());
  assert.deepEqual(kept.map(({ name }) => name), ["wembed-mini", server.origin + root.path]);
  assert.ok(kept[0].bytes > 7e6 && kept[1].bytes > 1e5 && kept[0].used >= kept[1].used);
  await page.evaluate((name) => wembed.clearCache(name), kept[1].name);
  assert.deepEqual((await page.evaluate(() => wembed.cachedModels())).map(({ name }) => name), ["wembed-mini"]);
  assert.ok((await use(page, root.path)).network.bytes > 1e5);
  await page.evaluate(() => wembed.clearCache());
  assert.deepEqual(await page.evaluate(() => wembed.cachedModels()), []);
  assert.ok((await use(page, "wembed-mini", { cache: "none" })).network.bytes > 7e6);
  assert.deepEqual(await page.evaluate(() => wembed.cachedModels()), [], "nothing is kept where nothing is to be");
  await use(page, "wembed-mini");
  assert.ok((await use(page, "wembed-mini", { cache: "refresh" })).network.bytes > 7e6);
});

test("where there is no room, the model that was not used for longest goes, or nothing is kept", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "wembed-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const page = await open(t, { context: await launchIn(directory) });
  const client = await page.context().newCDPSession(page);
  const quota = (quotaSize) => client.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize });
  const small = server.add(SMALL, "ranges").path;
  const right = await use(page, "wembed-mini");
  const { usage } = await page.evaluate(() => navigator.storage.estimate());
  await page.evaluate(() => wembed.clearCache());
  await use(page, small);
  await quota(usage + 1e5); // one of them
  assert.deepEqual((await use(page, "wembed-mini")).found, right.found);
  await use(page, "wembed-mini");
  assert.deepEqual((await page.evaluate(() => wembed.cachedModels())).map(({ name }) => name), ["wembed-mini"]);
  await page.evaluate(() => wembed.clearCache());
  await quota(1e6); // not even one
  assert.deepEqual((await use(page, "wembed-mini")).found, right.found);
});
