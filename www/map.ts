// The map: the texts' vectors in two dimensions, and the query among them.

import { Chart, LinearScale, PointElement, ScatterController, Tooltip } from "chart.js";
import { UMAP } from "umap-js";

import type { Library } from "./library.js";
import { colour, element, fill } from "./page.js";

Chart.register(LinearScale, PointElement, ScatterController, Tooltip);

/** Numbers between 0 and 1, the same each time, so that a map is the same each time (mulberry32). */
function steady(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const LEAST = 4;
/** More would keep the tab busy for seconds: all pairs are compared. */
const MOST = 600;
let chart: Chart<"scatter", { x: number; y: number; text: string }[]> | undefined;

/** Draws the texts, and the query where there is one. */
export function draw(library: Library, query: { text: string; vector?: Float32Array | undefined }): void {
  chart?.destroy();
  chart = undefined;
  const texts = library.texts.slice(0, MOST);
  const cosine = (left: Float32Array, right: Float32Array) => left.reduce((sum, value, index) => sum + value * right[index]!, 0);
  fill(element("map-list"), "li", texts, (row, text) => {
    const near = texts.filter((other) => other !== text).map((other) => ({ other, score: cosine(library.vector(text), library.vector(other)) }));
    const nearest = near.sort((left, right) => right.score - left.score)[0];
    row.textContent = nearest ? `${text} → ${nearest.other} (${nearest.score.toFixed(2)})` : text;
  });
  if (texts.length < LEAST) return;
  const vectors = texts.map((text) => [...library.vector(text)]);
  if (query.vector) vectors.push([...query.vector]);
  const umap = new UMAP({ nNeighbors: Math.min(8, vectors.length - 1), minDist: 0.3, random: steady(5), distanceFn: (left, right) => 1 - left.reduce((sum, value, index) => sum + value * right[index]!, 0) });
  const places = umap.fit(vectors);
  const point = (place: number[] | undefined, text: string) => ({ x: place![0]!, y: place![1]!, text });
  const points = texts.map((text, index) => point(places[index], text));
  const [ink, accent, line] = [colour("ink"), colour("accent"), colour("line")];
  const scale = { grid: { color: line }, border: { display: false }, ticks: { display: false } };
  chart = new Chart(element<HTMLCanvasElement>("map-canvas"), {
    type: "scatter",
    data: {
      datasets: [
        { data: points, backgroundColor: accent, pointRadius: 5, pointHoverRadius: 8 },
        { data: query.vector ? [point(places.at(-1), query.text)] : [], pointStyle: "crossRot", pointRadius: 10, pointBorderWidth: 3, pointBorderColor: ink },
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: { x: scale, y: scale },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: ({ raw }) => (raw as { text: string }).text } } },
    },
  });
}
