"""Pairs of English texts that the teacher finds near, as people's pairs of a similarity test are: what they say is alike, how they say it is not.

    python neighbours.py --corpus DIR --teacher FILE.npy

Writes neighbours.tsv: two lines of english.txt."""

import argparse
from pathlib import Path

import numpy as np
import torch

from dataset import targets

QUERIES, CANDIDATES, NEAREST = 300_000, 50_000, 6

# What is nearer than this is the same text in other letters.
SAME = 0.985

# The first dimensions of the targets hold most of them.
DIMENSIONS = 128


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--corpus", type=Path, required=True)
    arguments.add_argument("--teacher", type=Path, required=True)
    arguments = arguments.parse_args()
    random = torch.Generator().manual_seed(5)
    vectors = targets(arguments.teacher, arguments.corpus)[:, :DIMENSIONS]
    # What was altered stands last, and has its origin for a neighbour already. (Some of it is what somebody wrote elsewhere.)
    altered = np.isin(np.arange(len(vectors)), np.loadtxt(arguments.corpus / "near.tsv", np.int64)[:, 0])
    texts = int(np.flatnonzero(~altered)[-1]) + 1
    vectors = torch.nn.functional.normalize(vectors[:texts].float(), dim=1).bfloat16()
    found = []
    for queries in torch.randperm(texts, generator=random)[:QUERIES].split(2_000):
        # Each time others, so that a neighbour is near but rarely the nearest of all.
        if len(found) % 15 == 0:
            candidates = torch.randperm(texts, generator=random)[:CANDIDATES]
            theirs = vectors[candidates].T.contiguous()
        cosines = (vectors[queries] @ theirs).float()
        cosines[cosines > SAME] = -1
        nearest = cosines.topk(NEAREST, dim=1).indices
        choice = torch.randint(NEAREST, (len(queries), 1), generator=random)
        found.append(torch.stack([queries, candidates[nearest.gather(1, choice)[:, 0]]], 1))
    pairs = torch.cat(found)
    np.savetxt(arguments.corpus / "neighbours.tsv", pairs.numpy(), "%d", "\t")
    cosines = torch.nn.functional.cosine_similarity(vectors[pairs[:, 0]].float(), vectors[pairs[:, 1]].float())
    print(f"{len(pairs):,} pairs, teacher's cosine: quartiles {np.percentile(cosines.numpy(), [25, 50, 75]).round(3)}")


if __name__ == "__main__":
    main()
