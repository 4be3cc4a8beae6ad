"""Small models of every architecture and shape that users bring, with random weights."""
import collections, json, math, pathlib, re, tempfile

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import processors
from transformers import (
    AutoModel, BertConfig, CamembertConfig, DistilBertConfig, MPNetConfig, PreTrainedTokenizerFast, RobertaConfig,
    XLMRobertaConfig)

from tiny_tokenizers import (
    bert_tokenizer, camembert_tokenizer, roberta_tokenizer, special, unigram, word_piece, xlm_roberta_tokenizer)

# Mean and deviation of each kind of weight; the first pattern that fits counts. A matrix's deviation is in units of
# 1 / sqrt(its inputs). They make every part of the network show in the result: what goes into the first norm of each
# kind is quiet, so that its epsilon weighs something; feed-forward inputs lie below zero, as in trained models, where
# the forms of GELU differ most; attention is sharp enough for scores and positions to matter.
WEIGHTS = [
    (r"relative_attention_bias", 0, 1),
    (r"((embeddings|layer\.0\.attention.*)\.LayerNorm|layer\.0\.sa_layer_norm)\.weight", 0.05, 0.01),
    (r"((embeddings|layer\.0\.attention.*)\.LayerNorm|layer\.0\.sa_layer_norm)\.bias", 0, 0.005),
    (r"(LayerNorm|layer_norm)\.weight", 1, 0.2),
    (r"(LayerNorm|layer_norm)\.bias", 0, 0.1),
    (r"embeddings", 0, 0.02),
    (r"layer\.0\..*\.(q|k|query|key|q_lin|k_lin)\.weight", 0, 20),
    (r"\.(q|k|query|key|q_lin|k_lin)\.weight", 0, 2),
    (r"\.(q|k|query|key|q_lin|k_lin)\.bias", 0, 0.5),
    (r"(intermediate\.dense|lin1)\.bias", -2, 0.5),
    (r"layer\.0\.(output\.dense|ffn\.lin2)\.weight", 0, 0.3),
    (r"\d\.(output\.dense|ffn\.lin2)\.weight", 0, 4),
    (r"layer\.0\..*bias", 0, 0.01),
    (r"bias", 0, 0.1),
    (r"weight", 0, 1),
]


def random_model(config, seed):
    model, generator = AutoModel.from_config(config, dtype=torch.float32).eval(), torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        mean, deviation = next(row[1:] for row in WEIGHTS if re.search(row[0], name))
        if parameter.dim() == 2 and "embeddings" not in name and "relative" not in name:
            deviation /= math.sqrt(parameter.shape[1])
        parameter.data = mean + deviation * torch.randn(parameter.shape, generator=generator)
    return model.half()


def weights(config, seed, prefix):
    tensors = random_model(config, seed).state_dict()
    return {prefix + name: tensor for name, tensor in tensors.items() if not name.startswith("pooler.")}


# ---- Layouts --------------------------------------------------------------------------------------------------------
ROBERTA_NAMES = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
                 "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
BERT_NAMES = {f"{name}_token": f"[{name.upper()}]" for name in ("cls", "sep", "pad", "unk", "mask")}


def write_new_model(directory, seed, config, tokenizer, names, pooling, max_length, prompts=None):
    """As sentence-transformers 6 saves it."""
    with tempfile.TemporaryDirectory() as plain:
        random_model(config, seed).save_pretrained(plain)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(plain)
        modules = [Transformer(plain), Pooling(config.hidden_size, pooling), Normalize()]
        model = SentenceTransformer(modules=modules, device="cpu", prompts=prompts)
        model.max_seq_length = max_length
        model.save(str(directory), create_model_card=False)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def old_pooling(width, mode, *newer):
    """A Pooling module's configuration with the keys of its time."""
    modes = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", *newer]
    return {"word_embedding_dimension": width} | {f"pooling_mode_{name}": name == mode for name in modes}


def write_old_model(directory, modules, config, tokenizer, names, files):
    """What old layouts have in common. `names` are the tokenizer's special tokens, `files` what is this model's own."""
    inner, newer = directory / modules[0][0], ("dtype", "add_cross_attention", "is_decoder", "tie_word_embeddings")
    write_json(inner / "config.json", {k: v for k, v in config.to_diff_dict().items() if k not in newer} | {
        "architectures": [type(config).__name__.replace("Config", "Model")], "position_embedding_type": "absolute",
        "torch_dtype": "float16", "transformers_version": "4.7.0"})
    tokenizer.save(str(inner / "tokenizer.json"))
    write_json(inner / "tokenizer_config.json", names | {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512})
    write_json(directory / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)])
    for path, value in files.items():
        write_json(directory / path, value)


