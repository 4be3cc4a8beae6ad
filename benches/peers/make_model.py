"""Makes a model of mpnet-base's size with random weights, in the layout of sentence-transformers.

    make_model.py [--any-vocabulary] TOKENIZER OUT

The time of a forward pass does not depend on what was learnt, and no trained mpnet-base can be had from a package
index. What the weights must do is behave like trained ones in low precision: products of ordinary size, layer norms
near one, a relative-position bias that matters. The same seed and versions make the same bytes.
"""
import json, pathlib, shutil, sys

import torch
from transformers import AutoModel, MPNetConfig

# microsoft/mpnet-base.
CONFIG = dict(
    vocab_size=30527, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072,
    hidden_act="gelu", max_position_embeddings=514, layer_norm_eps=1e-5, relative_attention_num_buckets=32,
    bos_token_id=0, pad_token_id=1, eos_token_id=2,
)
SPECIAL = dict(bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>", pad_token="<pad>",
               mask_token="<mask>", unk_token="[UNK]")
# all-mpnet-base-v2's own, so that every engine loads the folder as it loads that model.
FILES = {
    "tokenizer_config.json": dict(tokenizer_class="PreTrainedTokenizerFast", model_max_length=512, **SPECIAL),
    "sentence_bert_config.json": dict(max_seq_length=384, do_lower_case=False),
    "1_Pooling/config.json": dict(
        word_embedding_dimension=768, pooling_mode_cls_token=False, pooling_mode_mean_tokens=True,
        pooling_mode_max_tokens=False, pooling_mode_mean_sqrt_len_tokens=False,
    ),
    "modules.json": [
        dict(idx=index, name=str(index), path=path, type=f"sentence_transformers.models.{kind}")
        for index, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")])
    ],
}


def spread(name):
    """Mean and standard deviation of the weights of this name."""
    if name.endswith("bias"):
        return 0, 0.05
    if "LayerNorm" in name:
        return 1, 0.1
    if "relative_attention_bias" in name:
        return 0, 0.5
    return 0, 0.04


def main(tokenizer, out, any_vocabulary=False):
    rows = len(json.loads(tokenizer.read_text(encoding="utf-8"))["model"]["vocab"])
    if any_vocabulary:
        CONFIG["vocab_size"] = rows
    if rows != CONFIG["vocab_size"]:
        sys.exit(f"make_model.py: `{tokenizer}`: expected {CONFIG['vocab_size']} entries in the vocabulary, found {rows}")
    torch.manual_seed(1)
    model = AutoModel.from_config(MPNetConfig(**CONFIG)).float().eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.normal_(*spread(name))
    model.save_pretrained(out)
    shutil.copyfile(tokenizer, out / "tokenizer.json")
    for path, content in FILES.items():
        (out / path).parent.mkdir(exist_ok=True)
        (out / path).write_text(json.dumps(content, indent=2) + "\n")
    (out / "2_Normalize").mkdir()


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--any-vocabulary"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    main(*map(pathlib.Path, arguments), any_vocabulary="--any-vocabulary" in sys.argv)
