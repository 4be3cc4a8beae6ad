// The npm package in Node: wembed's CPU engine as WebAssembly, on one thread.

import { resolve } from "node:path";
import { Embedder } from "../../../target/npm/dist/node.js";
import { parse, serve } from "./protocol.mjs";

const { model: path, dtype } = parse();
const model = await Embedder.load(resolve(path), { dtype });
const { version, device, form } = await model.info();
await serve(async (texts) => (await model.embed(texts, { normalize: true })).data, {
  version, threads: device.threads, form, Node: process.version,
});
