// A hub's repository by its id: listed once, held to its digests, there without the hub afterwards.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hub } from "./hub.mjs";
import { SMALL, open, server } from "./page.mjs";

const load = (page, source, hub) =>
  page.evaluate(
    async ([source, hub]) => {
      const model = await wembed.Embedder.load(source, { device: "cpu", hub });
      const found = look(await model.embed(["a text"]));
      const { network } = await model.info();
      await model.dispose();
      return { found, network };
    },
    [source, hub],
  );
const refused = (page, source, hub) =>
  page.evaluate(([source, hub]) => failure(wembed.Embedder.load(source, { device: "cpu", hub })), [source, hub]);

test("an id is a model, kept by its commit", async (t) => {
  const page = await open(t);
  const state = await hub(t);
  const expected = (await load(page, server.add(SMALL, "ranges").path)).found;
  const first = await load(page, "org/name", state.url);
  assert.deepEqual(first.found, expected);
  assert.ok(state.requests.every((url) => !url.endsWith(".index.json")), "what is not listed is not asked for");
  const second = await load(page, "org/name@v1", state.url);
  assert.deepEqual([second.found, second.network], [expected, { requests: 1, bytes: 0, hosts: [new URL(state.url).host] }], "the same commit is the same files");
  state.isGone = true;
  assert.deepEqual((await load(page, "org/name", state.url)).found, expected);
  const unknown = await refused(page, "org/other", state.url);
  assert.deepEqual([unknown.name, unknown.isTyped], ["DownloadFailed", true], unknown.message);
});

test("a new commit brings what changed in it, and no more", async (t) => {
  const page = await open(t);
  const state = await hub(t);
  const { network } = await load(page, "org/name", state.url);
  const changed = Buffer.from(JSON.stringify({ max_seq_length: 10, do_lower_case: false }));
  state.commit("6".repeat(40), "sentence_bert_config.json", changed);
  const next = await page.evaluate(async (hub) => {
    const model = await wembed.Embedder.load("org/name", { device: "cpu", hub });
    const info = await model.info();
    await model.dispose();
    return info;
  }, state.url);
  assert.equal(next.maxLength, 10);
  assert.deepEqual([next.network.bytes, next.network.requests], [changed.length, 2], `of ${network.bytes}`);
  // Of the same size, and longer: nothing of the version before may be taken for a beginning of it.
  for (const [name, length] of [["7".repeat(40), 12], ["8".repeat(40), 7]]) {
    const bytes = Buffer.from(JSON.stringify({ max_seq_length: length, do_lower_case: false }).padEnd(length === 7 ? 90 : changed.length));
    state.commit(name, "sentence_bert_config.json", bytes);
    const { maxLength, network } = await page.evaluate(async (hub) => {
      const model = await wembed.Embedder.load("org/name", { device: "cpu", hub });
      const info = await model.info();
      await model.dispose();
      return info;
    }, state.url);
    assert.equal(maxLength, length);
    assert.ok(network.bytes <= bytes.length, `${network.bytes}`);
  }
});

test("a hub that lists nonsense is not believed, and not remembered", async (t) => {
  const page = await open(t);
  const state = await hub(t);
  const { found } = await load(page, "org/name", state.url);
  for (const answer of ["{}", "null", '{"sha":"5","siblings":[]}', '[]', "no JSON", `{"sha":"${"5".repeat(40)}","siblings":[null]}`]) {
    state.answer = answer;
    // What was listed before is still known.
    assert.deepEqual((await load(page, "org/name", state.url)).found, found, answer);
    const error = await refused(page, "org/name@v1", state.url);
    assert.deepEqual([error.name, error.isTyped], ["DownloadFailed", true], `${answer}: ${error.message}`);
  }
});

test("what is not what the hub lists is refused", async (t) => {
  const page = await open(t);
  const state = await hub(t);
  for (const [path, word] of [["model.safetensors", /SHA-256/], ["config.json", /git hash/]]) {
    state.spoil = path;
    await page.evaluate(() => wembed.clearCache());
    const error = await refused(page, "org/name", state.url);
    assert.deepEqual([error.name, error.isTyped], ["DownloadFailed", true], error.message);
    assert.match(error.message, word);
  }
  state.spoil = undefined;
  await load(page, "org/name", state.url);
  const missing = await refused(page, "org/nothing", state.url);
  assert.deepEqual([missing.name, missing.isTyped], ["ArgumentInvalid", true], missing.message);
  assert.match(missing.message, /no model `org\/nothing`/);
});
