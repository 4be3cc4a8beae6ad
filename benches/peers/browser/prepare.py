"""Writes a model as transformers.js loads it, and the cases with their reference vectors.

    PYTHONPATH=benches/peers prepare.py MODEL OUT

OUT/onnx/model.onnx is f32, OUT/onnx/model_quantized.onnx transformers.js's default ("q8"): onnxruntime's dynamic
quantisation to int8 by channel and in 7 bits. (Whether its own conversion does the same was not confirmed; with one scale a tensor the worst
1 - cos is 0.11 instead of 0.03.) Attention is exported step by step: PyTorch's own adds a pass for NaN to each softmax.
Fused by onnxruntime's optimiser, f32 was 0 to 4 % faster in the browser, within the noise.
"""
import json, logging, pathlib, shutil, sys, warnings

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel, AutoTokenizer

from export_onnx import Encoder
from texts import Writer

CASES = [(1, 8), (16, 32), (8, 128)]


def load(model, dtype):
    return AutoModel.from_pretrained(model, dtype=dtype, attn_implementation="eager").eval()


def export(model, out):
    out.mkdir(parents=True)
    # Two tensors, because the exporter takes one given twice for one input; no dimension of 1, which would be a constant.
    ids, mask = torch.full((2, 16), 2000), torch.ones(2, 16, dtype=torch.long)
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens", max=512)
    torch.onnx.export(
        Encoder(load(model, torch.float32)).eval(), (ids, mask), out / "model.onnx", dynamo=True, external_data=False,
        verbose=False, input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
        dynamic_shapes=({0: texts, 1: tokens}, {0: texts, 1: tokens}),
    )
    quantize_dynamic(out / "model.onnx", out / "model_quantized.onnx", weight_type=QuantType.QInt8, per_channel=True,
                     reduce_range=True)


def reference_vectors(model, tokenizer, texts):
    """In f64: the mean over the tokens, of length 1. No text is padded: those of a case are equally long."""
    inputs = tokenizer(texts, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**inputs).last_hidden_state.mean(1)
    return torch.nn.functional.normalize(vectors).tolist()


def main(model, out):
    export(model, out / "onnx")
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copyfile(model / name, out / name)
    writer, exact, tokenizer = Writer(model / "tokenizer.json"), load(model, torch.float64), AutoTokenizer.from_pretrained(model)
    cases = {}
    for texts, tokens in CASES:
        case = writer.case(f"{texts} x {tokens}", [tokens] * texts)
        vectors = reference_vectors(exact, tokenizer, case.texts)
        cases[case.name] = {"texts": case.texts, "tokens": tokens, "vectors": vectors}
    (out / "cases.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    main(*map(pathlib.Path, sys.argv[1:]))
