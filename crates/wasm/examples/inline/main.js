// One script with everything in it but the model, which somebody chooses: it works from file://, as plugins of Obsidian and Electron do.

import { Embedder } from "wembed/inline";

document.querySelector("input").addEventListener("change", async ({ target }) => {
  const model = await Embedder.load(target.files);
  const vectors = await model.embed(["The cat sleeps.", "Die Katze schläft.", "Inflation rose last month."]);
  const [, near, far] = await model.similarity(vectors);
  document.querySelector("pre").textContent = `near ${near.toFixed(2)}, far ${far.toFixed(2)}`;
});
