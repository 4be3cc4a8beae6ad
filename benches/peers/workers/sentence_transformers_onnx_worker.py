"""sentence-transformers' own `encode` by its ONNX backend, on the files that export_onnx.py wrote.

In an environment of its own: the backend's packages want an older transformers.
"""
import onnxruntime
import protocol
import sentence_transformers

FILES = {"f32": "onnx/model.onnx", "int8": "onnx/model_int8.onnx"}

arguments = protocol.arguments(list(FILES))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = arguments.threads
model = sentence_transformers.SentenceTransformer(
    arguments.model, device="cpu", backend="onnx",
    model_kwargs={"file_name": FILES[arguments.dtype], "provider": "CPUExecutionProvider", "session_options": options})


def embed(texts):
    return model.encode(texts, show_progress_bar=False)


protocol.serve(embed, threads=arguments.threads, batch=protocol.BATCH,
               **protocol.versions("sentence-transformers", "transformers", "optimum-onnx"))
