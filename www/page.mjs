// The form: loads the model that it names, and shows how near each text is to the first.

import { Model } from "./model.mjs";

const form = document.querySelector("form");
const output = document.querySelector("pre");
let model;
let loaded;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { model: url, texts } = Object.fromEntries(new FormData(form));
  const lines = texts.split("\n").filter((line) => line.trim());
  const say = (message) => (output.textContent = message);
  try {
    if (loaded !== url) {
      model?.close();
      say("loading");
      model = await Model.load(url);
      loaded = url;
    }
    say("embedding");
    const start = performance.now();
    const { data, dims, tokens, truncated } = await model.embed(lines, { normalize: true });
    const seconds = ((performance.now() - start) / 1000).toFixed(2);
    const rows = lines.map((line, index) => {
      let cosine = 0;
      for (let column = 0; column < dims; column++) cosine += data[column] * data[index * dims + column];
      return `${cosine.toFixed(4)}  ${tokens[index]} tokens${truncated[index] ? ", cut" : ""}  ${line}`;
    });
    say([`${lines.length} vectors of ${dims} values in ${seconds} s; cosine with the first:`, ...rows].join("\n"));
  } catch (error) {
    loaded = undefined;
    say(String(error));
  }
});
