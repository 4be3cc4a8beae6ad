// In Node, on the processor. `node main.js DIRECTORY` takes a model from the disk.

import { Embedder } from "wembed";

const directory = process.argv[2];
const model = await (directory ? Embedder.load(directory) : Embedder.load());
const vectors = await model.embed(["The cat sleeps.", "Die Katze schläft.", "Inflation rose last month."]);
const [, near, far] = await model.similarity(vectors);
console.log(`near ${near.toFixed(2)}, far ${far.toFixed(2)}`);
await model.dispose();
