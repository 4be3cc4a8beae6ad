"""The picture of a training: loss and what the validation pairs say, by step.

    python curve.py LOG.csv OUT.png"""

import csv
import sys

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot


def main() -> None:
    log, out = sys.argv[1:]
    rows = list(csv.DictReader(open(log, newline="")))
    steps = [int(row["step"]) for row in rows]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2), constrained_layout=True)
    left.plot(steps, [float(row["loss"]) for row in rows], color="#24508c")
    left.set(xlabel="step", ylabel="loss, mean since the last row")
    for column, label, color in (("six", "accuracy@1, six languages", "#24508c"), ("all", "accuracy@1, fifteen", "#7a9cc6"), ("cosine", "cosine of a pair", "#c2702d")):
        right.plot(steps, [float(row[column]) for row in rows], label=label, color=color)
    right.set(xlabel="step", ylabel="validation pairs", ylim=(0, 1))
    right.legend(frameon=False, loc="lower right")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
