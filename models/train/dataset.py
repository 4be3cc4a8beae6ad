"""What is trained on: texts as ids in order of length, and for each the teacher's vector of its English."""

import zlib
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

# How often a text of each source is drawn against one of Tatoeba: names and lists of words are many, short and alike.
SHARES = {
    "english": 1.0, "tatoeba": 1.0, "passages": 1.0, "debian": 0.5, "cldr": 0.25,
}  # fmt: skip

# Languages that most people read: drawn more often, since each has no more pairs here than Esperanto has.
MORE, MORE_SHARE = {"deu", "fra", "spa", "rus", "jpn", "zho", "ita", "nld", "pol", "por", "tur", "kor", "ara", "ukr", "ces"}, 1.6

# Texts of more tokens are drawn less, so that no more tokens are in all of them: descriptions of packages are long and of one kind.
LONG = 32

DIMENSIONS = 256


def rotation(vectors: np.ndarray) -> np.ndarray:
    """The orthogonal matrix (384, 384) whose first columns hold most of the teacher's vectors: any prefix of a rotated vector is
    the best one of its length, so a student that learns the first 256 can be cut to fewer."""
    sample = vectors[:: max(1, len(vectors) // 200_000)].astype(np.float64)
    _, axes = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(axes[:, ::-1]).astype(np.float32)


def targets(teacher: Path, corpus: Path) -> torch.Tensor:
    """The teacher's vectors in the rotated basis, cut to the student's dimensions, of length 1: (English texts, 256) in f16."""
    path = corpus / "targets.npy"
    if not path.exists():
        vectors = np.load(teacher)
        axes = rotation(vectors)
        np.save(corpus / "rotation.npy", axes)
        cut = vectors @ axes[:, :DIMENSIONS]
        lengths = np.linalg.norm(cut, axis=1, keepdims=True)
        print(f"the first {DIMENSIONS} of 384 dimensions hold {np.mean(lengths**2):.4f} of the teacher's vectors")
        np.save(path, (cut / lengths).astype(np.float16))
    return torch.from_numpy(np.load(path))


class Texts:
    """Texts as ids, one after the other: text n is ids[starts[n] : starts[n + 1]], its target row rows[n]."""

    def __init__(self, tokenizer: Path, corpus: Path, longest: int):
        path = corpus / f"ids-{zlib.crc32(tokenizer.read_bytes()):08x}-{longest}.npz"
        if not path.exists():
            np.savez(path.with_suffix(".part.npz"), **encode(tokenizer, corpus, longest))
            path.with_suffix(".part.npz").replace(path)
        arrays = np.load(path)
        self.ids, self.starts = torch.from_numpy(arrays["ids"].astype(np.int32)), torch.from_numpy(arrays["starts"])
        self.rows, self.shares = torch.from_numpy(arrays["rows"]), torch.from_numpy(arrays["shares"])
        self.lengths = self.starts[1:] - self.starts[:-1]
        self.shares *= (LONG / self.lengths).clamp(max=1.0)
        near = [tuple(map(int, line.split("\t"))) for line in (corpus / "near.tsv").read_text().splitlines()]
        near = torch.tensor(near)  # English text n is text n here, too
        self.near = near[self.lengths[near[:, 0]] == self.lengths[near[:, 1]]]

    def batches(self, epoch: int, tokens: int, most: int):
        """One epoch's batches: ids (texts, length), their target rows, and whether texts 2 n and 2 n + 1 are near to each other. The texts of a
        batch have one length, so nothing is padded."""
        random = torch.Generator().manual_seed(epoch)
        times = self.shares + torch.rand(len(self.shares), generator=random)
        drawn = torch.repeat_interleave(torch.arange(len(times)), times.floor().long())
        batches = [(False, part) for part in self.divide(drawn[:, None], tokens, most, random)]
        batches += [(True, part) for part in self.divide(self.near, tokens, most, random)]
        for index in torch.randperm(len(batches), generator=random).tolist():
            near, part = batches[index]
            length = int(self.lengths[part[0]])
            yield self.ids[self.starts[part][:, None] + torch.arange(length)].long(), self.rows[part], near

    def divide(self, groups: torch.Tensor, tokens: int, most: int, random) -> list[torch.Tensor]:
        """Groups of texts of one length, (N, texts of a group), in batches of texts of one length."""
        groups = groups[torch.randperm(len(groups), generator=random)]
        groups = groups[torch.argsort(self.lengths[groups[:, 0]], stable=True)]
        lengths, counts = torch.unique_consecutive(self.lengths[groups[:, 0]], return_counts=True)
        batches, start = [], 0
        for length, count in zip(lengths.tolist(), counts.tolist(), strict=True):
            size = min(most, max(1, tokens // length)) // groups.shape[1]
            parts = groups[start : start + count].split(max(1, size))
            batches += [part.flatten() for part in parts if part.numel() >= 16]
            start += count
        return batches


def encode(tokenizer: Path, corpus: Path, longest: int) -> dict[str, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(tokenizer))
    tokenizer.enable_truncation(longest)
    texts = (corpus / "english.txt").read_text().splitlines()
    rows, shares = list(range(len(texts))), [SHARES["english"]] * len(texts)
    for line in (corpus / "translations.tsv").read_text().splitlines():
        row, language, source, text = line.split("\t", 3)
        texts.append(text)
        rows.append(int(row))
        shares.append(SHARES[source] * (MORE_SHARE if language in MORE else 1.0))
    encoded = [
        np.asarray(encoding.ids, np.uint16)
        for start in range(0, len(texts), 20_000)
        for encoding in tokenizer.encode_batch_fast(texts[start : start + 20_000])
    ]
    starts = np.concatenate([[0], np.cumsum([len(ids) for ids in encoded])])
    return {"ids": np.concatenate(encoded), "starts": starts, "rows": np.array(rows), "shares": np.array(shares, np.float32)}
