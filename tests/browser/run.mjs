// Runs jobs in a real browser: one JSON line a job on stdin, one JSON line a result on stdout.
//
//   node run.mjs [--without-webgpu] <jobs >results
//
// A job names a model's `directory` or another `source`, the `manner` in which it is served, `options` to load it with and `calls` of
// an `Embedder`, each an array of a name and its arguments, made one by one or, with `overlap`, all at once. A result has
// the server's `requests` and for each call its `value` or the `error` that its promise was rejected with, or the `error`
// of the load; `fault` where the page itself failed: an uncaught error, an error on the console, a crash, no end. Vectors
// are the hex of little-endian f32.

import { createInterface } from "node:readline";
import { launch } from "./launch.mjs";
import { folders, serve } from "./server.mjs";

const SECONDS_A_JOB = 200;

const servers = { isolated: await serve(folders, true), plain: await serve(folders, false) };

const browser = await launch(!process.argv.includes("--without-webgpu"));

for await (const line of createInterface({ input: process.stdin })) {
  const result = await run(JSON.parse(line)).catch((error) => ({ fault: String(error) }));
  console.log(JSON.stringify(result));
}
await browser.close();
for (const server of Object.values(servers)) server.close();

async function run({ directory, source, manner, options, plain, worker, calls, overlap }) {
  const server = plain ? servers.plain : servers.isolated;
  const root = server.add(directory, manner);
  const page = await browser.newPage();
  let timer;
  const failed = new Promise((_, reject) => {
    page.on("pageerror", (error) => reject(error));
    page.on("crash", () => reject(new Error("the page crashed")));
    page.on("console", (message) => {
      // A file that is not there is an answer: models leave out what they do not need.
      if (message.text().includes("404 (Not Found)")) return;
      if (message.type() === "error" && manner !== "failing" && manner !== "broken") reject(new Error(message.text()));
      else console.error(`browser: ${message.type()}: ${message.text()}`);
    });
    timer = setTimeout(() => reject(new Error(`no end after ${SECONDS_A_JOB} s`)), SECONDS_A_JOB * 1000);
  });
  try {
    const work = page.goto(server.origin).then(() => page.evaluate(inPage, { source: source ?? root.path, options, worker, calls, overlap }));
    work.catch(() => {}); // the page is closed when something else has failed
    return { ...(await Promise.race([work, failed])), requests: root.requests };
  } finally {
    clearTimeout(timer);
    failed.catch(() => {});
    await page.close();
  }
}

/** Runs in the page, and sees nothing of this file. */
async function inPage({ source, options, worker, calls, overlap }) {
  const { Embedder } = await import("/wembed/index.js");
  const plain = (value) => {
    if (value?.ids) return { ...value, ids: [...value.ids] };
    if (!value?.data) return value;
    return { ...value, data: new Uint8Array(value.data.buffer).toHex(), tokens: [...value.tokens], errors: value.errors.map((error) => error?.message ?? null) };
  };
  const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ error: `${error.name}: ${error.message}` }));
  const assets = worker && { worker: new URL(worker, location.href) };
  const { value: model, error } = await settled(Embedder.load(source, { ...options, assets }));
  if (error !== undefined) return { error };
  // Heard by losing.mjs.
  const lose = (plan) => new Promise((resolve) => {
    const channel = new BroadcastChannel("lose");
    channel.onmessage = () => resolve(null);
    channel.postMessage(plan);
  });
  const promises = [];
  for (const [name, ...args] of calls) {
    const result = settled((name === "lose" ? lose(...args) : model[name](...args)).then(plain));
    if (!overlap) await result;
    promises.push(result);
  }
  const results = await Promise.all(promises);
  await model.dispose();
  return { results };
}
