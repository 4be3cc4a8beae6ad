// The example projects, built and run as a user would: from a folder of their own, with the package installed as npm packs it.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build as esbuild } from "esbuild";
import { build as vite } from "vite";

import { serve } from "../server.mjs";
import { fromCdn, run, unpacked } from "./packed.mjs";
import { BUILT_IN, open, plain } from "./page.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const examples = here("../../../crates/wasm/examples");

const { folder: packed } = await unpacked();
// Elsewhere, so that an example has the package by its own folder alone.
const top = await mkdtemp(join(tmpdir(), "wembed-"));
after(() => rm(top, { recursive: true, force: true }));

/** An example in a folder of its own, the package among its modules. */
async function example(name) {
  const folder = join(top, name);
  await cp(join(examples, name), folder, { recursive: true });
  await mkdir(join(folder, "node_modules"));
  await cp(join(packed, "node_modules/wembed"), join(folder, "node_modules/wembed"), { recursive: true });
  return folder;
}

/** The sentences that mean the same are near, the other is far. */
function hold(said) {
  const [, near, far] = /^near (-?\d\.\d\d), far (-?\d\.\d\d)$/.exec(said.trim()) ?? assert.fail(said);
  assert.ok(near > 0.5 && far < 0.3, said);
}

const shown = async (page) => {
  await page.waitForFunction(() => document.querySelector("pre").textContent.startsWith("near"), null, { timeout: 60_000 });
  return page.textContent("pre");
};

test("from a CDN, without a bundler", async (t) => {
  const page = await open(t, { origin: plain.origin });
  await fromCdn(page, packed);
  await page.goto(plain.add(join(examples, "cdn"), "ranges").path.replace(/^/, plain.origin));
  hold(await shown(page));
});

test("built by Vite, and checked by TypeScript under strict", async (t) => {
  const folder = await example("vite");
  await vite({ root: folder, configFile: join(folder, "vite.config.js"), logLevel: "error" });
  const server = await serve({ "/": join(folder, "dist") }, false);
  t.after(() => server.close());
  const page = await open(t, { origin: plain.origin });
  await page.goto(server.origin);
  hold(await shown(page));
  const assets = await readdir(join(folder, "dist/assets"));
  assert.equal(assets.filter((name) => name.endsWith(".wasm")).length, 3, `${assets}`);

  const tsc = here("../../../crates/wasm/node_modules/.bin/tsc");
  const flags = ["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--types", ""];
  await writeFile(join(folder, "use.ts"), await readFile(here("use.ts"), "utf8"));
  await run(tsc, [...flags, "main.ts", "use.ts"], { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
  await writeFile(join(folder, "misuse.ts"), 'import { Embedder } from "wembed";\nawait (await Embedder.load()).embed(["a"], { normalise: true });\n');
  const { stdout } = await run(tsc, [...flags, "misuse.ts"], { cwd: folder }).then(() => assert.fail("a wrong option compiles"), (error) => error);
  assert.match(stdout, /normalise/);
});

test("in one file, from a disk", async (t) => {
  const folder = await example("inline");
  await esbuild({ entryPoints: [join(folder, "main.js")], bundle: true, format: "iife", outfile: join(folder, "bundle.js"), logLevel: "error" });
  await rm(join(folder, "node_modules"), { recursive: true });
  const page = await open(t);
  await page.goto(`file://${folder}/index.html`);
  await page.setInputFiles("input", BUILT_IN);
  hold(await shown(page));
});

test("in Node, with the model of the package and with one from a disk", async () => {
  const folder = await example("node");
  const { stdout } = await run(process.execPath, ["main.js"], { cwd: folder });
  hold(stdout);
  const { stdout: named } = await run(process.execPath, ["main.js", BUILT_IN], { cwd: folder });
  assert.equal(named, stdout);
  const missing = await run(process.execPath, ["main.js", "./nothing"], { cwd: folder }).then(() => assert.fail("it loads"), (error) => error);
  assert.match(missing.stderr, /ModelInvalid: `\.\/nothing` is no directory/);
  const gpu = 'import { Embedder } from "wembed"; await Embedder.load("wembed-mini", { device: "gpu" })';
  const refused = await run(process.execPath, ["--input-type=module", "--eval", gpu], { cwd: folder }).then(() => assert.fail("there is a GPU"), (error) => error);
  assert.match(refused.stderr, /WebGpuUnavailable/);
});

test("importing it does nothing, in Node and in a browser", async (t) => {
  const folder = await example("node").catch(() => join(top, "node"));
  const script = 'const before = Object.keys(globalThis).length; await import("wembed"); console.log(Object.keys(globalThis).length - before, process.getActiveResourcesInfo().filter((name) => /Worker|TCP|Timeout/.test(name)).length)';
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: folder });
  assert.equal(stdout.trim(), "0 0");
  const page = await open(t);
  const found = await page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => /wasm|model|worker/.test(name) && !/connection|wasm\.js/.test(name)).map(({ name }) => name));
  assert.deepEqual(found, []);
});
