"""The sidecar that wembed replaces, rebuilt: FastAPI and sentence-transformers, one request a batch.

    python sidecar.py MODEL PORT
"""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], device="cpu")
app = FastAPI()


class Request(BaseModel):
    input: list[str]


@app.post("/v1/embeddings")
def embed(request: Request):
    vectors = model.encode(request.input, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    return {"data": [{"index": index, "embedding": vector.tolist()} for index, vector in enumerate(vectors)]}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
