// A model whose word table comes in packs: who waits for which, and what the server hears of it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { hub } from "./hub.mjs";
import { open, server } from "./page.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const PLAIN = join(root, "tests/golden/models/xlm-roberta");

const GERMAN = "ein kleiner Test";
const RUSSIAN = "проверка слова";

const place = await mkdtemp(join(tmpdir(), "wembed-packs-"));
after(() => rm(place, { recursive: true }));

/** Packs the plain model in f16, whose vectors have the same bits. */
const PACKED = join(place, "packed");
await writeFile(join(place, "de.txt"), `${GERMAN}\n`);
await writeFile(join(place, "ru.txt"), `${RUSSIAN}\n`);
const texts = ["de", "ru"].flatMap((language) => ["--texts", `${language}=${place}/${language}.txt`]);
execFileSync("cargo", ["run", "--quiet", "--package", "wembed", "--", "pack", PLAIN, PACKED, "--rows", "f16", ...texts], { cwd: root });
const packs = JSON.parse(await readFile(join(PACKED, "pack.json"), "utf8")).packs;
const files = (isOne) => packs.filter(isOne).map(({ file }) => file).sort();
const ALL = files(() => true);
const FOR_GERMAN = files(({ script, language, rest }) => !rest && (language === undefined ? ["Zyyy", "Latn"].includes(script) : language === "de"));

/** The packs that were asked for, each once, in order. */
const asked = ({ asked }) => [...new Set(asked.map((line) => line.split(" ")[0]).filter((path) => path.startsWith("vocabulary/")))];

/** Loads, embeds a text at once, waits until nothing more comes, and embeds all. */
const use = (page, source, options, first = GERMAN) =>
  page.evaluate(
    async ([source, options, first, texts]) => {
      const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de-AT"], ...options });
      const loaded = (await model.info()).packs;
      const alone = look(await model.embed([first]));
      while (options.packs !== "needed" && (await model.info()).packs?.here !== (await model.info()).packs?.of) await new Promise((resolve) => setTimeout(resolve, 10));
      const all = look(await model.embed(texts));
      const { network, packs } = await model.info();
      await model.dispose();
      return { loaded, alone, all, network, packs };
    },
    [source, options, first, [GERMAN, RUSSIAN, "1, 2"]],
  );

test("the reader's packs come first, and vectors are the whole table's", async (t) => {
  const page = await open(t);
  const expected = await use(page, server.add(PLAIN, "ranges").path, {});
  assert.equal(expected.packs, null);
  assert.ok(FOR_GERMAN.length >= 2 && FOR_GERMAN.length < ALL.length - 2, `${FOR_GERMAN} of ${ALL}`);
  for (const device of ["cpu", "gpu"]) {
    const plain = device === "cpu" ? expected : await use(page, server.add(PLAIN, "ranges").path, { device });
    for (const cache of ["use", "none"]) {
      const served = server.add(PACKED, "ranges");
      const found = await use(page, served.path, { device, cache });
      assert.deepEqual([found.alone, found.all], [plain.alone, plain.all], `${device} ${cache}`);
      assert.deepEqual(found.loaded, { here: FOR_GERMAN.length, of: ALL.length });
      assert.deepEqual(asked(served).slice(0, FOR_GERMAN.length).sort(), FOR_GERMAN);
      assert.deepEqual(asked(served).sort(), ALL);
      assert.deepEqual(found.packs, { here: ALL.length, of: ALL.length });
    }
  }
});

test("the server hears the same, whatever the texts are", async (t) => {
  for (const cache of ["use", "none"]) {
    const heard = [];
    for (const text of [GERMAN, RUSSIAN, "", "1, 2"]) {
      const served = server.add(PACKED, "ranges");
      await use(await open(t), served.path, { cache }, text);
      heard.push(served.asked);
    }
    for (const one of heard) assert.deepEqual(one, heard[0], cache);
  }
});

test("where it is asked for, a pack comes when a text needs it", async (t) => {
  const page = await open(t);
  const served = server.add(PACKED, "ranges");
  const found = await page.evaluate(
    async ([source, german, russian]) => {
      const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de"], packs: "needed" });
      await model.embed([german]);
      const before = (await model.info()).packs.here;
      const [one, other] = await Promise.all([model.embed([russian]), model.embed([russian, german])]);
      const { packs } = await model.info();
      await model.dispose();
      return { before, packs, same: one.data.every((value, index) => Object.is(value, other.data[index])) };
    },
    [served.path, GERMAN, RUSSIAN],
  );
  assert.deepEqual([found.before, found.same], [FOR_GERMAN.length, true]);
  assert.ok(found.packs.here > found.before && found.packs.here < found.packs.of, JSON.stringify(found.packs));
  assert.equal(asked(served).length, found.packs.here);
});

test("kept packs are not asked for again, and work without a network", async (t) => {
  const page = await open(t);
  const served = server.add(PACKED, "ranges");
  const first = await use(page, served.path, {});
  served.manner = "gone";
  const second = await use(page, served.path, {});
  assert.deepEqual([second.all, second.network], [first.all, { requests: 0, bytes: 0, hosts: [] }]);
  // Without a list of its own languages a browser loads what it has.
  await use(page, served.path, { languages: [] });
});

test("a hub's packed model, too", async (t) => {
  const page = await open(t);
  const state = await hub(t, PACKED);
  const expected = await use(page, server.add(PLAIN, "ranges").path, {});
  const found = await use(page, "org/name", { hub: state.url });
  assert.deepEqual([found.all, found.loaded.here], [expected.all, FOR_GERMAN.length]);
});

test("a text that waits hears its signal, and others do not wait", async (t) => {
  const page = await open(t);
  const served = server.add(PACKED, "ranges");
  await page.exposeFunction("behave", (manner) => (served.manner = manner));
  const found = await page.evaluate(
    async ([source, german, russian]) => {
      const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de"], packs: "needed" });
      const abort = new AbortController();
      await behave("held");
      const waiting = failure(model.embed([russian], { signal: abort.signal }));
      const { errors } = await model.embed([german]);
      const { packs } = await model.info();
      abort.abort("enough");
      const { name, cause } = await waiting;
      await behave("ranges");
      const later = await model.embed([russian]);
      await model.dispose();
      return { name, cause, errors, later: later.errors, here: packs.here };
    },
    [served.path, GERMAN, RUSSIAN],
  );
  assert.deepEqual(found, { name: "Aborted", cause: "enough", errors: [null], later: [null], here: FOR_GERMAN.length });
});

test("a pack that is wrong, or does not come, is an error of the texts that need it, and nothing of it is kept", async (t) => {
  for (const [manner, cache, word] of [["corrupt", "use", /SHA-256/], ["corrupt", "none", /SHA-256/], ["gone", "use", /./], ["gone", "none", /./]]) {
    const page = await open(t);
    const served = server.add(PACKED, "ranges");
    await page.exposeFunction("behave", (manner) => (served.manner = manner));
    const found = await page.evaluate(
      async ([source, cache, german, russian, manner]) => {
        const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de"], packs: "needed", cache });
        await behave(manner);
        const failed = await failure(model.embed([russian]));
        const others = look(await model.embed([german]));
        await behave("ranges");
        const again = look(await model.embed([russian]));
        await model.dispose();
        return { failed, others, again };
      },
      [served.path, cache, GERMAN, RUSSIAN, manner],
    );
    assert.deepEqual([found.failed.name, found.failed.isTyped], ["DownloadFailed", true], found.failed.message);
    assert.match(found.failed.message, word);
    assert.deepEqual([...found.others.errors, ...found.again.errors], [null, null], `${manner} ${cache}`);
  }
});