def write_dense(directory, inputs, outputs, seed):
    """A Dense module with sentence-transformers' own activation, tanh."""
    dense, generator = Dense(inputs, outputs), torch.Generator().manual_seed(seed)
    for parameter in dense.parameters():
        parameter.data = (0.2 * torch.randn(parameter.shape, generator=generator)).half()
    directory.mkdir()
    dense.save(str(directory))


# ---- One a kind -----------------------------------------------------------------------------------------------------
def make_mpnet(directory):
    first = [special("<s>"), special("<pad>"), special("</s>"), special("<unk>", normalized=True), special("[UNK]")]
    tokenizer = word_piece(first, [special("<mask>", lstrip=True)], 580, lowercase=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    config = MPNetConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=96, num_attention_heads=3, intermediate_size=160,
        num_hidden_layers=2, max_position_embeddings=202, layer_norm_eps=1e-5)
    write_new_model(directory, 1, config, tokenizer, ROBERTA_NAMES | {"unk_token": "[UNK]"}, "mean", 160)


def make_xlm_roberta(directory):
    tokenizer = xlm_roberta_tokenizer()
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=128, num_attention_heads=2, intermediate_size=256,
        num_hidden_layers=2, max_position_embeddings=132, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1)
    shards, weight_map, total = collections.defaultdict(dict), {}, 0
    for name, tensor in weights(config, 2, "roberta.").items():
        shard = f"model-0000{2 if 'layer.1.' in name else 1}-of-00002.safetensors"
        shards[shard][name], weight_map[name], total = tensor, shard, total + tensor.nbytes
    write_old_model(
        directory, [("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")], config, tokenizer, ROBERTA_NAMES,
        {"0_Transformer/model.safetensors.index.json": {"metadata": {"total_size": total}, "weight_map": weight_map},
         "0_Transformer/sentence_bert_config.json": {"max_seq_length": 128, "do_lower_case": False},
         "1_Pooling/config.json": old_pooling(128, "mean_tokens")})
    for shard, tensors in shards.items():
        save_file(tensors, directory / "0_Transformer" / shard, metadata={"format": "pt"})


def make_bert(directory):
    """LaBSE's modules: the first token, a dense layer with tanh, normalised."""
    tokenizer = bert_tokenizer(540, lowercase=False)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=60, num_attention_heads=5, intermediate_size=100,
        num_hidden_layers=3, max_position_embeddings=64, layer_norm_eps=1e-12, type_vocab_size=2)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")],
        config, tokenizer, BERT_NAMES,
        {"sentence_bert_config.json": {},  # so 64: what the positions allow, not the tokenizer's 512
         "config_sentence_transformers.json": {
             "__version__": {"sentence_transformers": "2.7.0", "transformers": "4.40.0", "pytorch": "2.2.0"},
             "prompts": {}, "default_prompt_name": None},
         "1_Pooling/config.json": old_pooling(60, "cls_token", "weightedmean_tokens", "lasttoken") | {
             "include_prompt": True}})
    tensors = weights(config, 3, "bert.")
    # Both are in many a real checkpoint, and nobody needs either.
    tensors["bert.embeddings.position_ids"] = torch.arange(64).unsqueeze(0)
    tensors["cls.predictions.bias"] = torch.zeros(config.vocab_size, dtype=torch.float16)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    write_dense(directory / "2_Dense", 60, 40, 4)


def make_roberta(directory):
    """all-distilroberta-v1: byte-level BPE, mean pooling, normalised."""
    tokenizer = roberta_tokenizer()
    config = RobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_attention_heads=4, intermediate_size=96,
        num_hidden_layers=2, max_position_embeddings=98, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")], config, tokenizer,
        ROBERTA_NAMES, {"sentence_bert_config.json": {"max_seq_length": 96, "do_lower_case": False},
                        "1_Pooling/config.json": old_pooling(48, "mean_tokens")})
    save_file(weights(config, 5, ""), directory / "model.safetensors", metadata={"format": "pt"})


def make_camembert(directory):
    """sentence-camembert: fairseq's unused names in the vocabulary, mean pooling, not normalised."""
    tokenizer = camembert_tokenizer()
    config = CamembertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, num_attention_heads=2, intermediate_size=96,
        num_hidden_layers=2, max_position_embeddings=66, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1,
        bos_token_id=5, eos_token_id=6)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling")], config, tokenizer, ROBERTA_NAMES,
        {"sentence_camembert_config.json": {"max_seq_length": 64, "do_lower_case": False},
         "1_Pooling/config.json": old_pooling(64, "mean_tokens")})
    save_file(weights(config, 6, "roberta."), directory / "model.safetensors", metadata={"format": "pt"})


