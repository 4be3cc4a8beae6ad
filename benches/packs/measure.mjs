// What a browser loads of a model, plain and packed: bytes until the first vector, and until 1,000 sentences have theirs.

import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { launch } from "../../tests/browser/launch.mjs";
import { folders, serve } from "../../tests/browser/server.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PLAIN = here("../../target/full-width/xlm-roberta-12");
const PACKED = (rows) => here(`../../target/packs/${rows}`);

const languages = process.argv.slice(2);
const sentences = await Promise.all(languages.map(async (language) => (await readFile(here(`../../target/packs/${language}.1000.txt`), "utf8")).trim().split("\n")));
const first = sentences[0];
const share = first.length / languages.length;
const mixed = sentences.flatMap((sentences) => sentences.slice(0, share));

const server = await serve(folders, true);
const browser = await launch(false);

/** Loads the model in a new browser profile for readers of `languages`, embeds, and says how many megabytes had come by then. */
async function megabytes(directory, languages, texts, packs) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(server.origin);
  const bytes = await page.evaluate(
    async ([source, languages, texts, packs]) => {
      const { Embedder } = await import("/wembed/index.js");
      const model = await Embedder.load(source, { device: "cpu", languages, packs });
      const { errors } = await model.embed(texts);
      if (errors.some((error) => error)) throw errors.find((error) => error);
      const { network } = await model.info();
      await model.dispose();
      return network.bytes;
    },
    [server.add(directory, "ranges").path, languages, texts, packs],
  );
  await page.context().close();
  return Math.round(bytes / 1e6);
}

const rows = [];
for (const [name, directory] of [["plain, f16", PLAIN], ["packed, rows in f16", PACKED("f16")], ["packed, rows in int8", PACKED("int8")]]) {
  const [one] = first;
  rows.push([
    name,
    await megabytes(directory, languages.slice(0, 1), [one], "needed"),
    await megabytes(directory, languages.slice(0, 1), first, "needed"),
    await megabytes(directory, languages, mixed, "needed"),
  ]);
  console.error(rows.at(-1).join("\t"));
}
const { size } = await stat(`${PACKED("int8")}/tokenizer.json`);
console.log(`languages ${languages}; ${first.length} sentences; the tokenizer's ${(size / 1e6).toFixed(1)} MB are in all figures\n`);
console.log("| form | first vector | 1,000 sentences of one language | 1,000 of five |\n|---|---|---|---|");
for (const [name, ...figures] of rows) console.log(`| ${name} | ${figures.map((figure) => `${figure} MB`).join(" | ")} |`);
await browser.close();
server.close();
