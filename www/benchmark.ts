// The benchmark: how long this model takes for batches of several sizes, here and now.

import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from "chart.js";

import { colour, download, element, fill } from "./page.js";
import { type Session, engine, say } from "./session.js";
import { RUNS, SIZES, batch, median, round } from "./workload.js";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

interface Row {
  texts: number;
  tokens: number;
  ms: number;
  textsPerSecond: number;
  tokensPerSecond: number;
}

let chart: Chart | undefined;
let isPrepared = false;

/** Makes the buttons work, once. */
export function prepare(session: Session): void {
  if (isPrepared) return;
  isPrepared = true;
  const run = element<HTMLButtonElement>("run");
  const [csv, json] = [element<HTMLButtonElement>("csv"), element<HTMLButtonElement>("json")];
  let rows: Row[] = [];
  let measured: { model: string; info: unknown } | undefined;
  run.addEventListener("click", async () => {
    run.disabled = csv.disabled = json.disabled = true;
    rows = [];
    measured = { model: session.choice.name, info: session.info };
    try {
      for (const [texts, words] of SIZES) {
        say(`Benchmark: ${texts} texts of ${words} words`);
        rows.push(await measure(session, texts, words));
        show(rows);
      }
      say(`Benchmark of ${session.choice.name} on ${engine(session.info!)} done`);
      csv.disabled = json.disabled = false;
    } catch (error) {
      say(`The benchmark stopped: ${error instanceof Error ? error.message : error}`);
    } finally {
      run.disabled = false;
    }
  });
  const keys = ["texts", "tokens", "ms", "textsPerSecond", "tokensPerSecond"] as const;
  csv.addEventListener("click", () => download("wembed.csv", "text/csv", [keys.join(","), ...rows.map((row) => keys.map((key) => row[key]).join(","))].join("\n")));
  json.addEventListener("click", () => {
    download("wembed.json", "application/json", JSON.stringify({ ...measured, userAgent: navigator.userAgent, date: new Date().toISOString(), runs: RUNS, rows }, null, 1));
  });
}

async function measure({ model }: Session, texts: number, words: number): Promise<Row> {
  const some = batch(texts, words);
  const times: number[] = [];
  let tokens = 0;
  for (let run = 0; run <= RUNS; run++) {
    const start = performance.now();
    const found = await model!.embed(some);
    tokens = found.tokens.reduce((sum, count) => sum + count, 0);
    if (run > 0) times.push(performance.now() - start);
  }
  const ms = median(times);
  return { texts, tokens: Math.round(tokens / texts), ms: round(ms), textsPerSecond: round((1000 * texts) / ms), tokensPerSecond: Math.round((1000 * tokens) / ms) };
}

function show(rows: Row[]): void {
  fill(element("rows"), "tr", rows, (line, row) => {
    fill(line, "td", [row.texts, row.tokens, row.ms, row.textsPerSecond, row.tokensPerSecond], (cell, value) => (cell.textContent = value.toLocaleString("en")));
  });
  chart?.destroy();
  const scale = { grid: { color: colour("line") }, ticks: { color: colour("ink") } };
  chart = new Chart(element<HTMLCanvasElement>("benchmark-canvas"), {
    type: "bar",
    data: { labels: rows.map(({ texts, tokens }) => `${texts} × ${tokens}`), datasets: [{ data: rows.map(({ tokensPerSecond }) => tokensPerSecond), backgroundColor: colour("accent") }] },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: { x: { ...scale, title: { display: true, text: "texts × tokens", color: colour("ink") } }, y: { ...scale, title: { display: true, text: "tokens/s", color: colour("ink") } } },
      plugins: { legend: { display: false } },
    },
  });
}
