// The package as npm packs it, unpacked into a folder of the test's own; and a CDN that serves it.

import { execFile } from "node:child_process";
import { mkdtemp, mkdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const run = promisify(execFile);

/** A folder with the package among its modules, and what npm says of the archive. It is removed when the tests are over. */
export async function unpacked() {
  const folder = await mkdtemp(join(tmpdir(), "wembed-"));
  after(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder, fileURLToPath(new URL("../../../target/npm", import.meta.url))]);
  const [archive] = JSON.parse(stdout);
  await run("tar", ["-xzf", join(folder, archive.filename), "-C", folder]);
  await mkdir(join(folder, "node_modules"));
  await rename(join(folder, "package"), join(folder, "node_modules/wembed"));
  return { folder, archive };
}

/** Has a page get the package of `folder` where it asks the CDN: another origin, whose scripts may not be workers here. */
export async function fromCdn(page, folder) {
  const ours = "https://cdn.jsdelivr.net/npm/wembed@0.1/";
  await page.context().route(`${ours}**`, async (route) => {
    const path = route.request().url().slice(ours.length);
    const contentType = { js: "text/javascript", wasm: "application/wasm" }[path.split(".").at(-1)] ?? "application/octet-stream";
    await route.fulfill({ body: await readFile(join(folder, "node_modules/wembed", path)), contentType, headers: { "access-control-allow-origin": "*" } });
  });
}
