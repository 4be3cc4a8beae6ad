"""Writes the encoder of a model for onnxruntime: OUT/f32.onnx and, with int8 weights, OUT/int8.onnx.

    export_onnx.py MODEL OUT

int8 is onnxruntime's dynamic quantisation: weights once, activations while it runs. Pooling and normalisation are left
to the worker.
"""
import pathlib, sys, warnings

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel


class Encoder(torch.nn.Module):
    """The model with two tensors in and one out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def main(model, out):
    out.mkdir(parents=True)
    encoder = Encoder(AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")).eval()
    # Two tensors, because the exporter takes one given twice for one input; no dimension of 1, which would be a constant.
    ids, mask = torch.full((2, 16), 2000), torch.ones(2, 16, dtype=torch.long)
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens", max=512)
    torch.onnx.export(
        encoder, (ids, mask), out / "f32.onnx", dynamo=True, external_data=False, verbose=False,
        input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
        dynamic_shapes=({0: texts, 1: tokens}, {0: texts, 1: tokens}),
    )
    quantize_dynamic(out / "f32.onnx", out / "int8.onnx", weight_type=QuantType.QInt8)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    main(*map(pathlib.Path, sys.argv[1:]))
