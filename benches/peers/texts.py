"""The texts: exact in tokens, the same in every run."""
import dataclasses, math, random, statistics

from tokenizers import Tokenizer

MIXED, SHORTEST, LONGEST = 512, 5, 128
# On a GPU, which is not full of less, also so many.
MANY = 8192
# Mostly short sentences and a few long ones; the deviation is that of the logarithm.
MEDIAN, DEVIATION = 18, 0.7
# What the tokenizer adds to every text: <s> and </s>.
SPECIAL = 2


@dataclasses.dataclass
class Case:
    name: str
    texts: list
    tokens: list  # of each text, special tokens included

    def __str__(self):
        return self.name


def mixed_lengths(count):
    """Lengths by the quantiles of a log-normal distribution, cut to 5..128, shuffled."""
    normal = statistics.NormalDist()
    quantiles = [normal.inv_cdf((index + 0.5) / count) for index in range(count)]
    lengths = [round(MEDIAN * math.exp(DEVIATION * quantile)) for quantile in quantiles]
    lengths = [min(max(length, SHORTEST), LONGEST) for length in lengths]
    random.Random(2).shuffle(lengths)
    return lengths


def describe_mixed(case):
    """One sentence on what the mixed case is."""
    lengths = sorted(case.tokens)
    tenth, half, most = (lengths[len(lengths) * tenths // 10] for tenths in (1, 5, 9))
    return (f"{case}: {len(lengths)} sentences of {lengths[0]} to {lengths[-1]} tokens, log-normal (median {MEDIAN}, deviation "
            f"{DEVIATION} of the logarithm), shuffled: {statistics.mean(lengths):.1f} on average, a tenth has up to {tenth}, "
            f"half up to {half}, nine tenths up to {most}.")


class Writer:
    """Writes texts of words that are one token each."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.random = random.Random(1)
        vocabulary = sorted(self.tokenizer.get_vocab())
        self.words = [word for word in vocabulary if word.isascii() and word.isalpha() and word.islower() and len(word) > 2]

    def text(self, tokens):
        text = " ".join(self.random.choices(self.words, k=tokens - SPECIAL))
        found = len(self.tokenizer.encode(text).ids)
        if found != tokens:
            raise ValueError(f"expected a text of {tokens} tokens, found {found}: `{text}`")
        return text

    def case(self, name, lengths):
        return Case(name, [self.text(length) for length in lengths], lengths)


def cases(tokenizer, gpu=False):
    writer = Writer(tokenizer)
    even = [(1, 16), (1, 128), (32, 128)] if gpu else [(1, 16), (1, 128), (8, 128), (32, 128)]
    mixed = [MIXED, MANY] if gpu else [MIXED]
    return [writer.case(f"{texts} x {tokens}", [tokens] * texts) for texts, tokens in even] \
        + [writer.case(f"{count} mixed", mixed_lengths(count)) for count in mixed]
