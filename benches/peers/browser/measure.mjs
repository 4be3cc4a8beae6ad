// Measures the engines in one browser, in alternating rounds. benches/peers/browser/run sets up what it needs and starts it.
//
// First each engine is opened cold, some times over, each time in a browser context of its own: that is a process and caches
// of its own. Then each gets a page that it keeps. A round goes through the cases, and for each case through all engines,
// starting one engine later than the round before: neighbours in time are what is compared.

import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { launch } from "../../../tests/browser/launch.mjs";
import { folders, serve } from "../../../tests/browser/server.mjs";
import { busySeconds, ownSeconds } from "./processor.mjs";
import { markdown } from "./table.mjs";
import { takeSent } from "./transfers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PEERS = here("../../../target/peers/");

const engine = (program, dtype, threads, form) => ({
  name: [program, dtype, form, `${threads} thread${threads > 1 ? "s" : ""}`].filter(Boolean).join(" "),
  options: { program, device: "cpu", dtype, threads, form },
});
const onGpu = (program, dtype) => ({ name: `${program} ${dtype} WebGPU`, options: { program, device: "gpu", dtype, threads: 1 } });
const ENGINES = [
  engine("transformers.js", "q8", 1),
  engine("wembed", "int8", 1, "relaxed"),
  engine("transformers.js", "f32", 1),
  engine("wembed", "f32", 1, "simd"),
  engine("wembed", "f32", 1, "relaxed"),
  engine("transformers.js", "f32", 2),
  engine("wembed", "f32", 2, "threads"),
];
// With --webgpu, on a program that stands for a GPU: an alarm, not a goal.
const GPU_ENGINES = [onGpu("transformers.js", "f32"), onGpu("wembed", "f32"), onGpu("wembed", "f16")];
// A worse distance to the reference than this is another model, not rounding.
const WORST_DISTANCE = { f32: 1e-8, f16: 1e-5, int8: 5e-3, q8: 5e-2 };
// What transformers.js calls a type.
const THEIRS = { int8: "q8" };
const TARGET = 1.5;

const COLD_ROUNDS = 3;
// V8 compiles what runs often once more, and better: until then is the warm-up.
const WARM_UP = { least: 3, most: Infinity, seconds: 2 };
const TURN = { least: 1, most: 40, seconds: 0.6 };

const note = (message) => console.error(`peers: ${message}`);
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The list, beginning with its `first`; indices wrap. */
const rotated = (list, first) => list.map((_, index) => list[(first + index) % list.length]);

/** A page; `call` calls a function of page.mjs and fails when the page does. */
async function openPage(context, origin) {
  const page = await context.newPage();
  const failed = new Promise((_, reject) => {
    page.on("pageerror", reject);
    page.on("crash", () => reject(new Error("the page crashed")));
  });
  failed.catch(() => {}); // it is heard where something is called
  page.on("console", (message) => {
    if (message.text().includes("404 (Not Found)")) return; // files that a model need not have
    if (["error", "warning"].includes(message.type())) note(`browser: ${message.text()}`);
  });
  await page.goto(`${origin}/bench/page.html`);
  const inPage = async ({ name, args }) => (await import("/bench/page.mjs"))[name](...args);
  return { page, call: (name, ...args) => Promise.race([page.evaluate(inPage, { name, args }), failed]) };
}

/** Seconds to the first vector in a browser's profile that knows nothing, and the bytes sent for it by path; then, once it is all there, in another page. */
async function cold(browser, origin, { options }, texts) {
  const context = await browser.newContext();
  const first = async () => {
    const { page } = await openPage(context, origin);
    takeSent();
    const seconds = await page.evaluate(async ({ options, texts }) => {
      const start = performance.now();
      const { open, embed } = await import("/bench/page.mjs");
      await open(options);
      await embed(texts);
      return (performance.now() - start) / 1000;
    }, { options, texts });
    await page.close();
    return { seconds, sent: takeSent() };
  };
  const { seconds, sent } = await first();
  const again = await first();
  await context.close();
  return { seconds, sent, again: again.seconds };
}

/** Bytes of programs and of models, and of programs as a server that compresses would send them. */
async function sizes(sent, origin) {
  const bytes = { program: 0, model: 0, zipped: 0 };
  for (const [path, count] of sent) {
    if (path.startsWith("/bench/")) continue;
    const of = /^\/(models|peers\/minilm)\//.test(path) ? "model" : "program";
    bytes[of] += count;
    if (of === "program") bytes.zipped += gzipSync(await (await fetch(origin + path)).arrayBuffer(), { level: 9 }).length;
  }
  return bytes;
}

/** The largest 1 - cos, as half the squared distance of the unit vectors: nothing cancels. A NaN stays one. */
function worstDistance(data, vectors) {
  const unit = (vector) => vector.map((value) => value / Math.hypot(...vector));
  const dims = vectors[0].length;
  const [expected, found] = [vectors.length * dims, data.length];
  if (found !== expected) throw new Error(`expected ${vectors.length} vectors of ${dims}, found ${found} values`);
  return Math.max(...vectors.map((vector, row) => {
    const [ours, reference] = [unit(data.slice(row * dims, (row + 1) * dims)), unit(vector)];
    return ours.reduce((sum, value, column) => sum + (value - reference[column]) ** 2, 0) / 2;
  }));
}

