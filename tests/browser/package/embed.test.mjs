// What a program does with a model: stops it, streams through it, brings its own files, runs it where it likes.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

import { launch } from "../launch.mjs";
import { SMALL, open, plain, server, withoutWebGpu } from "./page.mjs";

const small = () => server.add(SMALL, "ranges").path;

test("an abort is felt between two batches, and the model works on", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (url) => {
    const model = await wembed.Embedder.load(url, { device: "cpu", threads: 1 });
    const texts = Array.from({ length: 20_000 }, (_, index) => `text number ${index}, which is about nothing but its number`);
    const before = look(await model.embed(texts.slice(0, 3)));
    const controller = new AbortController();
    const said = [];
    const aborted = await failure(
      model.embed(texts, {
        signal: controller.signal,
        onProgress: (progress) => said.push(progress) === 2 && controller.abort("enough"),
      }),
    );
    const start = performance.now();
    const after = look(await model.embed(texts.slice(0, 3)));
    const seconds = (performance.now() - start) / 1000;
    const early = await failure(model.embed(texts, { signal: AbortSignal.abort() }));
    await model.dispose();
    return { before, aborted, cause: aborted.cause, after, said, seconds, early, late: await failure(model.embed(["a"])) };
  }, small());
  assert.deepEqual([found.aborted.name, found.aborted.isTyped], ["Aborted", true]);
  assert.equal(found.cause, "enough");
  assert.deepEqual(found.said.map(({ total }) => total), [20_000, 20_000]);
  assert.ok(found.said[0].done > 0 && found.said[1].done > found.said[0].done && found.said[1].done < 20_000);
  assert.deepEqual(found.after, found.before);
  assert.ok(found.seconds < 5, `${found.seconds} s until the next answer`);
  assert.equal(found.early.name, "Aborted");
  assert.deepEqual([found.late.name, found.late.isTyped], ["Stopped", true]);
});

test("wrong arguments are named, whatever they are", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (url) => {
    const model = await wembed.Embedder.load(url, { device: "cpu" });
    const errors = await Promise.all(
      [
        model.embed(["a"], null),
        model.embed(["a"], { onProgress: "yes" }),
        model.embed(["a"], { signal: {} }),
        model.tokenize(3),
        model.similarity({ data: [1, 2], dims: 2 }),
        model.similarity(),
        wembed.Embedder.load(null),
        wembed.Embedder.load(url, null),
        wembed.Embedder.load(url, { onProgress: 3 }),
      ].map(failure),
    );
    await model.dispose();
    return errors;
  }, small());
  for (const { name, isTyped, message } of found) assert.deepEqual([name, isTyped], ["ArgumentInvalid", true], message);
});

test("a long list streams, in order, and a loop that is left stops it", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (url) => {
    const model = await wembed.Embedder.load(url, { device: "cpu" });
    let taken = 0;
    const texts = function* (count) {
      for (let index = 0; index < count; index++) {
        taken += 1;
        yield `text ${index}`;
      }
    };
    const all = [];
    for await (const { index, vector, error } of model.embedEach(texts(600), { normalize: true })) all.push([index, [...vector], error]);
    const whole = await model.embed([...texts(600)], { normalize: true });
    const same = all.every(([index, vector, error], at) => error === null && index === at && vector.every((value, column) => Object.is(value, whole.data[at * whole.dims + column])));
    taken = 0;
    for await (const { index } of model.embedEach(texts(100_000))) if (index === 10) break;
    const early = taken;
    const failed = await failure((async () => {
      for await (const _ of model.embedEach(["a", 3])) void 0;
    })());
    const single = await failure(model.embedEach("text").next());
    const unpostable = await failure(model.embed([() => "a"]));
    await model.dispose();
    return { count: all.length, same, early, failed, single, unpostable };
  }, small());
  assert.deepEqual([found.count, found.same], [600, true]);
  assert.ok(found.early <= 512, `${found.early} texts were taken`);
  for (const { name, isTyped, message } of [found.failed, found.single, found.unpostable]) assert.deepEqual([name, isTyped], ["ArgumentInvalid", true], message);
});

test("one text's error is its own, and its vector is nothing", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (url) => {
    const model = await wembed.Embedder.load(url, { device: "cpu" });
    const texts = ["short", "long ".repeat(1000), "short"];
    const { data, dims, errors } = await model.embed(texts, { long: "error" });
    await model.dispose();
    return { errors: errors.map((error) => error && [error instanceof wembed.TextInvalid, error.message]), zeros: data.slice(dims, 2 * dims).every((value) => value === 0), same: data[0] === data[2 * dims] };
  }, small());
  assert.deepEqual([found.errors[0], found.errors[2], found.zeros, found.same], [null, null, true, true]);
  assert.equal(found.errors[1][0], true);
  assert.match(found.errors[1][1], /tokens, the model takes/);
});

