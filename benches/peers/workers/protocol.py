"""How a worker speaks: JSON lines over standard input and output.

First it says {"ready": true, ...}, where the rest describes it. Then, for each request

    {"texts": ["...", ...], "vectors": true}

it answers {"seconds": 0.123, "vectors": [[...], ...]}: the time from texts to vectors, measured here, so that no engine
pays for JSON. A request that says "vectors": false gets the seconds alone. The worker ends when its input does.

Importing this module points file descriptor 1 to standard error: libraries print as they load.
"""
import argparse, importlib.metadata, json, os, pathlib, sys, time

import numpy

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

# sentence-transformers' default.
BATCH = 32


def arguments(dtypes):
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", required=True, choices=dtypes)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--device", default="cpu", help="torch's device")
    parser.add_argument("--compile", action="store_true", help="by torch.compile")
    parser.add_argument("--server", choices=["wembed", "sidecar"], help="which program is asked over HTTP")
    return parser.parse_args()


def limit(model):
    """How many tokens of a text the model takes."""
    return json.loads((pathlib.Path(model) / "sentence_bert_config.json").read_text())["max_seq_length"]


def versions(*packages):
    return {package: importlib.metadata.version(package) for package in packages}


def in_batches(texts, embed):
    """Vectors of texts in batches of similar length, as sentence-transformers forms them: long texts first."""
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    batches = [order[start:start + BATCH] for start in range(0, len(order), BATCH)]
    sorted_vectors = numpy.concatenate([embed([texts[index] for index in batch]) for batch in batches])
    vectors = numpy.empty_like(sorted_vectors)
    vectors[order] = sorted_vectors
    return vectors


def serve(embed, **about):
    """Answers requests with `embed`, which takes texts and gives an array of one vector a text."""

    def say(answer):
        ANSWERS.write(json.dumps(answer) + "\n")
        ANSWERS.flush()

    say({"ready": True, **about})
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        vectors = embed(request["texts"])
        answer = {"seconds": time.perf_counter() - start}
        if request.get("vectors", True):
            answer["vectors"] = vectors.tolist()
        say(answer)
