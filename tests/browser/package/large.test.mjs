// A model of full size, 556 MB of f16, on WebGPU: weights pass through the module's memory, and never lie in it.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { open, server } from "./page.mjs";

const directory = fileURLToPath(new URL("../../../target/full-width/xlm-roberta-12", import.meta.url));
const MOST = 200e6;

/** The largest resident set so far of the processes whose command line has these words, in bytes. */
function peak(words) {
  const of = (pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(words)) return 0;
      return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
    } catch {
      return 0; // it has ended
    }
  };
  return Math.max(...readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(of));
}

const missing = existsSync(`${directory}/model.safetensors`) ? false : "target/full-width is not there: scripts/full-width-models makes it where WEMBED_SHARED is set";

test("a model of 556 MB needs less than 200 MB of the module's memory", { skip: missing }, async (t) => {
  const page = await open(t);
  const before = peak("--type=renderer");
  const found = await page.evaluate(async (url) => {
    const start = performance.now();
    const model = await wembed.Embedder.load(url, { device: "gpu" });
    const loaded = performance.now();
    const { data, dims, errors } = await model.embed(["A text of a few words."]);
    const embedded = performance.now();
    const again = await model.embed(["A text of a few words."]);
    const info = await model.info();
    await model.dispose();
    const same = data.every((value, index) => Object.is(value, again.data[index]));
    return { info, dims, same, errors, load: (loaded - start) / 1000, embed: (embedded - loaded) / 1000 };
  }, server.add(directory, "ranges").path);
  assert.deepEqual([found.dims, found.errors, found.same], [768, [null], true]);
  assert.ok(found.info.network.bytes > 5.5e8, `${found.info.network.bytes} bytes came`);
  const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;
  t.diagnostic(`loaded in ${found.load.toFixed(1)} s, first vector ${found.embed.toFixed(1)} s later; module ${megabytes(found.info.memory)}; renderer's peak ${megabytes(peak("--type=renderer"))}, ${megabytes(before)} before`);
  assert.ok(found.info.memory < MOST, megabytes(found.info.memory));
});