test("similarity is the model's own", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async () => {
    const model = await wembed.Embedder.load();
    const vectors = await model.embed(["The cat sleeps.", "Die Katze schläft.", "Inflation rose last month."]);
    const all = [...(await model.similarity(vectors))];
    const one = [...(await model.similarity({ data: vectors.data.slice(0, vectors.dims), dims: vectors.dims }, vectors))];
    const wrong = await failure(model.similarity(vectors, { data: new Float32Array(3), dims: 3 }));
    const info = await model.info();
    await model.dispose();
    return { all, one, wrong, info };
  });
  assert.deepEqual([found.all.length, found.all[0], found.one], [9, 1, found.all.slice(0, 3)]);
  assert.ok(found.all[1] > 0.5 && found.all[1] > found.all[2] + 0.3, `${found.all}`);
  assert.equal(found.wrong.name, "ArgumentInvalid");
  assert.deepEqual([found.info.similarity, found.info.dimensions], ["cosine", 256]);
  assert.ok(found.info.memory > 1e6 && found.info.memory < 2e8);
});

test("files that somebody brought are a model, too", async (t) => {
  const page = await open(t);
  const files = {};
  for (const path of await readdir(SMALL, { recursive: true })) {
    const bytes = await readFile(`${SMALL}/${path}`).catch(() => undefined);
    if (bytes) files[path] = bytes.toString("base64");
  }
  const found = await page.evaluate(
    async ([url, files]) => {
      const blobs = Object.fromEntries(Object.entries(files).map(([path, base64]) => [path, new Blob([Uint8Array.fromBase64(base64)])]));
      const list = Object.entries(blobs).map(([path, blob]) => Object.defineProperty(new File([blob], path.split("/").at(-1)), "webkitRelativePath", { value: `mpnet/${path}` }));
      const root = await navigator.storage.getDirectory();
      const directory = await root.getDirectoryHandle("dropped", { create: true });
      for (const [path, blob] of Object.entries(blobs)) {
        let folder = directory;
        for (const part of path.split("/").slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
        const writable = await (await folder.getFileHandle(path.split("/").at(-1), { create: true })).createWritable();
        await writable.write(blob);
        await writable.close();
      }
      const results = [];
      for (const source of [url, blobs, new Map(Object.entries(blobs)), list, directory]) {
        const model = await wembed.Embedder.load(source, { device: "cpu" });
        results.push(look(await model.embed(["a text"])));
        await model.dispose();
      }
      const wrong = [{}, { "config.json": "text" }, [new File([], "notes.txt")], 3, "no such model"];
      return { results, wrong: await Promise.all(wrong.map((source) => failure(wembed.Embedder.load(source)))) };
    },
    [small(), files],
  );
  for (const result of found.results) assert.deepEqual(result, found.results[0]);
  for (const { name, isTyped, message } of found.wrong) assert.deepEqual([name, isTyped], ["ArgumentInvalid", true], message);
});

test("it runs on the caller's thread, in every form, and without isolation", async (t) => {
  const vectors = async (page, source, options) =>
    page.evaluate(
      async ([source, options]) => {
        const model = await wembed.Embedder.load(source, { device: "cpu", ...options });
        const found = look(await model.embed(["a text", "another"]));
        await model.dispose();
        return found.data;
      },
      [source, options],
    );
  const page = await open(t);
  const relaxed = await vectors(page, small(), { form: "relaxed" });
  assert.equal(await vectors(page, small(), { thread: "caller" }), relaxed);
  assert.equal(await vectors(page, small(), { form: "threads" }), relaxed);
  const other = await open(t, { origin: plain.origin });
  assert.equal(await vectors(other, plain.add(SMALL, "ranges").path, {}), relaxed);
  const refused = await page.evaluate((url) => failure(wembed.Embedder.load(url, { thread: "caller", threads: 2 })), small());
  assert.deepEqual([refused.name, refused.isTyped], ["ArgumentInvalid", true], refused.message);
});

test("a device that computes wrongly is left, and what it does wrong is said", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (url) => {
    const assets = { worker: "/test/wrong-worker.mjs" };
    const asked = await failure(wembed.Embedder.load(url, { device: "gpu", assets }));
    const model = await wembed.Embedder.load(url, { device: "auto", assets });
    const [info, wrong] = [await model.info(), look(await model.embed(["a text"]))];
    const right = await wembed.Embedder.load(url, { device: "cpu" });
    const expected = look(await right.embed(["a text"]));
    await Promise.all([model.dispose(), right.dispose()]);
    return { asked, info, wrong, expected };
  }, small());
  assert.deepEqual([found.asked.name, found.asked.isTyped], ["WebGpuUnavailable", true], found.asked.message);
  assert.match(found.asked.message, /computes wrongly: a linear layer with GELU is/);
  assert.equal(found.info.device.engine, "cpu");
  assert.match(found.info.why, /computes wrongly/);
  assert.deepEqual(found.wrong, found.expected);
});

