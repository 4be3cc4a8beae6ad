"""The measurements as markdown: texts a second and ratios for each class, then what each engine is."""
import statistics

CLASSES = {
    "f32": "f32 and what is as exact",
    "f16": "f16 weights",
    "half": "f16: weights, and activations too but for wembed's without `--matrices`",
    "bf16": "bf16",
    "int8": "int8, for information",
}


def rows(header, body):
    """A markdown table; all columns but the first to the right."""
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rates(result, engine, case):
    """Texts a second, one figure a round: the median of its requests."""
    texts = len(result["cases"][case])
    return [texts / statistics.median(requests) for requests in result["engines"][engine]["seconds"][case]]


def rate(result, engine, case):
    each = rates(result, engine, case)
    return f"{number(statistics.median(each))} ({number(min(each))}..{number(max(each))})"


def ratio(result, ours, peer, case):
    """The median of the rounds' ratios: what slowed one whole round slowed both."""
    pairs = zip(rates(result, ours, case), rates(result, peer, case))
    return f"{statistics.median(own / other for own, other in pairs):.2f}"


def class_tables(result, of_class, title):
    engines = [name for name, engine in result["engines"].items() if engine["class"] == of_class]
    if not engines:
        return []
    cases = list(result["cases"])
    body = [[case] + [rate(result, engine, case) for engine in engines] for case in cases]
    parts = [f"### {title}\n\nTexts a second:", rows(["texts x tokens", *engines], body)]
    pairs = [(ours, peer) for ours in engines for peer in engines
             if ours.startswith("wembed ") and not peer.startswith("wembed ")]
    if pairs:
        body = [[case] + [ratio(result, *pair, case) for pair in pairs] for case in cases]
        parts += ["How many times as fast:", rows(["texts x tokens", *(f"{ours} / {peer}" for ours, peer in pairs)], body)]
    return parts


def engine_table(result):
    body = []
    for name, engine in result["engines"].items():
        about = ", ".join(f"{key} {value}" for key, value in engine["about"].items())
        body.append([name, f"{engine['worst distance']:.1e}", f"{engine['peak memory'] / 1e6:.0f} MB", about])
    return rows(["engine", "worst 1 - cos", "peak resident set", "says of itself"], body)


def markdown(result, mixed):
    header = "\n".join(f"- {key}: {value}" for key, value in result["about"].items())
    rounds = ", ".join(f"{case}: {len(next(iter(result['engines'].values()))['seconds'][case])}" for case in result["cases"])
    share = result["others' share of the processor"]
    method = (
        f"mpnet-base (12 x 768) with random weights, {result['threads']} threads, tokenising and pooling included. Rounds "
        f"alternate between the engines, one works at a time ({rounds}). A figure is the median over the rounds, with the "
        f"slowest and the fastest round behind it; a ratio is the median of the rounds' ratios. {mixed} "
        f"Other processes took {100 * share:.1f} % of the processor meanwhile."
    )
    parts = [header, method]
    for of_class, title in CLASSES.items():
        parts += class_tables(result, of_class, title)
    for name, why in result.get("left out", {}).items():
        parts.append(f"Left out: {name}: {why}")
    parts += [
        "### Engines", "The distance is that of the worst text to sentence-transformers f32; the memory includes loading.",
        engine_table(result),
    ]
    return "\n\n".join(parts)
