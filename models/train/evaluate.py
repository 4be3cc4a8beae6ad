"""How well a model in training does: on the validation pairs while it trains, and for the table of tries on everything that `wembed eval`
measures, by the same definitions.

    python evaluate.py --corpus DIR --sts DIR --tokenizer FILE CHECKPOINT..."""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from model import Encoder, Shape

SIX = ["deu", "fra", "spa", "rus", "jpn", "zho"]


class Embed:
    """Texts to vectors, (N, dimensions) of length 1."""

    def __init__(self, tokenizer: Path, longest: int = 256):
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_truncation(longest)

    @torch.inference_mode()
    def __call__(self, model, texts: list[str]) -> np.ndarray:
        by_length = defaultdict(list)
        for index, encoding in enumerate(self.tokenizer.encode_batch_fast(texts)):
            by_length[len(encoding.ids)].append((index, encoding.ids))
        vectors = [None] * len(texts)
        for group in by_length.values():
            for start in range(0, len(group), 256):
                part = group[start : start + 256]
                found = model(torch.tensor([ids for _, ids in part])).float().numpy()
                for (index, _), vector in zip(part, found, strict=True):
                    vectors[index] = vector
        return np.stack(vectors)


def pairs(path: Path) -> dict[str, tuple[list[str], list[str]]]:
    found = defaultdict(lambda: ([], []))
    for line in path.read_text().splitlines():
        language, english, other = line.split("\t")
        found[language][0].append(english)
        found[language][1].append(other)
    return found


def accuracy(first: np.ndarray, second: np.ndarray) -> float:
    """The share whose nearest is its partner, the mean of both directions."""
    scores, own = first @ second.T, np.arange(len(first))
    return float((np.mean(scores.argmax(1) == own) + np.mean(scores.argmax(0) == own)) / 2)


def spearman(first, second) -> float:
    def ranks(values):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[inverse]

    return float(np.corrcoef(ranks(np.asarray(first)), ranks(np.asarray(second)))[0, 1])


class Watch:
    """The validation pairs: accuracy of six languages, of all, and the cosine between the sides."""

    def __init__(self, corpus: Path, tokenizer: Path, name: str = "valid"):
        self.pairs, self.embed = pairs(corpus / f"{name}.tsv"), Embed(tokenizer)

    def __call__(self, model) -> dict[str, float]:
        scores, cosines = {}, []
        for language, (english, other) in self.pairs.items():
            vectors = self.embed(model, english + other)
            first, second = vectors[: len(english)], vectors[len(english) :]
            scores[language] = accuracy(first, second)
            cosines.append(np.mean(np.sum(first * second, axis=1)))
        six = float(np.mean([scores[language] for language in SIX]))
        return {"six": round(six, 4), "all": round(float(np.mean(list(scores.values()))), 4), "cosine": round(float(np.mean(cosines)), 4)}


def sts(model, embed: Embed, folder: Path) -> dict[str, float]:
    """Spearman's correlation of cosine and score, by language."""
    found = {}
    for path in sorted(folder.glob("stsb-*-dev.csv")):
        rows = list(csv.reader(path.open(newline="")))
        vectors = embed(model, [row[0] for row in rows] + [row[1] for row in rows])
        cosines = np.sum(vectors[: len(rows)] * vectors[len(rows) :], axis=1)
        found[path.name.split("-")[1]] = spearman(cosines, [float(row[2]) for row in rows])
    return found


def load(checkpoint: Path):
    state = torch.load(checkpoint)
    if "shape" not in state:
        from word_vectors import WordVectors

        model = WordVectors(state["words"])
    else:
        model = Encoder(Shape(**state["shape"]))
        model.load_state_dict(state["model"])
    model.quantized = True
    return model.eval()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--corpus", type=Path, required=True)
    arguments.add_argument("--sts", type=Path, required=True, help="a folder with stsb-LANG-dev.csv")
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("checkpoint", type=Path, nargs="+")
    arguments = arguments.parse_args()
    for path in arguments.checkpoint:
        model, embed = load(path), Embed(arguments.tokenizer)
        scores = sts(model, embed, arguments.sts)
        others = np.mean([score for language, score in scores.items() if language != "en"])
        held_out = Watch(arguments.corpus, arguments.tokenizer, "test")(model)
        print(f"{path}: STS-B en {scores['en']:.4f}, ten translations {others:.4f}, retrieval six {held_out['six']:.4f}, all {held_out['all']:.4f}", flush=True)
        print("  " + ", ".join(f"{language} {score:.3f}" for language, score in scores.items()))


if __name__ == "__main__":
    main()
