"""What is trained on: texts as ids, for each the teacher's vector of its English, and pairs of texts that are looked at side by side."""

import zlib
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

PAD = 1

# How often a translation of each source is drawn against one of Tatoeba: names and lists of words are many, short and alike.
SHARES = {"tatoeba": 1.0, "passages": 1.0, "debian": 0.5, "cldr": 0.25}

# Languages that most people read: drawn more often, since each has no more pairs here than Esperanto has.
MORE, MORE_SHARE = {"deu", "fra", "spa", "rus", "jpn", "zho", "ita", "nld", "pol", "por", "tur", "kor", "ara", "ukr", "ces"}, 1.6

# Pairs of English texts: altered and origin, neighbours.
NEAR_SHARE = 1.0

# Pairs of more tokens are drawn less, so that no more tokens are in all of them: descriptions of packages are long and of one kind.
LONG = 64

# Pairs are drawn in this many at a time, and the ones of a length are put into a batch together.
POOL = 40_000

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
        cut = vectors @ rotation(vectors)[:, :DIMENSIONS]
        lengths = np.linalg.norm(cut, axis=1, keepdims=True)
        print(f"the first {DIMENSIONS} of 384 dimensions hold {np.mean(lengths**2):.4f} of the teacher's vectors")
        np.save(path, (cut / lengths).astype(np.float16))
    return torch.from_numpy(np.load(path))


class Texts:
    """Texts as ids, one after the other: text n is ids[starts[n] : starts[n + 1]], its target row rows[n]. The first texts are the English
    ones, in the order of their rows."""

    def __init__(self, tokenizer: Path, corpus: Path, longest: int):
        path = corpus / f"ids-{zlib.crc32(tokenizer.read_bytes()):08x}-{longest}.npz"
        if not path.exists():
            np.savez(path.with_suffix(".part.npz"), **encode(tokenizer, corpus, longest))
            path.with_suffix(".part.npz").replace(path)
        arrays = np.load(path)
        self.ids, self.starts = torch.from_numpy(arrays["ids"].astype(np.int32)), torch.from_numpy(arrays["starts"])
        self.rows, self.shares = torch.from_numpy(arrays["rows"]), torch.from_numpy(arrays["shares"])
        self.lengths = self.starts[1:] - self.starts[:-1]

    def gather(self, texts: torch.Tensor) -> torch.Tensor:
        """The ids of texts, (texts, length of the longest), padded at their ends."""
        lengths = self.lengths[texts]
        places = torch.arange(int(lengths.max()))
        inside = places < lengths[:, None]
        found = self.ids[(self.starts[texts][:, None] + places).clamp(max=len(self.ids) - 1)].long()
        return torch.where(inside, found, PAD)


class Pairs:
    """Pairs of texts, (N, 2): a translation and its English, an altered text and its origin, two texts that the teacher finds near."""

    def __init__(self, texts: Texts, corpus: Path):
        self.texts = texts
        english = int(texts.rows.max()) + 1
        translations = torch.arange(english, len(texts.rows))
        near = torch.cat([torch.from_numpy(np.loadtxt(corpus / name, np.int64)) for name in ("near.tsv", "neighbours.tsv")])
        self.pairs = torch.cat([torch.stack([translations, texts.rows[translations]], 1), near])
        shares = torch.cat([texts.shares[translations], torch.full((len(near),), NEAR_SHARE)])
        self.lengths = texts.lengths[self.pairs]
        self.shares = shares * (LONG / self.lengths.sum(1)).clamp(max=1.0)

    def plan(self, epoch: int, tokens: int) -> list[torch.Tensor]:
        """One epoch's batches, each the indices of pairs of about one length, in all `tokens` tokens at most."""
        random = torch.Generator().manual_seed(epoch)
        times = (self.shares + torch.rand(len(self.shares), generator=random)).floor().long()
        drawn = torch.repeat_interleave(torch.arange(len(times)), times)
        drawn = drawn[torch.randperm(len(drawn), generator=random)]
        batches = []
        for pool in drawn.split(POOL):
            longest = self.lengths[pool].max(1).values
            order = torch.argsort(longest)
            pool, longest = pool[order], longest[order].tolist()

            def most(place, longest=longest):
                return max(1, tokens // (2 * longest[place]))

            start = 0
            while start < len(pool):
                end = min(len(pool), start + most(start))
                while end - start > most(end - 1):  # the last one is the longest
                    end = start + most(end - 1)
                batches.append(pool[start:end])
                start = end
        return [batches[index] for index in torch.randperm(len(batches), generator=random).tolist()]

    def gather(self, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids (2 N, length) and target rows (2 N) of a batch's texts: first those on the left, then their partners."""
        texts = self.pairs[batch].T.flatten()
        return self.texts.gather(texts), self.texts.rows[texts]


def encode(tokenizer: Path, corpus: Path, longest: int) -> dict[str, np.ndarray]:
    tokenizer = Tokenizer.from_file(str(tokenizer))
    tokenizer.enable_truncation(longest)
    texts = (corpus / "english.txt").read_text().splitlines()
    rows, shares = list(range(len(texts))), [1.0] * len(texts)
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
