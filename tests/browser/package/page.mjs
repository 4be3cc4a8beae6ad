// What the tests of the package share: one server, one browser, and pages that have the package at hand.

import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "../launch.mjs";
import { folders, serve } from "../server.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** A small model, 0.6 MB in all. */
export const SMALL = here("../../golden/models/mpnet");
export const BUILT_IN = here("../../../models/wembed-mini/model");

/** A server of these tests' own, so that its roots' manners may be changed. */
export const server = await serve({ ...folders, "/wembed/model/": BUILT_IN }, true);
export const plain = await serve(folders, false);

const browser = await launch();
let without;
after(async () => {
  await browser.close();
  await without?.close();
  server.close();
  plain.close();
});

/** A browser without WebGPU. */
export const withoutWebGpu = async () => (without ??= await launch(false));

/**
 * A page in a storage of its own. In it `wembed` is the package, and `look` makes what it gives comparable: vectors in hex.
 * Whatever it has no right to say on its console fails the test.
 */
export async function open(test, { browser: from = browser, origin = server.origin, context } = {}) {
  context ??= await from.newContext();
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error));
  page.on("crash", () => faults.push(new Error("the page crashed")));
  await page.goto(origin);
  await page.evaluate(async () => {
    globalThis.wembed = await import("/wembed/index.js");
    globalThis.look = ({ data, dims, tokens, truncated, errors }) => ({
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).toHex(),
      dims,
      tokens: [...tokens],
      truncated,
      errors: errors.map((error) => error && `${error.name}: ${error.message}`),
    });
    /** What a promise was rejected with, as the class that it is. */
    globalThis.failure = (promise) =>
      promise.then(
        () => ({ name: "nothing" }),
        (error) => ({ isTyped: error instanceof wembed.WembedError && error instanceof wembed[error.name], name: error.name, ...error, message: error.message, cause: error.cause }),
      );
  });
  test.after(async () => {
    await context.close();
    if (faults.length > 0) throw faults[0];
  });
  return page;
}
