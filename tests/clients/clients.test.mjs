// What programs in JavaScript use, as they use it: the packages openai and ollama, and the supervisor of examples/.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Ollama } from "ollama";
import OpenAI from "openai";

import { program, serve } from "./server.mjs";

const TEXTS = ["The cat sleeps.", "Die Katze schläft.", ""];
const server = await serve("--alias", "text-embedding-3-small");
after(() => server.child.kill());

const embed = async (path, body) => (await fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) })).json();
const own = async (options) => (await embed("/wembed/embed", { texts: TEXTS, ...options })).texts.map(({ embedding }) => embedding);
const single = (vector) => [...new Float32Array(vector)];

const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
const ollama = new Ollama({ host: server.url });

test("openai, which asks for base64 unasked", async () => {
  const expected = await own({ normalize: true });
  for (const encoding of [undefined, "float", "base64"]) {
    const { data, usage, model } = await openai.embeddings.create({ model: "text-embedding-3-small", input: TEXTS, ...(encoding ? { encoding_format: encoding } : {}) });
    assert.equal(model, "wembed-mini");
    assert.ok(usage.prompt_tokens > 10 && usage.total_tokens === usage.prompt_tokens);
    if (encoding === "base64") continue; // it is the caller's to decode then
    assert.deepEqual(data.map(({ embedding }) => single(embedding)), expected.map(single));
  }
  const cut = await openai.embeddings.create({ model: "wembed-mini", input: TEXTS[0], dimensions: 16 });
  assert.equal(cut.data[0].embedding.length, 16);
});

test("openai's errors", async () => {
  await assert.rejects(openai.embeddings.create({ model: "gpt", input: "a" }), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
  await assert.rejects(openai.embeddings.create({ model: "wembed-mini", input: [] }), (error) => error instanceof OpenAI.BadRequestError && /at least one text/.test(error.message));
  const models = [];
  for await (const model of openai.models.list()) models.push(model.id);
  assert.deepEqual(models, ["wembed-mini"]);
});

test("ollama", async () => {
  const { embeddings, total_duration, prompt_eval_count } = await ollama.embed({ model: "wembed-mini", input: TEXTS });
  assert.deepEqual(embeddings.map(single), (await own({ normalize: true })).map(single));
  assert.ok(total_duration > 0 && prompt_eval_count > 10);
  const { embedding } = await ollama.embeddings({ model: "wembed-mini:latest", prompt: TEXTS[0] });
  assert.deepEqual(single(embedding), single((await own({ normalize: false }))[0]));
  assert.deepEqual((await ollama.list()).models.map(({ name }) => name), ["wembed-mini"]);
  assert.equal((await ollama.ps()).models.length, 1);
  assert.equal((await ollama.show({ model: "wembed-mini" })).details.format, "safetensors");
  assert.equal((await ollama.pull({ model: "wembed-mini" })).status, "success");
  await assert.rejects(ollama.embed({ model: "llama", input: "a" }), (error) => error.status_code === 404 && /not here/.test(error.message));
});

test("a client that goes is no loss to others", async () => {
  const texts = (from) => Array.from({ length: 400 }, (_, text) => `text ${from + text} of many, which nobody will read to its end`);
  const goes = Array.from({ length: 20 }, async (_, index) => {
    const abort = AbortSignal.timeout(5 + 3 * index);
    await fetch(`${server.url}/embed`, { method: "POST", body: JSON.stringify({ inputs: texts(1000 * index) }), signal: abort }).then((answer) => answer.text()).catch(() => {});
  });
  const expected = await own({});
  for (let round = 0; round < 20; round++) assert.deepEqual(await own({}), expected);
  await Promise.all(goes);
});

const alive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
async function until(isTrue) {
  for (let round = 0; !(await isTrue()); round++) {
    assert.ok(round < 200, "it did not come to pass");
    await sleep(50);
  }
}

test("the supervisor starts it, and starts it again", async (t) => {
  const { Supervisor } = await import("../../target/clients/js/examples/supervisor/supervisor.js");
  const supervisor = new Supervisor(program, [], 10);
  t.after(() => supervisor.stop());
  const first = await supervisor.ready;
  const vector = async () => (await (await fetch(`${(await supervisor.ready).url}/embed`, { method: "POST", body: JSON.stringify({ inputs: "a" }) })).json())[0];
  const expected = await vector();
  process.kill(first.pid, "SIGKILL");
  await until(async () => (await supervisor.ready.catch(() => first)).pid !== first.pid);
  assert.deepEqual(await vector(), expected);
  const { pid } = await supervisor.ready;
  supervisor.stop();
  await until(() => !alive(pid));
});

test("a parent that is killed leaves nothing behind", async () => {
  const script = `import("${new URL("../../target/clients/js/examples/supervisor/supervisor.js", import.meta.url)}").then(async ({ Supervisor }) => console.log((await new Supervisor(${JSON.stringify(program)}).ready).pid))`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
  assert.ok(alive(pid));
  parent.kill("SIGKILL");
  await until(() => !alive(pid));
});
