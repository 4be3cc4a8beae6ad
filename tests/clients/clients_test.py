"""What programs in Python use, as they use it: the packages openai and ollama.

    python clients_test.py URL
"""

import sys
import unittest

import ollama
import openai

URL = sys.argv.pop()
TEXTS = ["The cat sleeps.", "Die Katze schläft.", ""]


def f32(vector):
    import numpy

    return numpy.asarray(vector, numpy.float32).tolist()


class Clients(unittest.TestCase):
    def setUp(self):
        self.openai = openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)
        self.ollama = ollama.Client(URL)

    def test_they_agree(self):
        answer = self.openai.embeddings.create(model="wembed-mini", input=TEXTS)
        other = self.ollama.embed("wembed-mini", TEXTS)
        self.assertEqual([f32(item.embedding) for item in answer.data], [f32(vector) for vector in other.embeddings])
        self.assertEqual(answer.usage.prompt_tokens, other.prompt_eval_count)
        floats = self.openai.embeddings.create(model="wembed-mini", input=TEXTS, encoding_format="float")
        self.assertEqual([f32(item.embedding) for item in floats.data], [f32(item.embedding) for item in answer.data])

    def test_old_form_is_not_normalised(self):
        vector = self.ollama.embeddings("wembed-mini", TEXTS[0]).embedding
        self.assertEqual(len(vector), 256)

    def test_token_ids(self):
        import json
        import urllib.request

        request = urllib.request.Request(f"{URL}/tokenize", json.dumps({"inputs": TEXTS[0]}).encode())
        tokens = json.load(urllib.request.urlopen(request))[0]
        ids = [token["id"] for token in tokens]
        expected = self.openai.embeddings.create(model="wembed-mini", input=TEXTS[0]).data[0].embedding
        self.assertEqual(self.openai.embeddings.create(model="wembed-mini", input=ids).data[0].embedding, expected)

    def test_errors(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.openai.embeddings.create(model="gpt", input="a")
        self.assertEqual(raised.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError):
            self.openai.embeddings.create(model="wembed-mini", input="a", dimensions=100000)
        with self.assertRaises(ollama.ResponseError) as raised:
            self.ollama.embed("llama", "a")
        self.assertEqual(raised.exception.status_code, 404)

    def test_lists(self):
        self.assertEqual([model.id for model in self.openai.models.list()], ["wembed-mini"])
        self.assertEqual([model.model for model in self.ollama.list().models], ["wembed-mini"])
        self.assertEqual(self.ollama.show("wembed-mini").details.format, "safetensors")


unittest.main(verbosity=2)
