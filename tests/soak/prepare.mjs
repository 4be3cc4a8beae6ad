// Requests and what the answer to each must be, byte for byte: asked of a server without faults, one after the other.
//
//   node prepare.mjs READY FILE

import { writeFileSync } from "node:fs";

const { url } = JSON.parse(process.argv[2]);
const WORDS = "river stone winter Haus Straße maison été город 山 猫 quick brown window letter engine number seven quiet market summer".split(" ");

/** Always the same numbers. */
let state = 1;
const random = (most) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state % most;
};

const text = () => Array.from({ length: 1 + random(random(8) === 0 ? 60 : 14) }, () => WORDS[random(WORDS.length)]).join(" ");
const texts = () => Array.from({ length: [1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 16][random(11)] }, text);
const forms = [
  () => ["/wembed/embed", { texts: texts() }],
  () => ["/wembed/embed", { texts: texts(), dimensions: 32, normalize: true }],
  () => ["/v1/embeddings", { input: texts(), encoding_format: "base64" }],
  () => ["/embed", { inputs: texts() }],
  () => ["/v1/embeddings", { input: [text(), 7] }],
  () => ["/embed", "{"],
];

const lines = [];
for (let number = 0; number < 3000; number++) {
  const [path, body] = forms[random(20) === 0 ? 4 + random(2) : random(4)]();
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(url + path, { method: "POST", body: sent });
  lines.push([path, sent, answer.status, await answer.text()].join("\t"));
}
writeFileSync(process.argv[3], `${lines.join("\n")}\n`);
