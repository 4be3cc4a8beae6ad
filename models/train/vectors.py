"""sentence-transformers' own vectors of the shipped model, in f64 from its f16 form: what `wembed verify` is held to.

    python vectors.py ../wembed-mini/model OUT.json"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).resolve().parent

TEXTS = [
    "The lighthouse keeper wrote down the weather every morning, and nobody ever read it.",
    "Is a model that answers late better than one that answers wrong? It depends: 3.5 ms or 35 minutes.",
    "Die größte Brücke der Stadt heißt seit 1987 \"Alte Brücke\"; STRASSE oder Straße, das ist egal.",
    "Où est la gare, s'il vous plaît ? L'hôtel est fermé à Noël.",
    "Поезд ушёл в девять часов, а МЫ остались на вокзале.",
    "火车九点开走了,我们还在车站。我是一只猫",
    "列車は九時に出ました。ｶﾀｶﾅ と カタカナ は同じです。",
    "הרכבת יצאה בתשע, ואנחנו (כמעט כולנו) נשארנו.",
    "",
    "Vectors that point the same way mean the same thing, or so we hope. " * 30,
]  # fmt: skip


def main() -> None:
    model, out = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        f16 = Path(folder) / "f16"
        subprocess.run([sys.executable, HERE / "to_f16.py", model, f16], check=True)
        reference = SentenceTransformer(str(f16), device="cpu", local_files_only=True).double().eval()
        stored = load_file(f16 / "model.safetensors")
        for name, parameter in reference.named_parameters():  # a name that is not found would leave random weights behind
            name = name.split(".", 1)[1].removeprefix("model.")
            assert name.startswith("pooler.") or torch.equal(parameter, stored[name].double()), name
        vectors = [reference.encode(text, convert_to_tensor=True, show_progress_bar=False).double() for text in TEXTS]
    rows = ",\n".join("    " + json.dumps([float(f"{value:.9g}") for value in vector.tolist()], separators=(",", ":")) for vector in vectors)
    texts = ",\n".join("    " + json.dumps(text) for text in TEXTS)
    out.write_text(f'{{\n  "texts": [\n{texts}\n  ],\n  "vectors": [\n{rows}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
