"""The corpus: every source read, doubles taken out, test pairs held out.

    python corpus.py --text DIR --out DIR

`--text` has tatoeba-parallel.tsv.zst (language, English, other), common-voice-cc0.tsv.zst (language, text), wordnet-english.txt.zst and
wordnet-pairs.tsv.zst (lemmas, definition); Debian's part is fetched. Written are

    english.txt          English texts, one a line: what the teacher says of line n is the target of every text of line n
    near.tsv             line of english.txt, line of the text that it was altered from
    translations.tsv     line of english.txt, language, source, text
    monolingual.tsv      language, text: for the tokenizer only
    test.tsv             held-out pairs, language, English, other: neither side of one is anywhere in what is trained on
    valid.tsv            the same, for watching a training
"""

import argparse
import hashlib
import io
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import zstandard

import debian

# Languages with held-out pairs: how many for the test, and how many to watch.
HELD_OUT = ["deu", "fra", "spa", "rus", "jpn", "zho", "ita", "nld", "pol", "por", "tur", "ukr", "hun", "heb", "fin"]
TEST_PAIRS, VALID_PAIRS = 1000, 200

# No language or kind of text may drown the others.
MOST_DESCRIPTIONS, MOST_ENGLISH_DESCRIPTIONS, MOST_MAN, PASSAGES, ALTERED = 12_000, 40_000, 10_000, 30_000, 400_000

WITHOUT_SPACES = {"jpn", "zho", "tha"}
SEED = 5


def lines(path: Path):
    with path.open("rb") as file:
        yield from io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")


def clean(text: str) -> str:
    return " ".join(text.split())


def key(text: str) -> str:
    """What two texts share that differ in case, spaces and punctuation only."""
    return re.sub(r"[\W_]+", "", text.lower()) or text


def draw(text: str) -> bytes:
    """A place in a random order that does not depend on what else there is."""
    return hashlib.blake2b(f"{SEED} {text}".encode(), digest_size=8).digest()


def tatoeba(folder: Path) -> list[tuple[str, str, str]]:
    """Tatoeba's pairs, each once: the scripts of a language are listed both apart and together."""
    pairs = {}
    for line in lines(folder / "tatoeba-parallel.tsv.zst"):
        language, english, other = map(clean, line.rstrip("\n").split("\t"))
        language = language.partition("_")[0].replace("cmn", "zho")
        pairs.setdefault((language.replace("pes", "fas"), english, other))
    return list(pairs)