/** Opens an engine in a page that stays, holds it against the reference and runs it until it is as fast as it gets. */
async function warm(browser, origin, { name, options }, cases) {
  const { call } = await openPage(await browser.newContext(), origin);
  await call("open", options);
  let distance = 0;
  for (const [of, { texts, tokens, vectors }] of Object.entries(cases)) {
    const found = await call("tokens", texts);
    if (found.some((each) => each !== tokens)) {
      throw new Error(`${name}: ${of}: expected ${tokens} tokens a text, found ${found}`);
    }
    distance = Math.max(distance, worstDistance(await call("embed", texts), vectors));
    await call("requests", texts, WARM_UP);
  }
  const bound = WORST_DISTANCE[options.dtype];
  if (!(distance <= bound)) throw new Error(`${name}: expected at most ${bound} of 1 - cos, found ${distance}`);
  note(`${name}: warm`);
  return { call, distance };
}

/** What was measured, and on what. */
function about(browser) {
  const script = "import json, machine; print(json.dumps([machine.processor()[0], machine.commit()]))";
  const environment = { ...process.env, PYTHONPATH: here("..") };
  const python = here("../../../target/peers/venv/bin/python");
  const [processor, commit] = JSON.parse(execFileSync(python, ["-Bc", script], { env: environment }));
  const version = (name) => JSON.parse(readFileSync(`${PEERS}node_modules/${name}/package.json`)).version;
  // The package may be older than the tree.
  const built = statSync(`${folders["/wembed/"]}/wasm/relaxed/wembed_wasm_bg.wasm`).mtime.toISOString().slice(0, 16);
  const versions = [
    `wembed at ${commit} (package built ${built}Z)`, `Chromium ${browser.version()}`,
    `transformers.js ${version("@huggingface/transformers")}`, `onnxruntime-web ${version("onnxruntime-web")} (asyncify)`,
  ];
  return {
    machine: `${processor}, ${availableParallelism()} cores`,
    date: new Date().toISOString().slice(0, 10),
    versions: versions.join(", "),
    command: ["benches/peers/browser/run", ...process.argv.slice(2)].join(" "),
  };
}

async function measure(browser, origin, engines, cases, rounds) {
  const [{ texts: first }] = Object.values(cases);
  for (let round = 0; round < COLD_ROUNDS; round++) {
    for (const engine of rotated(engines, round)) {
      const { seconds, sent, again } = await cold(browser, origin, engine, first);
      engine.first.push(seconds);
      engine.again.push(again);
      engine.bytes ??= await sizes(sent, origin);
    }
  }
  note("first vectors are measured");
  const pages = new Map();
  for (const engine of engines) {
    const { call, distance } = await warm(browser, origin, engine, cases);
    pages.set(engine, call);
    engine.distance = distance;
    if (engine.options.device === "gpu" && engine.options.program === "wembed") {
      for (const [name, { texts }] of Object.entries(cases)) engine.counts[name] = await call("counts", texts);
    }
  }
  const spent = () => ({ time: performance.now() / 1000, own: ownSeconds(), busy: busySeconds() });
  const since = (start) => Object.fromEntries(Object.entries(spent()).map(([key, value]) => [key, value - start[key]]));
  await sleep(1);
  let start = spent();
  await sleep(2);
  const idle = since(start);
  start = spent();
  for (let round = 0; round < rounds; round++) {
    for (const [name, { texts }] of Object.entries(cases)) {
      for (const engine of rotated(engines, round)) {
        const [first, ...others] = await pages.get(engine)("requests", texts, TURN);
        // The first, which finds another engine's data in the caches, counts only where it is so slow that it is alone.
        engine.seconds[name].push(others.length ? others : [first]);
      }
    }
    note(`round ${round + 1} of ${rounds}`);
  }
  const { time, own, busy } = since(start);
  return { idle: idle.own / idle.time, others: (busy - own) / (time * availableParallelism()) };
}

const { values: { webgpu, rounds, only, output } } = parseArgs({
  options: { webgpu: { type: "boolean", default: false }, rounds: { type: "string", default: "6" }, only: { type: "string", default: "" }, output: { type: "string" } },
});
const all = Object.entries(JSON.parse(readFileSync(`${PEERS}minilm/cases.json`)));
// A program that stands for a GPU does some thirty tokens a second.
const cases = Object.fromEntries(webgpu ? all.slice(0, 1) : all);
const engines = (webgpu ? GPU_ENGINES : ENGINES).filter(({ name }) => new RegExp(only).test(name))
  .map((engine) => ({ ...engine, first: [], again: [], counts: {}, seconds: Object.fromEntries(Object.keys(cases).map((name) => [name, []])) }));
if (!engines.length || !(Number(rounds) >= 1)) {
  note(`--rounds: a number of 1 or more; --only: a match in one of ${ENGINES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
// Isolated pages, for the threads' shared memory, and for a clock that is not rounded to 0.1 ms.
const server = await serve({ ...folders, "/bench/": here("."), "/peers/": PEERS }, true);
const browser = await launch(webgpu);
try {
  const shares = await measure(browser, server.origin, engines, cases, Number(rounds));
  // Each of ours beside its peer: of the same type, with as many threads.
  const peer = ({ options }) => ({ options: other }) =>
    other.program !== "wembed" && other.dtype === (THEIRS[options.dtype] ?? options.dtype) && other.threads === options.threads;
  const pairs = engines.filter(({ options }) => options.program === "wembed")
    .flatMap((ours) => engines.filter(peer(ours)).map(({ name }) => [ours.name, name]));
  const shape = ({ texts, tokens }) => ({ texts: texts.length, tokens });
  const shapes = Object.fromEntries(Object.entries(cases).map(([name, each]) => [name, shape(each)]));
  const result = { about: about(browser), cases: shapes, rounds: Number(rounds), target: TARGET, pairs, ...shares, engines };
  if (output) writeFileSync(output, `${JSON.stringify(result, null, 1)}\n`);
  console.log(markdown(result));
} catch (error) {
  note(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
  server.close();
}
