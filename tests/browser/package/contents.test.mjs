// What npm would be given: these files and no others, in this size, each entry where the manifest says it is, and importable. Without a browser.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { run, unpacked } from "./packed.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Bytes: of the archive, and of what is in it. The model is 7.3 million, each form of the module 2.5, inline.js 3.4. */
const MOST = { size: 11_000_000, unpackedSize: 19_000_000 };

const MODULES = [
  "builtin", "builtin-digests", "builtin-vector", "connection", "embedder", "errors", "forms", "host", "index", "inline", "node", "origin", "source", "thread", "threads", "types", "wasm", "worker",
  ...["blobs", "cached", "download", "files", "hub", "packs", "place", "ranges", "records", "request", "storage"].map((name) => `files/${name}`),
];
const MODEL = ["1_Pooling/config.json", "config.json", "config_sentence_transformers.json", "model.safetensors", "modules.json", "sentence_bert_config.json", "tokenizer.json", "tokenizer_config.json"];
const FILES = [
  "LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json",
  ...MODULES.flatMap((name) => [`dist/${name}.js`, `dist/${name}.d.ts`]),
  ...MODEL.map((name) => `dist/model/${name}`),
  ...["simd", "relaxed", "threads"].flatMap((form) => [`dist/wasm/${form}/wembed_wasm.js`, `dist/wasm/${form}/wembed_wasm_bg.wasm`]),
].sort();

const { folder: top, archive: packed } = await unpacked();
const modules = join(top, "node_modules");
const manifest = JSON.parse(await readFile(join(modules, "wembed/package.json"), "utf8"));

/** What a program beside the package prints, in JSON. */
async function printed(script) {
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: top });
  return JSON.parse(stdout);
}

test("these files and no others, none of them empty", async () => {
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), FILES);
  assert.deepEqual(packed.files.filter(({ size }) => size === 0), []);
  const unpacked = await readdir(join(modules, "wembed"), { recursive: true, withFileTypes: true });
  assert.equal(unpacked.filter((entry) => entry.isFile()).length, FILES.length);
  for (const [name, most] of Object.entries(MOST)) assert.ok(packed[name] <= most, `${name}: ${packed[name]} bytes of at most ${most}`);
});

test("its version is Cargo's, and nothing in its manifest is meant for who builds it", async () => {
  const [, version] = /^version = "(.*)"$/m.exec(await readFile(here("../../../Cargo.toml"), "utf8"));
  assert.deepEqual([manifest.name, manifest.version, packed.filename], ["wembed", version, `wembed-${version}.tgz`]);
  assert.deepEqual([manifest.scripts, manifest.dependencies, manifest.devDependencies], [undefined, undefined, undefined]);
});

test("what the manifest names is there", () => {
  const targets = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry ?? {}).flatMap(targets));
  const named = [manifest.exports, manifest.types, manifest.main, manifest.bin, manifest.jsdelivr, manifest.unpkg, manifest.sideEffects].flatMap(targets);
  assert.ok(named.length > 10, `${named}`);
  for (const target of named) {
    const [before, behind] = target.replace(/^\.\//, "").split("*");
    assert.ok(FILES.some((path) => (behind === undefined ? path === before : path.startsWith(before) && path.endsWith(behind))), target);
  }
});

test("each entry can be imported in Node", async () => {
  const names = await printed(`
    const found = {};
    for (const entry of ["wembed", "wembed/inline", "./node_modules/wembed/dist/index.js"]) found[entry] = Object.keys(await import(entry)).sort();
    console.log(JSON.stringify(found));
  `);
  for (const [entry, exported] of Object.entries(names)) {
    assert.deepEqual(exported, names.wembed, entry);
    for (const name of ["Embedder", "WembedError", "cachedModels", "clearCache"]) assert.ok(exported.includes(name), `${name} of ${entry}`);
  }
  // A worker's script listens at once, and in Node nothing is there to listen to.
  const heard = await printed(`
    const heard = [];
    globalThis.addEventListener = (name) => heard.push(name);
    await import("wembed/worker");
    console.log(JSON.stringify(heard));
  `);
  assert.deepEqual(heard, ["message"]);
  const forms = await printed(`
    const glue = await Promise.all(["simd", "relaxed", "threads"].map((form) => import(\`wembed/wasm/\${form}/wembed_wasm.js\`)));
    console.log(JSON.stringify(glue.map((one) => [typeof one.default, typeof one.Embedder])));
  `);
  assert.deepEqual(forms, Array(3).fill(["function", "function"]));
  const { default: read } = await import(`file://${modules}/wembed/package.json`, { with: { type: "json" } });
  assert.equal(read.version, manifest.version);
});

test("it embeds", async () => {
  const found = await printed(`
    import { Embedder } from "wembed";
    const model = await Embedder.load();
    const { data, dims } = await model.embed(["a text"]);
    await model.dispose();
    console.log(JSON.stringify({ dims, length: Math.hypot(...data) }));
  `);
  assert.equal(found.dims, 256);
  assert.ok(Math.abs(found.length - 1) < 1e-6, `${found.length}`);
});
