"""The tokenizer: a Unigram like XLM-R's, of lower-case text, trained on the corpus.

    python pieces.py --corpus DIR --size 20000 --out DIR

The teacher reads lower case only, so capitals would cost pieces and buy nothing."""

import argparse
import json
import random
from collections import Counter, defaultdict
from pathlib import Path

from dataset import MORE
from debian import CLDR
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

FIRST, LAST = ["<s>", "<pad>", "</s>", "<unk>"], "<mask>"

# Lines of each language that pieces are learned from, at most: a piece that many texts use is worth more than one of a rare language.
ENGLISH_LINES, MORE_LINES, OTHER_LINES = 120_000, 16_000, 2_500

# The share of the letters that must have pieces: the rest, mostly rare Han letters and scripts of a few lines, are unknown.
COVERAGE = 0.9990
SEED = 5


def pipeline() -> Tokenizer:
    """Everything but the pieces."""
    tokenizer = Tokenizer(models.Unigram())
    spaces = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), spaces, normalizers.Strip()])
    split = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)
    return tokenizer


def texts(corpus: Path) -> list[str]:
    """The lines that are trained on: so many of each language."""
    by_language = defaultdict(list)
    by_language["en"] = (corpus / "english.txt").read_text().splitlines()
    for line in (corpus / "translations.tsv").read_text().splitlines():
        _, language, source, text = line.split("\t", 3)
        if source != "passages":
            by_language[language].append(text)
    for line in (corpus / "monolingual.tsv").read_text().splitlines():
        language, _, text = line.partition("\t")
        language = language.partition("-")[0]
        by_language[CLDR.get(language, language)].append(text)
    rng = random.Random(SEED)
    chosen = []
    for language, found in sorted(by_language.items()):
        most = ENGLISH_LINES if language == "en" else MORE_LINES if language in MORE else OTHER_LINES
        chosen += rng.sample(found, min(most, len(found)))
    return chosen


def without_rare_letters(lines: list[str]) -> list[str]:
    """The lines, normalised, that have no letter beyond the coverage: every letter of what is trained on becomes a piece."""
    normalizer = pipeline().normalizer
    lines = [normalizer.normalize_str(line) for line in lines]
    letters = Counter()
    for line in lines:
        letters.update(line)
    total, seen, kept = sum(letters.values()), 0, set()
    for letter, count in letters.most_common():
        if seen >= COVERAGE * total:
            break
        kept.add(letter)
        seen += count
    print(f"{len(kept)} of {len(letters)} letters kept")
    return [line for line in lines if kept.issuperset(line)]


def train(lines: list[str], size: int) -> Tokenizer:
    trainer = trainers.UnigramTrainer(
        vocab_size=size - 1, special_tokens=[AddedToken(name, special=True) for name in FIRST], unk_token="<unk>",
        max_piece_length=16, show_progress=False,
    )  # fmt: skip
    learned = pipeline()
    learned.train_from_iterator(lines, trainer)
    # The trainer is done with the pieces; scores to four places are as good and a third of the bytes.
    pieces = json.loads(learned.to_str())["model"]["vocab"]
    scored = [(piece, round(score, 4)) for piece, score in pieces if piece not in FIRST]
    tokenizer = pipeline()
    tokenizer.model = models.Unigram([(name, 0.0) for name in FIRST] + scored + [(LAST, 0.0)], unk_id=FIRST.index("<unk>"))
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in FIRST])
    tokenizer.add_special_tokens([AddedToken(LAST, special=True, lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--corpus", type=Path, required=True)
    arguments.add_argument("--size", type=int, nargs="+", required=True)
    arguments.add_argument("--out", type=Path, required=True, help="a folder: one file a size")
    arguments = arguments.parse_args()
    lines = without_rare_letters(texts(arguments.corpus))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for size in arguments.size:
        tokenizer = train(lines, size)
        path = arguments.out / f"{size}.json"
        path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")))
        count = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(lines[:20000]))
        print(f"{size}: {tokenizer.get_vocab_size()} pieces, {path.stat().st_size} bytes, {count / 20000:.2f} tokens a text", flush=True)


if __name__ == "__main__":
    main()
