"""What a student is asked for, given the vectors of N pairs, first those on the left, then their partners: (2 N, D), of length 1, and the
teacher's in the same order."""

import torch
from torch.nn import functional

TEMPERATURE = 0.05

# What the distance from the teacher's vectors counts, beside the order of similarities.
VECTOR = 0.5

# Vectors are good when cut to these dimensions, too.
CUTS = {128: 0.25, 64: 0.25}


def order(vectors: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far the student's order of the texts of a batch is from the teacher's, whose cosines are `wanted`, (2 N, 2 N): the divergence of
    the softmaxes of each text's similarities to all others. A translation's nearest has to be its English; what the teacher finds similar is not
    pushed apart; nothing is asked of where the vectors point."""
    itself = torch.eye(len(vectors), dtype=torch.bool)
    rows = [functional.log_softmax((side / TEMPERATURE).masked_fill(itself, -1e4), dim=1) for side in (vectors @ vectors.T, wanted)]
    return functional.kl_div(*rows, reduction="batchmean", log_target=True)


def loss(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """1 - cosine with the teacher's vectors, and the order of similarities, of whole vectors and of their beginnings."""
    wanted = targets @ targets.T
    total = VECTOR * (1 - (vectors * targets).sum(1).mean()) + order(vectors, wanted)
    for dimensions, weight in CUTS.items():
        total = total + weight * order(functional.normalize(vectors[:, :dimensions], dim=1), wanted)
    return total


def to_the_teacher(vectors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What word vectors are fitted by: 1 - cosine with the teacher's vectors, and the divergence between the similarities to all targets of
    the batch and the teacher's own."""
    rows = [functional.log_softmax(side @ targets.T / TEMPERATURE, dim=1) for side in (vectors, targets)]
    return 1 - (vectors * targets).sum(1).mean() + functional.kl_div(*rows, reduction="batchmean", log_target=True)
