"""Writes the cases and their reference vectors, beside the ONNX that export_onnx.py wrote.

    PYTHONPATH=benches/peers prepare.py MODEL

MODEL/cases.json. Fused by onnxruntime's optimiser, f32 was 0 to 4 % faster in the browser, within the noise.
"""
import json, logging, pathlib, sys

import torch
from transformers import AutoModel, AutoTokenizer

from texts import Writer

CASES = [(1, 8), (16, 32), (8, 128)]


def reference_vectors(model, tokenizer, texts):
    """In f64: the mean over the tokens, of length 1. No text is padded: those of a case are equally long."""
    inputs = tokenizer(texts, return_tensors="pt")
    with torch.no_grad():
        vectors = model(**inputs).last_hidden_state.mean(1)
    return torch.nn.functional.normalize(vectors).tolist()


def main(folder):
    writer, tokenizer = Writer(folder / "tokenizer.json"), AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    cases = {}
    for texts, tokens in CASES:
        case = writer.case(f"{texts} x {tokens}", [tokens] * texts)
        vectors = reference_vectors(model, tokenizer, case.texts)
        cases[case.name] = {"texts": case.texts, "tokens": tokens, "vectors": vectors}
    (folder / "cases.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    logging.disable(logging.WARNING)
    main(pathlib.Path(sys.argv[1]))
