"""llama.cpp by llama-cpp-python, on the GGUF files that its own converter wrote."""
import pathlib

import llama_cpp
import numpy
import protocol

# In tokens and in texts: as many as sentence-transformers' batches of 32 have at 128 tokens.
TOKENS, TEXTS = 4096, 32

arguments = protocol.arguments(["f32", "f16", "q8"])
model = llama_cpp.Llama(
    str(pathlib.Path(arguments.model) / f"gguf/{arguments.dtype}.gguf"), embedding=True, n_threads=arguments.threads,
    n_threads_batch=arguments.threads, n_ctx=TOKENS, n_batch=TOKENS, n_ubatch=TOKENS, n_seq_max=TEXTS, verbose=False)


def embed(texts):
    return numpy.array(model.embed(texts, normalize=True))


protocol.serve(embed, threads=model.n_threads, tokens=TOKENS, version=llama_cpp.__version__)
