// The form: loads the model that it names, and shows how near each text is to the first.

import { Embedder } from "./wembed/index.js";

const form = document.querySelector("form");
const output = document.querySelector("pre");
let model;
let loaded;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { model: source, texts } = Object.fromEntries(new FormData(form));
  const lines = texts.split("\n").filter((line) => line.trim());
  const say = (message) => (output.textContent = message);
  try {
    if (loaded !== source) {
      await model?.dispose();
      say("loading");
      model = await Embedder.load(source);
      loaded = source;
    }
    say("embedding");
    const start = performance.now();
    const vectors = await model.embed(lines, { normalize: true });
    const seconds = ((performance.now() - start) / 1000).toFixed(2);
    const { data, dims, tokens, truncated } = vectors;
    const cosines = await model.similarity({ data: data.slice(0, dims), dims }, vectors);
    const rows = lines.map((line, index) => `${cosines[index].toFixed(4)}  ${tokens[index]} tokens${truncated[index] ? ", cut" : ""}  ${line}`);
    say([`${lines.length} vectors of ${dims} values in ${seconds} s; cosine with the first:`, ...rows].join("\n"));
  } catch (error) {
    loaded = undefined;
    say(String(error));
  }
});
