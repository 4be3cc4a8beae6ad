"""An MPNet encoder with mean pooling: the arithmetic of transformers' MPNetModel, and its tensors' names."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from dataset import PAD

# The median length of a word's vector to begin with, and how many times as long the constant beside it is.
LENGTH, CONSTANT = 4.0, 1.5


@dataclass
class Shape:
    """Of no layers it is the mean of word vectors, by the arithmetic of an encoder."""

    vocabulary: int
    hidden: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 1024
    positions: int = 256
    epsilon: float = 1e-5


def four_bits(scale: torch.Tensor) -> torch.Tensor:
    """The next number m 2^e not below `scale` with m in 8..15: times a whole number up to 127 it is exactly an f16."""
    mantissa, exponent = torch.frexp(scale)
    return torch.ldexp(torch.ceil(mantissa * 16) / 16, exponent)


def scales(weight: torch.Tensor) -> torch.Tensor:
    """For each row what one step of its int8 is worth, (N, 1)."""
    return four_bits(weight.detach().abs().amax(1, keepdim=True).clamp(min=1e-6) / 127)


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """The weight as int8 and scales will hold it; gradients go through as if it were not rounded."""
    scale = scales(weight)
    return weight + (torch.round(weight.detach() / scale) * scale - weight.detach())


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        hidden, self.heads = shape.hidden, shape.heads
        self.attention = nn.ModuleDict({
            "attn": nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in "qkvo"}),
            "LayerNorm": nn.LayerNorm(hidden, shape.epsilon),
        })  # fmt: skip
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, shape.feed_forward)})
        self.output = nn.ModuleDict({"dense": nn.Linear(shape.feed_forward, hidden), "LayerNorm": nn.LayerNorm(hidden, shape.epsilon)})

    def forward(self, x, bias, linear):
        texts, length, hidden = x.shape
        attn = self.attention["attn"]
        q, k, v = (linear(attn[name], x).view(texts, length, self.heads, -1).transpose(1, 2) for name in "qkv")
        scores = q @ k.transpose(2, 3) / math.sqrt(hidden // self.heads) + bias
        context = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(texts, length, hidden)
        x = self.attention["LayerNorm"](x + linear(attn["o"], context))
        inner = functional.gelu(linear(self.intermediate["dense"], x))
        return self.output["LayerNorm"](x + linear(self.output["dense"], inner))


class Encoder(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape, self.quantized = shape, False
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(shape.vocabulary, shape.hidden, padding_idx=PAD),
            "position_embeddings": nn.Embedding(shape.positions + PAD + 1, shape.hidden, padding_idx=PAD),
            "LayerNorm": nn.LayerNorm(shape.hidden, shape.epsilon),
        })  # fmt: skip
        self.encoder = nn.ModuleDict({
            "layer": nn.ModuleList([Layer(shape) for _ in range(shape.layers)]),
            "relative_attention_bias": nn.Embedding(32, shape.heads),
        })  # fmt: skip
        for name, parameter in self.named_parameters():
            if name.endswith("LayerNorm.weight"):
                nn.init.ones_(parameter)
            elif parameter.dim() == 1:
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.02)

    @torch.no_grad()
    def start_from(self, words: torch.Tensor) -> None:
        """Begins as the mean of word vectors, with layers that add nothing yet.

        A layer norm forgets how long a vector is, and how long a word's vector is says how much the word means. So every position has
        the same vector along the last coordinate: of a word of length n the norm leaves n / sqrt(n^2 + c^2), more where it means more. The
        last norm drops the coordinate."""
        median = words.norm(dim=1).median()
        self.embeddings["word_embeddings"].weight.copy_(words * (LENGTH / median))
        self.embeddings["position_embeddings"].weight.zero_()[:, -1] = CONSTANT * LENGTH
        for layer in self.encoder["layer"]:
            layer.attention["attn"]["o"].weight.zero_()
            layer.output["dense"].weight.zero_()
        last = self.encoder["layer"][-1].output if self.shape.layers else self.embeddings
        last["LayerNorm"].weight[-1] = 0

    def matrix(self, weight):
        return rounded(weight) if self.quantized else weight

    def linear(self, layer, x):
        return functional.linear(x, self.matrix(layer.weight), layer.bias)

    def forward(self, ids):
        """Vectors of length 1, (texts, hidden), for ids (texts, length), padded at their ends."""
        length, inside = ids.shape[1], ids != PAD
        words, positions = (self.matrix(self.embeddings[name].weight) for name in ("word_embeddings", "position_embeddings"))
        x = functional.embedding(ids, words) + positions[PAD + 1 : PAD + 1 + length]
        x = self.embeddings["LayerNorm"](x)
        bias = self.matrix(self.encoder["relative_attention_bias"].weight)[buckets(length)].permute(2, 0, 1)
        bias = bias + torch.where(inside, 0.0, -1e4)[:, None, None, :]
        for layer in self.encoder["layer"]:
            x = layer(x, bias, self.linear)
        return functional.normalize((x.float() * inside[..., None]).sum(1), dim=-1)


def buckets(length: int, count: int = 32, furthest: int = 128) -> torch.Tensor:
    """MPNet's bucket of each (query, key) distance, (length, length): exact when near, logarithmic when far, one half a direction."""
    places = torch.arange(length)
    distance = places[:, None] - places[None]
    half = count // 2
    exact = half // 2
    size = distance.abs()
    far = exact + (torch.log(size.clamp(min=1).float() / exact) / math.log(furthest / exact) * (half - exact)).long()
    return (distance < 0).long() * half + torch.where(size < exact, size, far.clamp(max=half - 1))
