"""What a student is asked for, given vectors and targets of length 1, (N, D)."""

import torch
from torch.nn import functional

TEMPERATURE = 0.05

# Vectors are good when cut to these dimensions, too.
CUTS = {128: 0.25, 64: 0.25}


# What a difference between the student's and the teacher's cosine of two near texts counts.
NEAR = 20.0


def loss(vectors: torch.Tensor, targets: torch.Tensor, contrast: float, near: bool = False) -> torch.Tensor:
    """1 - cosine, of the whole vector and of its beginnings, and `contrast` times the divergence between the student's similarities to all
    targets of the batch and the teacher's own: what the teacher finds similar is not pushed apart. Where texts 2 n and 2 n + 1 are `near`
    each other, also how far their cosine is from the teacher's."""
    total = 1 - (vectors * targets).sum(1).mean()
    for dimensions, weight in CUTS.items():
        total = total + weight * (1 - functional.cosine_similarity(vectors[:, :dimensions], targets[:, :dimensions])).mean()
    if contrast:
        wanted = functional.log_softmax(targets @ targets.T / TEMPERATURE, dim=1)
        found = functional.log_softmax(vectors @ targets.T / TEMPERATURE, dim=1)
        total = total + contrast * functional.kl_div(found, wanted, reduction="batchmean", log_target=True)
    if near:
        found, wanted = ((side[0::2] * side[1::2]).sum(1) for side in (vectors, targets))
        total = total + NEAR * functional.mse_loss(found, wanted)
    return total
