// The JavaScript in the documents, run as it stands there, from a folder with the package installed as npm packs it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { fromCdn, run, unpacked } from "./packed.mjs";
import { open, plain } from "./page.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const documents = ["README.md", "crates/wasm/README.md", ...(await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];

const { folder } = await unpacked();
await writeFile(join(folder, "texts.txt"), "a cat\neine Katze\n");

async function blocks(language) {
  const found = [];
  for (const document of documents) {
    const text = await readFile(join(root, document), "utf8");
    for (const match of text.matchAll(/^```(\w*)\n(.*?)^```/gms)) {
      if (match[1] === language) found.push({ place: `${document}:${text.slice(0, match.index).split("\n").length}`, code: match[2] });
    }
  }
  assert.ok(found.length, `no ${language} in the documents`);
  return found;
}

/** What a document takes to be there. */
const GIVEN = [
  [/\bEmbedder\b|\bmodel\b/, /import \{ Embedder \}/, 'import { Embedder } from "wembed";'],
  [/\bmodel\b/, /const model =/, "const model = await Embedder.load();"],
  [/\btexts\b/, /const texts =|of texts/, 'const texts = ["a cat", "eine Katze"];'],
  [/\blines\(\)/, /function\*? lines/, 'function* lines() { yield "a cat"; }'],
];

/** A server, where one is asked; its address stands for the document's. */
async function served(t, code) {
  if (!code.includes("http://127.0.0.1:8080")) return code;
  const program = ["debug", "release"].map((profile) => join(root, "target", profile, "wembed")).find(existsSync);
  if (!program) {
    assert.ok(!process.env.WEMBED_REQUIRE, "WEMBED_REQUIRE is set, but wembed is not built: cargo build");
    return t.skip("wembed is not built: cargo build");
  }
  const server = spawn(program, ["serve", "--port", "0", "--device", "cpu", "--exit-with-stdin"], { stdio: ["pipe", "pipe", "ignore"] });
  t.after(() => server.kill());
  const [line] = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", (line) => resolve([line])));
  return code.replaceAll("http://127.0.0.1:8080", JSON.parse(line).url);
}

for (const { place, code } of await blocks("js")) {
  test(`${place} runs`, async (t) => {
    const given = GIVEN.filter(([used, made]) => used.test(code) && !made.test(code)).map(([, , line]) => line);
    // A small model stands for the hub's.
    const text = await served(t, [...given, code].join("\n").replaceAll("sentence-transformers/all-MiniLM-L6-v2", join(root, "tests/golden/models/bert")));
    if (!text) return;
    const file = join(folder, `${place.replace(/\W/g, "-")}.mjs`);
    await writeFile(file, text);
    const { stdout } = await run(process.execPath, [file], { cwd: folder });
    // What a line prints stands behind it, where it is not a description.
    const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, value]) => value).filter((value) => !value.startsWith("a "));
    for (const value of said) assert.ok(stdout.split("\n").includes(value), `expected ${value}, found ${stdout}`);
  });
}

for (const { place, code } of await blocks("html")) {
  test(`${place} is a page that works`, async (t) => {
    const site = await mkdtemp(join(tmpdir(), "wembed-page-"));
    t.after(() => rm(site, { recursive: true, force: true }));
    await writeFile(join(site, "index.html"), code);
    const page = await open(t, { origin: plain.origin });
    await fromCdn(page, folder);
    await page.goto(plain.origin + plain.add(site, "ranges").path);
    const first = page.locator("#found li").first();
    await first.waitFor({ timeout: 60_000 });
    assert.equal(await first.textContent(), "The kitten lies on the sofa.");
    await page.fill("#query", "Wann muss ich Steuern zahlen?");
    await page.locator("#found li:first-child", { hasText: "Steuer" }).waitFor();
  });
}