test("the model in the package is held to its stored vector, on whatever computes", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async () => {
    const assets = { worker: "/test/wrong-vector-worker.mjs" };
    const asked = await failure(wembed.Embedder.load("wembed-mini", { device: "gpu", assets }));
    const model = await wembed.Embedder.load("wembed-mini", { device: "auto", assets });
    const [info, wrong] = [await model.info(), look(await model.embed(["a text"]))];
    const right = await wembed.Embedder.load("wembed-mini", { device: "cpu" });
    const expected = look(await right.embed(["a text"]));
    // Longer than it may be: nothing is known of it then.
    const short = await wembed.Embedder.load("wembed-mini", { device: "cpu", maxLength: 3 });
    await Promise.all([model, right, short].map((model) => model.dispose()));
    const { builtIn } = await import("/wembed/builtin.js");
    const place = builtIn();
    place.stored = { ...place.stored, vector: place.stored.vector.toReversed() };
    const processor = await failure(wembed.Embedder.at(place, { device: "cpu" }));
    return { asked, info, wrong, expected, processor };
  });
  assert.deepEqual([found.asked.name, found.asked.isTyped], ["WebGpuUnavailable", true], found.asked.message);
  assert.match(found.asked.message, /another vector than this model has: 1 - cosine is/);
  assert.equal(found.info.device.engine, "cpu");
  assert.match(found.info.why, /the GPU gives another vector/);
  assert.deepEqual(found.wrong, found.expected);
  assert.deepEqual([found.processor.name, found.processor.isTyped], ["ModelInvalid", true], found.processor.message);
});

test("without an adapter the processor is taken, and why is said", async (t) => {
  const page = await open(t, { browser: await withoutWebGpu() });
  const found = await page.evaluate(async () => {
    const model = await wembed.Embedder.load();
    const info = await model.info();
    await model.dispose();
    return { info, refused: await failure(wembed.Embedder.load("wembed-mini", { device: "gpu" })) };
  });
  assert.equal(found.info.device.engine, "cpu");
  assert.match(found.info.why, /no WebGPU adapter/);
  assert.deepEqual([found.refused.name, found.refused.isTyped], ["WebGpuUnavailable", true]);
});

test("in int8 either engine gives nearly the same vectors", async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async () => {
    const vectors = async (options) => {
      const model = await wembed.Embedder.load("wembed-mini", options);
      const { data } = await model.embed(["a small test", "ein kleiner Test", "проверка"]);
      const { device, storage } = await model.info();
      await model.dispose();
      return { data: Array.from(data), engine: device.engine, storage };
    };
    const exact = await vectors({ device: "cpu" });
    return { exact, cpu: await vectors({ dtype: "int8", device: "cpu" }), gpu: await vectors({ dtype: "int8", device: "gpu" }) };
  });
  for (const engine of ["cpu", "gpu"]) {
    assert.deepEqual([found[engine].engine, found[engine].storage], [engine, "int8"]);
  }
  const dot = (one, other) => one.reduce((sum, value, index) => sum + value * other[index], 0);
  const width = found.exact.data.length / 3;
  for (const [engine, text] of [0, 1, 2].flatMap((text) => [["cpu", text], ["gpu", text]])) {
    const [exact, rounded] = [found.exact, found[engine]].map(({ data }) => data.slice(text * width, (text + 1) * width));
    const cosine = dot(exact, rounded) / Math.sqrt(dot(exact, exact) * dot(rounded, rounded));
    assert.ok(cosine > 0.999 && cosine < 1 - 1e-9, `${engine}: ${cosine}`);
  }
});

// V8 adds up products of int8 by VNNI; without, sums of two are cut to 16 bits, which the module has to find out.
test("in int8 a processor whose dot products are cut gives the same vectors", async (t) => {
  const without = await launch(false, "--js-flags=--no-enable-avx-vnni --no-enable-avx-vnni-int8");
  t.after(() => without.close());
  const of = async (options) => {
    const page = await open(t, options);
    return page.evaluate(async () => {
      const model = await wembed.Embedder.load("wembed-mini", { device: "cpu", dtype: "int8" });
      const { data } = await model.embed(["a small test", "ein kleiner Test", "проверка"]);
      await model.dispose();
      return Array.from(data);
    });
  };
  const [found, expected] = [await of({ browser: without }), await of({})];
  const furthest = Math.max(...found.map((value, index) => Math.abs(value - expected[index])));
  assert.ok(furthest < 1e-4, `${furthest}`);
});
