"""Writes the encoder of a model for onnxruntime, which sentence-transformers, fastembed and transformers.js have inside.

    export_onnx.py MODEL

MODEL/onnx/model.onnx is f32, model_int8.onnx onnxruntime's dynamic quantisation: weights once and by channel, activations while it runs.
model_quantized.onnx is transformers.js's default ("q8"), the same in 7 bits. (Whether its own conversion does the same was not confirmed;
with one scale a tensor the worst 1 - cos of all-MiniLM-L6-v2 is 0.11 instead of 0.03.) Attention is exported step by step: PyTorch's own
adds a pass for NaN to each softmax. Pooling and normalisation are left to the worker.
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


def main(model):
    out = model / "onnx"
    out.mkdir(exist_ok=True)
    encoder = Encoder(AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager")).eval()
    # Two tensors, because the exporter takes one given twice for one input; no dimension of 1, which would be a constant.
    ids, mask = torch.full((2, 16), 2000), torch.ones(2, 16, dtype=torch.long)
    texts, tokens = torch.export.Dim("texts"), torch.export.Dim("tokens", max=512)
    torch.onnx.export(
        encoder, (ids, mask), out / "model.onnx", dynamo=True, external_data=False, verbose=False,
        input_names=["input_ids", "attention_mask"], output_names=["last_hidden_state"],
        dynamic_shapes=({0: texts, 1: tokens}, {0: texts, 1: tokens}),
    )
    for name, seven_bits in [("model_int8.onnx", False), ("model_quantized.onnx", True)]:
        quantize_dynamic(out / "model.onnx", out / name, weight_type=QuantType.QInt8, per_channel=True, reduce_range=seven_bits)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    warnings.simplefilter("ignore")
    main(pathlib.Path(sys.argv[1]))
