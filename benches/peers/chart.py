"""The rates as an SVG: a panel a case, a bar an engine, with its slowest and its fastest round."""
import statistics

import matplotlib
from matplotlib import pyplot

from table import CLASSES, MODELS, rates

# One text, as in a search; and a heap of texts, as when they are stored.
CASES = ["1 x 16", "512 mixed"]
OURS, THEIRS = "#c2410c", "#94a3b8"
# Text stays text, and the same figures make the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "wembed", "font.family": "sans-serif", "font.size": 9})


def draw(result, path):
    engines = [name for of_class in CLASSES for name, engine in result["engines"].items() if engine["class"] == of_class]
    cases = [case for case in CASES if case in result["cases"]]
    figure, panels = pyplot.subplots(
        1, len(cases), sharey=True, squeeze=False, layout="constrained", figsize=(9, 0.28 * len(engines) + 1.1))
    for panel, case in zip(panels[0], cases):
        every = [rates(result, engine, case) for engine in engines]
        middle = [statistics.median(each) for each in every]
        spread = [[value - min(each) for value, each in zip(middle, every)], [max(each) - value for value, each in zip(middle, every)]]
        colours = [OURS if engine.startswith("wembed") else THEIRS for engine in engines]
        panel.barh(range(len(engines)), middle, xerr=spread, color=colours, error_kw={"elinewidth": 0.8})
        panel.set_title(f"{case}, texts a second")
        panel.set_yticks(range(len(engines)), engines)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].invert_yaxis()
    figure.suptitle(f"{MODELS[result['model']]}, {result['threads']} threads")
    figure.savefig(path, metadata={"Date": None})
