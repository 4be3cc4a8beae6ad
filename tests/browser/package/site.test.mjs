// The demo page as visitors meet it: on a phone and on a desk, by day and by night, by keyboard, by what a screen reader is told.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import axe from "axe-core";

import { launch } from "../launch.mjs";
import { serve } from "../server.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const server = await serve({ "/": here("../../../target/www") }, false);
const browser = await launch();
after(async () => {
  await browser.close();
  server.close();
});

/** The page, its model loaded and the sample searched. Anything on its console fails the test. */
async function visit(t, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error));
  page.on("console", (message) => message.type() === "error" && faults.push(new Error(message.text())));
  const requests = [];
  context.on("request", (request) => requests.push(request));
  t.after(async () => {
    await context.close();
    if (faults.length > 0) throw faults[0];
  });
  await page.goto(server.origin);
  await page.waitForFunction(() => document.querySelectorAll("#results li").length > 0);
  return { page, requests, faults };
}

const results = (page) => page.$$eval("#results li", (rows) => rows.map((row) => ({ score: Number(row.querySelector("b").textContent), text: row.querySelector("span").textContent })));

const look = async (page, query) => {
  await page.fill("#query", query);
  await page.waitForTimeout(400);
  return results(page);
};

for (const [width, height] of [[390, 844], [1280, 800]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`axe finds nothing at ${width} pixels, ${colorScheme}`, async (t) => {
      const { page } = await visit(t, { viewport: { width, height }, colorScheme });
      for (const tab of ["search", "map", "benchmark", "panel"]) {
        await page.click(`#tab-${tab}`);
        if (tab === "panel") await page.waitForFunction(() => document.querySelector("#check").textContent.startsWith("Yes"));
        if (tab === "map") await page.click("summary");
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], tab);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${tab} is ${overflow} pixels too wide`);
      }
    });
  }
}

test("the search finds by meaning, across languages, as one types", async (t) => {
  const { page } = await visit(t);
  const found = await look(page, "The kitten is sleeping on the sofa");
  assert.ok(["子猫がソファの上で寝ています。", "The cat sleeps on the windowsill all day."].includes(found[0].text), JSON.stringify(found));
  assert.ok(found.every(({ score }, index) => index === 0 || score <= found[index - 1].score));
  await page.fill("#texts", "One line about cooking rice.\nEine Zeile über das Wetter.\n\nUne ligne sur la musique.");
  await page.waitForFunction(() => document.querySelector("#count").textContent === "3 texts");
  const [weather] = await look(page, "It will rain tomorrow.");
  assert.equal(weather.text, "Eine Zeile über das Wetter.");
  await page.setInputFiles("#files", [{ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("first\nsecond") }]);
  await page.waitForFunction(() => document.querySelector("#count").textContent === "2 texts");
  await page.click("#sample");
  await page.waitForFunction(() => document.querySelector("#count").textContent === "60 texts");
});

test("every control is reached and works by keyboard", async (t) => {
  const { page } = await visit(t);
  const reached = new Set();
  for (const tab of ["search", "map", "benchmark", "panel"]) {
    await page.focus("[role=tab][aria-selected=true]");
    if (tab !== "search") await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${tab}`);
    assert.equal(await page.isVisible(`#${tab}`), true);
    if (tab === "benchmark") await page.waitForTimeout(300);
    const controls = await page.$$eval(`#${tab} :is(button, input, select, textarea, summary, [tabindex="0"]):not(:disabled)`, (all) => all.map((one, index) => (one.dataset.control = `${one.id || one.tagName}-${index}`)));
    for (let step = 0; step < controls.length + 2; step++) {
      await page.keyboard.press("Tab");
      reached.add(`${tab} ${await page.evaluate(() => document.activeElement.dataset.control)}`);
    }
    for (const control of controls) assert.ok(reached.has(`${tab} ${control}`), `${control} on ${tab}`);
  }
  await page.focus("[role=tab][aria-selected=true]");
  await page.keyboard.press("Home");
  await page.focus("#examples button:last-child");
  await page.keyboard.press("Enter");
  await page.waitForTimeout(400);
  assert.match((await results(page))[0].text, /laptop|Ноутбук|Rechner|ordinateur/);
});

