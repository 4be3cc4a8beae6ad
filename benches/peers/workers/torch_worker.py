"""transformers' AutoModel and tokenizer, pooled as the card of all-mpnet-base-v2 shows it, in batches of like length."""
import protocol
import torch
from transformers import AutoModel, AutoTokenizer

arguments = protocol.arguments(["f32", "f16", "bf16"])
torch.set_num_threads(arguments.threads)
dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[arguments.dtype]
tokenizer = AutoTokenizer.from_pretrained(arguments.model)
model = AutoModel.from_pretrained(arguments.model, dtype=dtype).eval().to(arguments.device)
limit = protocol.limit(arguments.model)
attention = model.config._attn_implementation
if arguments.compile:
    model = torch.compile(model, dynamic=True)


def embed(texts):
    batch = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(arguments.device)
    hidden = model(**batch).last_hidden_state.float()  # (texts, tokens, D)
    mask = batch["attention_mask"].unsqueeze(-1).float()
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(mean).cpu().numpy()


with torch.inference_mode():
    protocol.serve(
        lambda texts: protocol.in_batches(texts, embed),
        threads=torch.get_num_threads(), batch=protocol.BATCH, attention=attention, device=arguments.device,
    )
