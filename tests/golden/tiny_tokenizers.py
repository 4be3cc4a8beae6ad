"""Small tokenizers of every kind that the family has, their vocabularies taken from WORDS."""
import collections, functools, itertools, math, random

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from texts import WORDS

special = functools.partial(AddedToken, special=True, normalized=False)


def pieces_by_count(tokenizer, continuation, size):
    """The pieces of WORDS that are worth most, single letters first. The trainers of `tokenizers` are not used because
    their result changes from run to run: they walk hash maps, and ties fall as they like."""
    counts, letters = collections.Counter(), {}
    for text in WORDS:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            for start, end in itertools.combinations(range(len(word) + 1), 2):
                if end - start <= 6:
                    piece = (continuation if start else "") + word[start:end]
                    counts[piece], letters[piece] = counts[piece] + 1, end - start
    ranked = sorted(counts, key=lambda p: (letters[p] > 1, -counts[p] ** 2 * letters[p], p))
    return [(piece, counts[piece]) for piece in ranked[:size]]


def word_piece(first, last, size, lowercase):
    tokenizer = Tokenizer(models.WordPiece())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = [piece for piece, _ in pieces_by_count(tokenizer, "##", size - len(first) - len(last))]
    names = [token.content for token in first] + names + [token.content for token in last]
    tokenizer.model = models.WordPiece({name: i for i, name in enumerate(names)}, unk_token="[UNK]")
    tokenizer.add_special_tokens(first + last)
    return tokenizer


def unigram(first, last, size, ends):
    """Pieces with scores, as SentencePiece makes them; `ends` are put around every text."""
    tokenizer = Tokenizer(models.Unigram())
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), spaces, normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    pieces = pieces_by_count(tokenizer, "", size - len(first) - len(last))
    total, noise = sum(len(piece) * count for piece, count in pieces), random.Random(1)
    # The noise keeps two ways to cut a word from having the same score, where either would be right.
    scores = [(piece, round(math.log(count / total) - noise.uniform(0, 0.5), 6)) for piece, count in pieces]
    plain = [(name, 0.0) for name in first], [(name, 0.0) for name in last]
    tokenizer.model = models.Unigram(plain[0] + scores + plain[1], unk_id=first.index("<unk>"))
    tokenizer.add_special_tokens([special(name) for name in first] + [special(name, lstrip=True) for name in last])
    begin, end = ends
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ends])
    return tokenizer


def xlm_roberta_tokenizer():
    tokenizer = unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"], 500, ("<s>", "</s>"))
    tokenizer.enable_truncation(max_length=40)  # real files carry both; whoever loads the model has to override them
    tokenizer.enable_padding(length=40, pad_id=1, pad_token="<pad>")
    return tokenizer


def camembert_tokenizer():
    """fairseq's four names first, of which two are not used; then SentencePiece's own."""
    first = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>"]
    return unigram(first, ["<mask>"], 400, ("<s>", "</s>"))


def bert_tokenizer(size, lowercase):
    first = [special(name) for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    tokenizer = word_piece(first, [], size, lowercase)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def roberta_tokenizer():
    """Byte-level BPE: 256 letters, one a byte, and the most frequent pairs merged one after the other."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = collections.Counter(
        piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(" ".join(WORDS)))
    cut, merges = {word: list(word) for word in words}, []
    for _ in range(120):
        pairs = collections.Counter()
        for word, parts in cut.items():
            pairs.update({pair: 0 for pair in zip(parts, parts[1:])})
            for pair in zip(parts, parts[1:]):
                pairs[pair] += words[word]
        left, right = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append((left, right))
        for parts in cut.values():
            for i in reversed(range(len(parts) - 1)):
                if parts[i:i + 2] == [left, right]:
                    parts[i:i + 2] = [left + right]
    names = ["<s>", "<pad>", "</s>", "<unk>"] + letters + ["".join(pair) for pair in merges] + ["<mask>"]
    tokenizer.model = models.BPE({name: i for i, name in enumerate(names)}, merges, unk_token="<unk>")
    tokenizer.add_special_tokens(
        [special(name) for name in ("<s>", "<pad>", "</s>", "<unk>")] + [special("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer
