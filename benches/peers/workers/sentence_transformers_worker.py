"""sentence-transformers' own `encode`, with nothing set but the type: it sorts by length and batches by itself."""
import protocol
import torch
from sentence_transformers import SentenceTransformer

arguments = protocol.arguments(["f32", "f16", "bf16"])
torch.set_num_threads(arguments.threads)
dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[arguments.dtype]
model = SentenceTransformer(arguments.model, device=arguments.device, model_kwargs={"dtype": dtype})


def embed(texts):
    return model.encode(texts, show_progress_bar=False)


protocol.serve(embed, threads=torch.get_num_threads(), batch=protocol.BATCH, device=arguments.device)
