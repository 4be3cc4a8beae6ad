"""Writes the f16 form of a model whose matrices are int8 with a scale a row, for sentence-transformers and others.

    python to_f16.py ../wembed-mini/model OUT

Where scales have four significant bits, as wembed-mini's do, every product of int8 and scale is exactly an f16: the weights are the same
numbers, and so are the vectors. It is an error where one is not."""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def widened(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    found = {}
    for name, tensor in tensors.items():
        if name.endswith("_scale"):
            continue
        if tensor.dtype == torch.int8:
            exact = tensor.float() * tensors[f"{name}_scale"].float()
            tensor = exact.half()
            if not torch.equal(tensor.float(), exact):
                raise SystemExit(f"{name}: some of its values are no f16")
        found[name] = tensor
    return found


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", type=Path)
    arguments.add_argument("out", type=Path)
    arguments = arguments.parse_args()
    shutil.copytree(arguments.model, arguments.out)
    save_file(widened(load_file(arguments.model / "model.safetensors")), arguments.out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((arguments.out / "config.json").read_text())
    del config["quantization_config"]
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