def hold_out(pairs) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Pairs for test and validation by language, no English and no other text twice within one."""
    by_language = defaultdict(list)
    for language, english, other in pairs:
        by_language[language].append((english, other))
    held = {"test": {}, "valid": {}}
    for language in HELD_OUT:
        seen, chosen = set(), []
        for english, other in sorted(by_language[language], key=lambda pair: draw("\t".join(pair))):
            if key(english) not in seen and key(other) not in seen and english.count(" ") >= 2:
                seen |= {key(english), key(other)}
                chosen.append((english, other))
            if len(chosen) == TEST_PAIRS + VALID_PAIRS:
                break
        held["test"][language], held["valid"][language] = chosen[:TEST_PAIRS], chosen[TEST_PAIRS:]
    return held


class Corpus:
    """English texts by number, and translations of them, none of what is held out among them."""

    def __init__(self, held_out: set[str]):
        self.held_out, self.english, self.translations = held_out, {}, {}
        self.by_source = Counter()

    def add_english(self, text: str, source: str) -> int | None:
        text = clean(text)
        if len(text) < 2 or key(text) in self.held_out:
            return None
        if text not in self.english:
            self.by_source[f"english {source}"] += 1
        return self.english.setdefault(text, len(self.english))

    def add(self, language: str, english: str, other: str, source: str) -> None:
        other = clean(other)
        if not other or key(other) in self.held_out or key(english) in self.held_out:
            return
        row = self.add_english(english, source)
        if row is not None and (row, other) not in self.translations:
            self.translations[row, other] = (language, source)
            self.by_source[f"pairs {source}"] += 1


def passages(pairs, random):
    """Passages of two to seven sentences of one language, and the same in English."""
    by_language = defaultdict(list)
    for language, english, other in pairs:
        by_language[language].append((english, other))
    languages = [language for language, found in by_language.items() if len(found) >= 2000]
    weights = [len(by_language[language]) ** 0.5 for language in languages]
    for language in random.choices(languages, weights, k=PASSAGES):
        parts = random.sample(by_language[language], random.randint(2, 7))
        space = "" if language in WITHOUT_SPACES else " "
        yield language, " ".join(english for english, _ in parts), space.join(other for _, other in parts)


def altered(texts: list[str], random):
    """English that nobody wrote, near to what somebody did: the teacher has a vector for it, too, and to tell it from its origin the student
    has to read every word."""
    texts = [text.split(" ") for text in texts]
    texts = [words for words in texts if 4 <= len(words) <= 24]
    counts = Counter(word for words in texts for word in words)
    by_frequency = defaultdict(list)
    for word, count in sorted(counts.items()):
        by_frequency[count.bit_length()].append(word)
    for words in random.sample(texts, ALTERED):
        origin = " ".join(words)
        place = random.randrange(len(words))
        match random.choices(("replace", "replace two", "drop", "span", "join"), (40, 15, 10, 15, 20))[0]:
            case "replace":
                words = replaced(words, [place], counts, by_frequency, random)
            case "replace two":
                words = replaced(words, random.sample(range(len(words)), 2), counts, by_frequency, random)
            case "drop":
                words = words[:place] + words[place + 1 :]
            case "span":
                length = random.randint(2, len(words) - 1)
                start = random.randint(0, len(words) - length)
                words = words[start : start + length]
            case "join":
                other = random.choice(texts)
                words = words[: len(words) // 2 + 1] + other[len(other) // 2 :]
        yield origin, " ".join(words)


def replaced(words, places, counts, by_frequency, random):
    """The text with others of about their frequency instead of some of its words."""
    return [random.choice(by_frequency[counts[word].bit_length()]) if place in places else word for place, word in enumerate(words)]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--text", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments = arguments.parse_args()
    text, out = arguments.text, arguments.out
    packages = out / "debian"
    debian.fetch(packages)

    pairs = tatoeba(text)
    held = hold_out(pairs)
    held_out = {key(side) for part in held.values() for chosen in part.values() for pair in chosen for side in pair}
    corpus = Corpus(held_out)

    for language, english, other in pairs:
        corpus.add(language, english, other, "tatoeba")
    kept = [pair for pair in pairs if key(pair[1]) not in held_out and key(pair[2]) not in held_out]
    for language, english, other in passages(kept, random.Random(SEED)):
        corpus.add(language, english, other, "passages")
    for language, english, other in debian.parallel_names(packages):
        corpus.add(language, english, other, "cldr")
    per_language = Counter()
    for language, english, other in sorted(set(debian.parallel_descriptions(packages)), key=lambda pair: draw(str(pair))):
        per_language[language] += 1
        if per_language[language] <= MOST_DESCRIPTIONS:
            corpus.add(language, english, other, "debian")

    for line in lines(text / "wordnet-english.txt.zst"):
        corpus.add_english(line, "wordnet")
    for line in lines(text / "wordnet-pairs.tsv.zst"):
        lemmas, _ = line.rstrip("\n").split("\t")
        corpus.add_english(lemmas, "lemmas")
    monolingual = []
    for line in lines(text / "common-voice-cc0.tsv.zst"):
        language, _, sentence = line.partition("\t")
        if language == "en":
            corpus.add_english(sentence, "common voice")
        else:
            monolingual.append(f"{language}\t{clean(sentence)}\n")
    for source, found, most in (
        ("debian", debian.english_descriptions(packages), MOST_ENGLISH_DESCRIPTIONS),
        ("man", debian.man_paragraphs(packages), MOST_MAN),
    ):
        for paragraph in sorted(set(found), key=draw)[:most]:
            corpus.add_english(paragraph, source)

    near = []
    for origin, sentence in altered(list(corpus.english), random.Random(SEED)):
        row = corpus.add_english(sentence, "altered")
        if row is not None:
            near.append(f"{row}\t{corpus.english[origin]}\n")

    (out / "english.txt").write_text("".join(f"{line}\n" for line in corpus.english))
    (out / "near.tsv").write_text("".join(near))
    (out / "monolingual.tsv").write_text("".join(monolingual))
    with (out / "translations.tsv").open("w") as file:
        for (row, other), (language, source) in corpus.translations.items():
            file.write(f"{row}\t{language}\t{source}\t{other}\n")
    for part, languages in held.items():
        rows = [f"{language}\t{english}\t{other}\n" for language, chosen in languages.items() for english, other in chosen]
        (out / f"{part}.tsv").write_text("".join(rows))
    for source, count in sorted(corpus.by_source.items()):
        print(f"{count:8} {source}")
    print(f"{len(corpus.english):8} English texts\n{len(corpus.translations):8} translations")


if __name__ == "__main__":
    main()
