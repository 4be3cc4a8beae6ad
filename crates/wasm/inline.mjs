// Makes dist/inline.js: the package, its worker and its module in one file.
//
//   node inline.mjs DIST

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { build } from "esbuild";

const dist = process.argv[2];
const wasm = join(dist, "wasm/simd/wembed_wasm_bg.wasm");

/** Nothing in the place of what a file alone cannot have: the other forms, and the model. */
const without = {
  name: "without",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /wasm\/(threads|relaxed)\/wembed_wasm\.js$/ }, ({ path }) => ({ path, namespace: "without" }));
    onLoad({ filter: /.*/, namespace: "without" }, () => ({ contents: "" }));
  },
};

// Addresses beside the script are never asked for here.
const common = { bundle: true, minify: true, target: "es2022", logOverride: { "empty-import-meta": "silent" } };

const worker = await build({ ...common, entryPoints: [join(dist, "worker.js")], format: "iife", write: false, plugins: [without] });

const inline = {
  name: "inline",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^inline:/ }, ({ path }) => ({ path, namespace: "inline" }));
    onLoad({ filter: /^inline:worker$/, namespace: "inline" }, () => ({ contents: worker.outputFiles[0].text, loader: "text" }));
    onLoad({ filter: /^inline:wasm$/, namespace: "inline" }, async () => ({ contents: await readFile(wasm), loader: "binary" }));
  },
};

await build({
  ...common,
  entryPoints: [join(dist, "inline.js")],
  format: "esm",
  outfile: join(dist, "inline.js"),
  allowOverwrite: true,
  plugins: [without, inline],
});