test("it says truthfully what it is, and nothing else leaves the tab", async (t) => {
  const { page, requests, faults } = await visit(t);
  await look(page, "a secret that nobody may read");
  await page.click("#tab-panel");
  await page.waitForFunction(() => document.querySelector("#check").textContent.startsWith("Yes"));
  const leaves = await page.textContent("#leaves");
  assert.match(leaves, new RegExp(`\\d+ requests were sent to ${new URL(server.origin).host}, which answered with 7\\.3 MB`));
  assert.match(await page.textContent("#facts"), /the processor: relaxed-simd, 1 thread/);
  assert.match(await page.textContent("#kept"), /wembed-mini: 7\.3 MB/);
  for (const request of requests) {
    assert.ok(request.method() === "GET" && new URL(request.url()).origin === server.origin, request.url());
    assert.ok(!decodeURIComponent(request.url()).includes("secret"));
  }
  assert.ok(requests.some((request) => request.url().endsWith("/model.safetensors")), "the worker's requests are among them");
  // The policy, not only good manners; it holds for the worker, which has the texts, too.
  const send = () => fetch("https://example.org/?q=secret").then(() => "sent", () => "refused");
  assert.equal(await page.evaluate(send), "refused");
  assert.equal(await page.workers()[0].evaluate(send), "refused");
  assert.equal(faults.splice(0).filter(({ message }) => message.includes("Content Security Policy")).length, 2);
  await page.click("#clear");
  await page.waitForFunction(() => document.querySelector("#kept").textContent === "Nothing.");
});

test("a second visit fetches no model", async (t) => {
  const { page } = await visit(t);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("#results li").length > 0);
  await page.click("#tab-panel");
  await page.waitForFunction(() => document.querySelector("#leaves").textContent.includes("Nothing was asked of any server"));
});

test("another device and another model are taken, and what cannot be had leaves the one before", async (t) => {
  const { page, faults } = await visit(t);
  await page.click("#tab-panel");
  await page.selectOption("#device", "gpu");
  await page.waitForFunction(() => /WebGPU.*a program on the processor/.test(document.querySelector("#facts").textContent), null, { timeout: 120_000 });
  await page.waitForFunction(() => document.querySelector("#check").textContent.startsWith("Yes"), null, { timeout: 60_000 });
  await page.selectOption("#device", "cpu");
  await page.waitForFunction(() => document.querySelector("#facts").textContent.includes("the processor: relaxed"));
  await page.route("https://huggingface.co/**", (route) => route.abort());
  await page.click("text=all-MiniLM-L6-v2, 91 MB");
  await page.waitForFunction(() => /could not be loaded: https:\/\/huggingface.co.* wembed-mini stays/.test(document.querySelector("#status").textContent));
  await page.setInputFiles("#folder", here("../../golden/models/mpnet"));
  await page.waitForFunction(() => document.querySelector("#facts").textContent.includes("mpnet: 96 dimensions"));
  faults.length = 0; // the hub that could not be reached
});

test("the benchmark measures, draws and exports", async (t) => {
  const { page } = await visit(t);
  await page.click("#tab-benchmark");
  await page.click("#run");
  await page.waitForSelector("#csv:not([disabled])", { timeout: 60_000 });
  assert.equal(await page.locator("#rows tr").count(), 5);
  const exported = async (button) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    return readFile(await file.path(), "utf8");
  };
  const csv = (await exported("#csv")).split("\n");
  assert.equal(csv[0], "texts,tokens,ms,textsPerSecond,tokensPerSecond");
  assert.equal(csv.length, 6);
  const { model, info, rows } = JSON.parse(await exported("#json"));
  assert.deepEqual([model, info.device.engine, rows.length], ["wembed-mini", "cpu", 5]);
  for (const { texts, tokens, ms, tokensPerSecond } of rows) {
    assert.ok(Math.abs((1000 * texts * tokens) / ms / tokensPerSecond - 1) < 0.1, "the numbers agree");
  }
});
