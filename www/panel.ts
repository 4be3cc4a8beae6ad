// What the page knows of itself: what computes, whether it is right, what is kept, what leaves the tab.

import { cachedModels, clearCache } from "wembed";

import { bytes, element, fill } from "./page.js";
import { type Choice, type Session, say } from "./session.js";

/** Models that people ask for; their sizes are those of their weights on the hub. */
const MODELS = [
  { name: "wembed-mini", source: "wembed-mini", says: "wembed-mini, 7 MB, many languages" },
  { name: "all-MiniLM-L6-v2", source: "sentence-transformers/all-MiniLM-L6-v2", says: "all-MiniLM-L6-v2, 91 MB, English" },
  { name: "paraphrase-multilingual-MiniLM-L12-v2", source: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", says: "paraphrase-multilingual-MiniLM-L12-v2, 471 MB" },
  { name: "paraphrase-multilingual-mpnet-base-v2", source: "sentence-transformers/paraphrase-multilingual-mpnet-base-v2", says: "paraphrase-multilingual-mpnet-base-v2, 1.1 GB" },
];

/** Further from the reference than this no right engine is: 1 - cosine, of weights as f32 and as f16. */
const FURTHEST = { f32: 1e-9, other: 5e-6 };

export function panel(session: Session): void {
  const device = element<HTMLSelectElement>("device");
  const load = (choice: Omit<Choice, "device">) => session.load({ ...choice, device: device.value as Choice["device"] });
  fill(element("models"), "button", MODELS, (button, { name, source, says }) => {
    button.textContent = says;
    button.setAttribute("type", "button");
    button.addEventListener("click", () => load({ name, source }));
  });
  const folder = element<HTMLInputElement>("folder");
  folder.addEventListener("change", () => {
    const [first] = folder.files ?? [];
    if (first) void load({ name: first.webkitRelativePath.split("/")[0] || "your model", source: [...folder.files!] });
  });
  device.addEventListener("change", () => session.load({ ...session.choice, device: device.value as Choice["device"] }));
  element("clear").addEventListener("click", async () => {
    const all = await clearCache();
    await show(session);
    if (!all) say("What is being downloaded by another tab stays.");
  });
}

/** Writes what is known now. */
export async function show(session: Session): Promise<void> {
  const { model, choice } = session;
  if (!model) return;
  const info = await model.info();
  const { device, network } = info;
  const from = typeof choice.source === "string" ? "it was in this browser's storage" : "you chose its files";
  const asked = network.requests === 0 ? `Nothing was asked of any server for this model: ${from}.` : `For this model ${network.requests} requests were sent to ${network.hosts.join(", ")}, which answered with ${bytes(network.bytes)}. They name the model's files and say nothing about your texts.`;
  element("leaves").textContent = `Your texts and queries do not: nothing on this page sends them, and its security policy forbids requests but to this site and the hub. ${asked}`;
  const facts: [string, string][] = [
    ["model", `${choice.name}: ${info.dimensions} dimensions, at most ${info.maxLength} tokens a text`],
    ["weights", info.storage],
    ["engine", device.engine === "gpu" ? `WebGPU: ${device.name || "an adapter that does not say its name"}${device.software ? ", a program on the processor" : ""}` : `the processor: ${device.instructions}, ${device.threads} thread${device.threads === 1 ? "" : "s"}`],
    ["why", info.why],
    ...(device.engine === "gpu" ? ([["features", device.features.join(", ") || "none"], ["largest binding", bytes(device.largestBinding)], ["devices replaced", String(info.devicesReplaced)]] as [string, string][]) : []),
    ["speed", session.rate ? `${Math.round(session.rate).toLocaleString("en")} tokens/s when texts were last embedded` : "nothing was embedded yet"],
    ["memory of the module", bytes(info.memory)],
    ["isolated page", globalThis.crossOriginIsolated ? "yes: threads may be used" : "no: one thread"],
    ["version", `${info.version}, ${info.form}`],
  ];
  const list = element("facts");
  list.replaceChildren();
  for (const [name, value] of facts) {
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, description.textContent] = [name, value];
    list.append(term, description);
  }
  const kept = await cachedModels();
  fill(element("kept"), "li", kept, (row, { name, bytes: size, used }) => (row.textContent = `${name}: ${bytes(size)}, last used ${new Date(used).toLocaleString()}`));
  if (kept.length === 0) element("kept").textContent = "Nothing.";
  await check(session);
}

/** Holds the built-in model to the vectors that sentence-transformers gives, on the device that computes here. */
async function check({ model, choice, info }: Session): Promise<void> {
  const says = element("check");
  if (choice.source !== "wembed-mini") {
    const proof = info!.device.engine === "gpu" ? " This device gave what the processor gives, operation by operation, when the model was loaded." : "";
    says.textContent = `Only of wembed-mini this page knows sentence-transformers' vectors.${proof}`;
    return;
  }
  const reference: { texts: string[]; vectors: number[][] } = await (await fetch("reference.json")).json();
  const { data, dims } = await model!.embed(reference.texts, { normalize: true });
  const distance = (vector: number[], index: number) => {
    const own = data.subarray(index * dims, (index + 1) * dims);
    const product = (left: ArrayLike<number>, right: ArrayLike<number>) => Array.from(left).reduce((sum, value, at) => sum + value * right[at]!, 0);
    return 1 - product(own, vector) / Math.sqrt(product(own, own) * product(vector, vector));
  };
  const worst = Math.max(...reference.vectors.map(distance));
  const bound = info!.storage === "f32" ? FURTHEST.f32 : FURTHEST.other;
  const verdict = worst <= bound ? "Yes" : "No";
  says.textContent = `${verdict}: of ${reference.texts.length} texts the furthest is ${Math.max(worst, 0).toExponential(1)} (1 - cosine) from sentence-transformers' vectors in f64; at most ${bound} is right.`;
}
