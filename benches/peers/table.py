"""The measurements as markdown: texts a second and ratios for each class, then what each engine is."""
import statistics

CLASSES = {
    "f32": "f32 and what is as exact",
    "half": "16 bits",
    "int8": "8 bits",
    "node": "In Node",
    "http": "Over HTTP, one client",
}
MODELS = {"mpnet": "mpnet-base (12 x 768) with random weights", "minilm": "all-MiniLM-L6-v2 (6 x 384), trained"}


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


def distance(result, engine):
    return f"{result['engines'][engine]['worst distance']:.1e}"


def class_tables(result, of_class, title):
    engines = [name for name, engine in result["engines"].items() if engine["class"] == of_class]
    if not engines:
        return []
    cases = list(result["cases"])
    body = [[engine, *(rate(result, engine, case) for case in cases), distance(result, engine)] for engine in engines]
    parts = [f"### {title}\n\nTexts a second, and the distance of the worst text:", rows(["texts x tokens", *cases, "1 - cos"], body)]
    pairs = [(ours, peer) for ours in engines for peer in engines
             if ours.startswith("wembed ") and not peer.startswith("wembed ")]
    if pairs:
        body = [[f"{ours} / {peer}", *(ratio(result, ours, peer, case) for case in cases)] for ours, peer in pairs]
        parts += ["How many times as fast:", rows(["", *cases], body)]
    return parts


def engine_table(result):
    body = []
    for name, engine in result["engines"].items():
        about = ", ".join(f"{key} {value}" for key, value in engine["about"].items())
        body.append([name, f"{engine['peak memory'] / 1e6:.0f} MB", "; ".join(filter(None, [about, engine["note"]]))])
    return rows(["engine", "peak resident set", "says of itself"], body)


def markdown(result, mixed):
    header = "\n".join(f"- {key}: {value}" for key, value in result["about"].items())
    rounds = ", ".join(f"{case}: {len(next(iter(result['engines'].values()))['seconds'][case])}" for case in result["cases"])
    share = result["others' share of the processor"]
    method = (
        f"{MODELS[result['model']]}, {result['threads']} threads, tokenising and pooling included. Rounds "
        f"alternate between the engines, one works at a time ({rounds}). A figure is the median over the rounds, with the "
        f"slowest and the fastest round behind it; a ratio is the median of the rounds' ratios; the distance is 1 - cosine to "
        f"sentence-transformers f32. {mixed} Other processes took {100 * share:.1f} % of the processor meanwhile."
    )
    parts = [header, method]
    for of_class, title in CLASSES.items():
        parts += class_tables(result, of_class, title)
    for name, why in result.get("left out", {}).items():
        parts.append(f"Left out: {name}: {why}")
    parts += ["### Engines", "The memory includes loading, and pages of mapped files; over HTTP it is the server's alone.", engine_table(result)]
    return "\n\n".join(parts)
