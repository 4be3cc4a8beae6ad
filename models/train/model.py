"""An MPNet encoder with mean pooling, for texts of one length: the arithmetic of transformers' MPNetModel, and its tensors' names."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

PAD = 1


@dataclass
class Shape:
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
    def start_from(self, words: torch.Tensor, share: float = 1.5):
        """Makes the model the mean of word vectors to begin with, with layers that add nothing yet.

        A layer norm forgets how long a vector is, and how long a word's vector is says how much the word means. So every position gets
        the same long vector along the last coordinate, where words have least: what the norm leaves of a word of length n is
        n / sqrt(n^2 + c^2), more for one that means more. c is `share` times the median length. The last norm drops that coordinate."""
        median = words.norm(dim=1).median()
        self.embeddings["word_embeddings"].weight.copy_(words * 4 / median)
        positions = self.embeddings["position_embeddings"].weight
        positions.zero_()
        positions[:, -1] = 4 * share
        for layer in self.encoder["layer"]:
            layer.attention["attn"]["o"].weight.zero_()
            layer.output["dense"].weight.zero_()
        self.encoder["layer"][-1].output["LayerNorm"].weight[-1] = 0

    def matrix(self, weight):
        return rounded(weight) if self.quantized else weight

    def linear(self, layer, x):
        return functional.linear(x, self.matrix(layer.weight), layer.bias)

    def forward(self, ids):
        """Vectors of length 1, (texts, hidden), for ids (texts, length)."""
        length = ids.shape[1]
        words, positions = (self.matrix(self.embeddings[name].weight) for name in ("word_embeddings", "position_embeddings"))
        x = functional.embedding(ids, words) + positions[PAD + 1 : PAD + 1 + length]
        x = self.embeddings["LayerNorm"](x)
        bias = self.matrix(self.encoder["relative_attention_bias"].weight)[buckets(length)].permute(2, 0, 1)
        for layer in self.encoder["layer"]:
            x = layer(x, bias, self.linear)
        return functional.normalize(x.float().mean(1), dim=-1)


def buckets(length: int, count: int = 32, furthest: int = 128) -> torch.Tensor:
    """MPNet's bucket of each (query, key) distance, (length, length): exact when near, logarithmic when far, one half a direction."""
    places = torch.arange(length)
    distance = places[:, None] - places[None]
    half = count // 2
    exact = half // 2
    size = distance.abs()
    far = exact + (torch.log(size.clamp(min=1).float() / exact) / math.log(furthest / exact) * (half - exact)).long()
    return (distance < 0).long() * half + torch.where(size < exact, size, far.clamp(max=half - 1))
