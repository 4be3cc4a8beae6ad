// The measurements as markdown.

const sorted = (values) => [...values].sort((a, b) => a - b);

export function median(values) {
  const [middle, each] = [values.length >> 1, sorted(values)];
  return values.length % 2 ? each[middle] : (each[middle - 1] + each[middle]) / 2;
}

const number = (value) => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);

/** The median, and the least and the most. */
function spread(values) {
  const each = sorted(values);
  return `${number(median(each))} (${number(each[0])}..${number(each.at(-1))})`;
}

/** A table; all columns but the first to the right. */
function rows(header, body) {
  const lines = [header, ["---", ...Array(header.length - 1).fill("--:")], ...body];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

const megabytes = (bytes) => number(bytes / 1e6);

/** Texts a second, one figure a round: the median of its requests. */
const rates = (engine, name, { texts }) => engine.seconds[name].map((requests) => texts / median(requests));

function speeds({ cases, engines }) {
  const [first] = Object.keys(cases);
  const body = engines.map((engine) => [
    engine.name,
    spread(engine.seconds[first].map((requests) => 1000 * median(requests))),
    ...Object.entries(cases).map(([name, each]) => spread(rates(engine, name, each))),
  ]);
  return rows(["engine", `${first}, ms`, ...Object.keys(cases).map((name) => `${name}, texts/s`)], body);
}

function firsts({ engines }) {
  const body = engines.map(({ name, first, again, bytes, distance }) => [
    name, spread(first), spread(again), megabytes(bytes.program + bytes.model), megabytes(bytes.program), megabytes(bytes.zipped),
    distance.toExponential(1),
  ]);
  return rows(["engine", "first vector, s", "again, s", "MB loaded", "of them program", "program, gzipped", "worst 1 - cos"], body);
}

/** The rounds' ratios: what slowed one whole round slowed both. Their median is held against the target. */
function ratios({ cases, engines, pairs, target }) {
  const find = (name) => engines.find((engine) => engine.name === name);
  const body = pairs.map(([ours, peer]) => [
    `${ours} / ${peer}`,
    ...Object.entries(cases).map(([name, each]) => {
      const [own, other] = [ours, peer].map((engine) => rates(find(engine), name, each));
      const values = own.map((rate, round) => rate / other[round]);
      return `${spread(values)}${median(values) >= target ? "" : " **below**"}`;
    }),
  ]);
  return rows(["times as fast", ...Object.keys(cases)], body);
}

/** What a forward pass asks of the GPU, where that was counted. */
function asked({ cases, engines }) {
  const counted = engines.filter(({ counts }) => Object.keys(counts).length > 0);
  if (counted.length === 0) return [];
  const cell = ({ dispatches, submits, up, down }) => `${dispatches} in ${submits} submit${submits > 1 ? "s" : ""}, ${up} up, ${down} down`;
  const body = counted.map(({ name, counts }) => [name, ...Object.keys(cases).map((of) => cell(counts[of]))]);
  return ["Dispatches of a forward pass, and bytes to the device and back:", rows(["engine", ...Object.keys(cases)], body)];
}

export function markdown(result) {
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  return [
    Object.entries(result.about).map(([key, value]) => `- ${key}: ${value}`).join("\n"),
    `all-MiniLM-L6-v2 in one headless Chromium, texts x tokens, tokenising and pooling included. Rounds alternate ` +
      `(${result.rounds}) between the engines, each warm in a page of its own, one works at a time. A figure is the median ` +
      "over the rounds, with the lowest and the highest round behind it; a round's figure is the median of its requests.",
    speeds(result),
    ...(result.pairs.length ? [`Ratios of texts/s in the same round; the target is ${result.target}:`, ratios(result)] : []),
    "Cold, in a page and a browser profile that nothing was loaded in: from the first import to the first vector, files from " +
      "127.0.0.1 and not compressed; then again in another page of that profile. The distance is that of the worst text to f64.",
    firsts(result),
    ...asked(result),
    `Other processes took ${percent(result.others)} of the processor during the rounds; the browser and its engines, all ` +
      `idle, ${percent(result.idle)} of a core.`,
  ].join("\n\n");
}
