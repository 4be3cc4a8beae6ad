"""The weights between where a training began and where it ended.

    python mix.py --start FILE.pt --end FILE.pt --share 0.5 --out FILE.pt

A training on Tatoeba's short sentences finds their translations better and better, and loses what the word vectors knew of other texts. Between the
two, in a straight line, lie weights that have most of both (Wortsman et al., Robust fine-tuning of zero-shot models, 2022)."""

import argparse
from pathlib import Path

import torch


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--end", type=Path, required=True)
    parser.add_argument("--share", type=float, required=True, help="the end's share: 0 is the start, 1 the end")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    start, end = torch.load(arguments.start), torch.load(arguments.end)
    if start["shape"] != end["shape"]:
        raise SystemExit(f"two shapes: {start['shape']} and {end['shape']}")
    mixed = {name: torch.lerp(weight, end["model"][name], arguments.share) for name, weight in start["model"].items()}
    torch.save({"model": mixed, "shape": end["shape"]}, arguments.out)


if __name__ == "__main__":
    main()
