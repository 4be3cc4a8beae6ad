"""The obvious peer, and where the encoder starts: one vector a piece, a text is their mean, fitted to the same teacher.

    python word_vectors.py --corpus DIR --teacher FILE.npy --tokenizer FILE --out FILE.pt"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

import losses
from dataset import DIMENSIONS, PAD, Pairs, Texts, targets
from evaluate import Watch
from model import rounded


class WordVectors(nn.Module):
    def __init__(self, words: torch.Tensor):
        super().__init__()
        self.words, self.quantized = nn.Parameter(words), False

    def forward(self, ids):
        words = rounded(self.words) if self.quantized else self.words
        return functional.normalize(functional.embedding_bag(ids, words, mode="mean", padding_idx=PAD), dim=-1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=16384)
    parser.add_argument("--rate", type=float, default=0.02)
    arguments = parser.parse_args()
    torch.manual_seed(5)
    wanted = targets(arguments.teacher, arguments.corpus)
    pairs = Pairs(Texts(arguments.tokenizer, arguments.corpus, 256), arguments.corpus)
    vocabulary = len(json.loads(arguments.tokenizer.read_text())["model"]["vocab"])
    model = WordVectors(torch.randn(vocabulary, DIMENSIONS) * 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=arguments.rate, fused=True)
    watch, start = Watch(arguments.corpus, arguments.tokenizer), time.monotonic()
    plans = [pairs.plan(epoch, arguments.tokens) for epoch in range(arguments.epochs)]
    step, steps = 0, sum(map(len, plans))
    for epoch, plan in enumerate(plans):
        model.quantized, total = epoch == arguments.epochs - 1, 0.0
        for ids, rows in map(pairs.gather, plan):
            optimizer.param_groups[0]["lr"] = arguments.rate * max(0.01, 1 - step / steps)
            value = losses.to_the_teacher(model(ids), wanted[rows].float())
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            step, total = step + 1, total + value.item()
        print({"epoch": epoch, "loss": round(total / len(plan), 4), **watch(model), "seconds": round(time.monotonic() - start)}, flush=True)
    torch.save({"words": model.words.detach()}, arguments.out)


if __name__ == "__main__":
    main()