def make_distilbert(directory):
    """distiluse-base-multilingual-cased-v2: mean pooling and a dense layer with tanh."""
    tokenizer = bert_tokenizer(480, lowercase=False)
    config = DistilBertConfig(
        vocab_size=tokenizer.get_vocab_size(), dim=56, n_heads=7, hidden_dim=112, n_layers=2,
        max_position_embeddings=80)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense")], config, tokenizer,
        BERT_NAMES, {"sentence_distilbert_config.json": {"max_seq_length": 48},
                     "1_Pooling/config.json": old_pooling(56, "mean_tokens")})
    save_file(weights(config, 7, "distilbert."), directory / "model.safetensors", metadata={"format": "pt"})
    write_dense(directory / "2_Dense", 56, 24, 8)


def make_e5(directory):
    """multilingual-e5: XLM-RoBERTa, a prompt for queries and one for passages, mean pooling, normalised."""
    tokenizer = unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"], 400, ("<s>", "</s>"))
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_attention_heads=3, intermediate_size=96,
        num_hidden_layers=2, max_position_embeddings=98, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1)
    prompts = {"query": "query: ", "passage": "passage: "}
    write_new_model(directory, 9, config, tokenizer, ROBERTA_NAMES, "mean", 96, prompts)


def make_multilingual_minilm(directory):
    """paraphrase-multilingual-MiniLM-L12-v2: BERT with XLM-RoBERTa's tokenizer, fewer ids than rows; not normalised."""
    tokenizer = unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"], 400, ("<s>", "</s>"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size() + 35, hidden_size=48, num_attention_heads=4, intermediate_size=96,
        num_hidden_layers=2, max_position_embeddings=72, layer_norm_eps=1e-12, type_vocab_size=2, pad_token_id=0)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling")], config, tokenizer, ROBERTA_NAMES,
        {"sentence_bert_config.json": {"max_seq_length": 48, "do_lower_case": False},
         "1_Pooling/config.json": old_pooling(48, "mean_tokens")})
    save_file(weights(config, 10, ""), directory / "model.safetensors", metadata={"format": "pt"})


def make_bge(directory):
    """bge-small-en: BERT without case, said twice; the first token, normalised."""
    tokenizer = bert_tokenizer(400, lowercase=True)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=48, num_attention_heads=3, intermediate_size=96,
        num_hidden_layers=2, max_position_embeddings=64, layer_norm_eps=1e-12, type_vocab_size=2)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")], config, tokenizer,
        BERT_NAMES, {"sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": True},
                     "1_Pooling/config.json": old_pooling(48, "cls_token")})
    save_file(weights(config, 11, ""), directory / "model.safetensors", metadata={"format": "pt"})


def make_bge_m3(directory):
    """bge-m3: XLM-RoBERTa with 8194 positions; the first token, normalised."""
    tokenizer = unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"], 300, ("<s>", "</s>"))
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_attention_heads=2, intermediate_size=32,
        num_hidden_layers=1, max_position_embeddings=8194, layer_norm_eps=1e-5, type_vocab_size=1, pad_token_id=1)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")], config, tokenizer,
        ROBERTA_NAMES | {"model_max_length": 8192},
        {"sentence_bert_config.json": {"max_seq_length": 8192, "do_lower_case": False},
         "1_Pooling/config.json": old_pooling(16, "cls_token", "weightedmean_tokens", "lasttoken")})
    save_file(weights(config, 12, ""), directory / "model.safetensors", metadata={"format": "pt"})


def make_gte(directory):
    """gte-small: BERT without case, mean pooling, normalised."""
    tokenizer = bert_tokenizer(400, lowercase=True)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_attention_heads=1, intermediate_size=64,
        num_hidden_layers=2, max_position_embeddings=64, layer_norm_eps=1e-12, type_vocab_size=2)
    write_old_model(
        directory, [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")], config, tokenizer,
        BERT_NAMES, {"sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False},
                     "1_Pooling/config.json": old_pooling(32, "mean_tokens")})
    save_file(weights(config, 13, ""), directory / "model.safetensors", metadata={"format": "pt"})


MODELS = {
    "mpnet": make_mpnet, "xlm-roberta": make_xlm_roberta, "bert": make_bert, "roberta": make_roberta,
    "camembert": make_camembert, "distilbert": make_distilbert, "multilingual-e5": make_e5,
    "multilingual-minilm": make_multilingual_minilm, "bge": make_bge, "bge-m3": make_bge_m3, "gte": make_gte}
