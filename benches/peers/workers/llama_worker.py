"""llama.cpp by llama-cpp-python, on the GGUF files that its own converter wrote."""
import pathlib

import llama_cpp
import numpy
import protocol

# Tokens of a batch. The fastest of 160, 192, 256, 512, 1024 and 2048 here: llama.cpp computes each text's attention to all texts of its batch.
TOKENS = 160

arguments = protocol.arguments(["f32", "f16", "q8"])
model = llama_cpp.Llama(
    str(pathlib.Path(arguments.model) / f"gguf/{arguments.dtype}.gguf"), embedding=True, n_threads=arguments.threads,
    n_threads_batch=arguments.threads, n_ctx=512, n_batch=TOKENS, n_ubatch=TOKENS, verbose=False)


def embed(texts):
    return numpy.array(model.embed(texts, normalize=True))


protocol.serve(embed, threads=model.n_threads, tokens=TOKENS, **protocol.versions("llama-cpp-python"))