test("files that do not belong together are refused, and the next load begins anew", async (t) => {
  const page = await open(t);
  const mixed = join(place, "mixed");
  await cp(PACKED, mixed, { recursive: true });
  const served = server.add(mixed, "ranges");
  const load = () => page.evaluate((source) => failure(wembed.Embedder.load(source, { device: "cpu", languages: ["de"] }).then((model) => model.dispose())), served.path);
  const config = join(mixed, "0_Transformer/config.json");
  const right = await readFile(config);
  await writeFile(config, right.toString().replace("{", "{ "));
  const error = await load();
  assert.deepEqual([error.name, error.isTyped], ["DownloadFailed", true], error.message);
  await writeFile(config, right);
  assert.equal((await load()).name, "nothing");
  const list = await readFile(join(mixed, "pack.json"), "utf8");
  for (const [wrong, word] of [
    ["{", /pack\.json.*expected/],
    [list.replace('"wembed_pack": 1', '"wembed_pack": 2'), /version 2/],
    [list.replace(/"sha256": "./, '"sha256": "x'), /SHA-256/],
    [list.replace(/"script": "Latn"/, '"writing": "Latn"'), /script/],
    ['{"wembed_pack":1,"packs":[]}', /a file without/],
    ['{"wembed_pack":1,"files":{}}', /a pack without/],
    [JSON.stringify({ ...JSON.parse(list), packs: [...packs, packs[0]] }), /a pack twice/],
  ]) {
    await page.evaluate(() => wembed.clearCache());
    await writeFile(join(mixed, "pack.json"), wrong);
    const error = await load();
    assert.deepEqual([error.name, error.isTyped], ["ModelInvalid", true], `${wrong.slice(0, 40)}: ${error.message}`);
    assert.match(error.message, word);
  }
});

test("a list that lacks a pack of the encoder's is an error of the texts that need it", async (t) => {
  const page = await open(t);
  const lacking = join(place, "lacking");
  await cp(PACKED, lacking, { recursive: true });
  const list = JSON.parse(await readFile(join(lacking, "pack.json"), "utf8"));
  list.packs = list.packs.filter(({ language }) => language !== "ru");
  await writeFile(join(lacking, "pack.json"), JSON.stringify(list));
  const found = await page.evaluate(
    async ([source, german, russian]) => {
      const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de"] });
      const [failed, others] = [await failure(model.embed([russian])), await model.embed([german])];
      await model.dispose();
      return { failed, errors: others.errors };
    },
    [server.add(lacking, "ranges").path, GERMAN, RUSSIAN],
  );
  assert.deepEqual([found.failed.name, found.failed.isTyped, found.errors], ["ModelInvalid", true, [null]], found.failed.message);
});

test("a pack that is not there keeps no other from coming, and comes when it is there again, unasked", async (t) => {
  const page = await open(t);
  for (const cache of ["use", "none"]) {
    const served = server.add(PACKED, "ranges");
    served.missing = /ru\.safetensors$/;
    const found = await page.evaluate(
      async ([source, cache, german, russian, chinese]) => {
        const model = await wembed.Embedder.load(source, { device: "cpu", languages: ["de"], cache });
        const failed = await failure(model.embed([german, russian]));
        const others = await model.embed([german, chinese]);
        // All the others come in the background, however slow this machine is.
        for (let packs; (packs = (await model.info()).packs), packs.here < packs.of - 1; ) await new Promise((resolve) => setTimeout(resolve, 50));
        const { packs } = await model.info();
        globalThis.kept = model;
        return { failed, errors: others.errors, packs };
      },
      [served.path, cache, GERMAN, RUSSIAN, "测试 中文"],
    );
    assert.deepEqual([found.failed.name, found.failed.isTyped, found.errors], ["DownloadFailed", true, [null, null]], found.failed.message);
    assert.equal(found.packs.here, found.packs.of - 1);
    served.missing = undefined;
    const errors = await page.evaluate(async (russian) => {
      for (let packs; (packs = (await kept.info()).packs), packs.here < packs.of; ) await new Promise((resolve) => setTimeout(resolve, 50));
      return (await kept.embed([russian])).errors;
    }, RUSSIAN);
    assert.deepEqual(errors, [null]);
    await page.evaluate(() => kept.dispose());
  }
});

test("which packs come first", async () => {
  const { order } = await import("../../../target/npm/dist/files/packs.js");
  const pack = (file, script, language, rest) => ({ file, script, ...(language ? { language } : {}), ...(rest ? { rest } : {}) });
  const packs = [
    pack("common", "Zyyy"), pack("Latn", "Latn"), pack("de", "Latn", "de"), pack("uk", "Cyrl", "uk"), pack("ja", "Hani", "ja"),
    pack("Cyrl-rest", "Cyrl", "", true), pack("Geor-rest", "Geor", "", true), pack("Hira-rest", "Hira", "", true), pack("Latn-rest", "Latn", "", true),
  ];
  for (const [languages, first, next] of [
    [["de"], ["common", "Latn", "de"], "Latn-rest"],
    [["en-US"], ["common", "Latn"], "de"],
    [["ja"], ["common", "ja"], "Hira-rest"], // its own pack has what it needs of each of its scripts
    [["ru"], ["common", "uk"], "Cyrl-rest"], // nobody counted Russian: the nearest there is
    [["ka", "de"], ["common", "Latn", "de", "Geor-rest"], "Latn-rest"],
    [["am"], ["common"], "Latn"], // there is nothing of its script
    [[], ["common"], "Latn"],
  ]) {
    const found = order(packs, languages);
    assert.deepEqual([found.first, found.others[0]], [first, next], `${languages}`);
    assert.deepEqual([...found.first, ...found.others].sort(), packs.map(({ file }) => file).sort());
  }
});

test("options that are none are named", async (t) => {
  const page = await open(t);
  for (const options of [{ languages: ["no language"] }, { languages: "de" }, { packs: "some" }, { languages: [7] }]) {
    const error = await page.evaluate((options) => failure(wembed.Embedder.load("wembed-mini", options)), options);
    assert.deepEqual([error.name, error.isTyped], ["ArgumentInvalid", true], error.message);
    assert.match(error.message, new RegExp(`\`${Object.keys(options)[0]}\``));
  }
});

test("in Node it is a directory as any other", async () => {
  const { Embedder } = await import("../../../target/npm/dist/node.js");
  const vectors = async (directory) => {
    const model = await Embedder.load(directory);
    const { data } = await model.embed([GERMAN, RUSSIAN]);
    await model.dispose();
    return data;
  };
  assert.deepEqual(await vectors(PACKED), await vectors(PLAIN));
});
