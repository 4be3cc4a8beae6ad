"""Writes a trained checkpoint as the files of a sentence-transformers model, matrices as int8 with a scale a row.

    python ship.py --checkpoint FILE --tokenizer FILE --out DIR"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from model import Encoder, Shape, scales

# The form is compressed-tensors' own. sentence-transformers cannot read it of tables; with this key it fails, without it it would take whole
# numbers for weights. `to_f16.py` writes what it reads.
QUANTIZATION = {
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "config_groups": {
        "group_0": {
            "targets": ["Linear", "Embedding"],
            "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"},
        }
    },
}


def tensors(model: Encoder) -> dict[str, torch.Tensor]:
    """Matrices as int8 and scales, the rest in f16."""
    found = {}
    for name, parameter in model.state_dict().items():
        if parameter.dim() == 2:
            scale = scales(parameter)
            found[name] = torch.round(parameter / scale).to(torch.int8)
            found[f"{name}_scale"] = scale
        else:
            found[name] = parameter.half()
    return {name: tensor.contiguous() for name, tensor in found.items()}


def config(shape: Shape) -> dict:
    return {
        "architectures": ["MPNetModel"],
        "model_type": "mpnet",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "hidden_act": "gelu",
        "max_position_embeddings": shape.positions + 2,
        "relative_attention_num_buckets": 32,
        "layer_norm_eps": shape.epsilon,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.02,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "dtype": "float16",
        "quantization_config": QUANTIZATION,
    }


def other_files(shape: Shape) -> dict[str, object]:
    """Everything but the weights and the tokenizer's pieces, as JSON."""
    places = "sentence_transformers.models"
    return {
        "config.json": config(shape),
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{places}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{places}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{places}.Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
    }


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--checkpoint", type=Path, required=True)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments = arguments.parse_args()
    state = torch.load(arguments.checkpoint)
    model = Encoder(Shape(**state["shape"]))
    model.load_state_dict(state["model"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    save_file(tensors(model), arguments.out / "model.safetensors", metadata={"format": "pt"})
    (arguments.out / "model.safetensors").chmod(0o644)  # safetensors makes it its owner's alone
    shutil.copyfile(arguments.tokenizer, arguments.out / "tokenizer.json")
    for name, content in other_files(model.shape).items():
        path = arguments.out / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n")
    total = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"{arguments.out}: {total:,} bytes")


if __name__ == "__main__":
    main()
