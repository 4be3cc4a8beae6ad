"""Trains the student: on the teacher's vectors of English, and on the same vectors for translations.

    python train.py --corpus DIR --teacher FILE.npy --tokenizer FILE --out DIR --steps 6000

Goes on where it was cut short: `--out` keeps checkpoints and a log, and the same command goes on from the last one."""

import argparse
import csv
import dataclasses
import json
import math
import time
from pathlib import Path

import torch

import losses
from dataset import Pairs, Texts, targets
from evaluate import Watch
from model import Encoder, Shape


def share(step: int, arguments) -> float:
    """The learning rate's share of its highest: up in a straight line, down in a half cosine."""
    if step < arguments.warm_up:
        return (step + 1) / arguments.warm_up
    done = (step - arguments.warm_up) / max(1, arguments.steps - arguments.warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def endless(pairs: Pairs, tokens: int, step: int):
    """Batches of one epoch after the other, from `step` on."""
    epoch = 0
    while True:
        plan = pairs.plan(epoch, tokens)
        for batch in plan[step:]:
            yield epoch, *pairs.gather(batch)
        step = max(0, step - len(plan))
        epoch += 1


def save(path: Path, **state) -> None:
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--words", type=Path, help="word vectors to begin as, of word_vectors.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=8192, help="tokens of a batch, at most")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--word-rate", type=float, default=1e-3, help="the learning rate of the word table")
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--quantize-from", type=float, default=0.85, help="the share of steps after which weights are rounded")
    parser.add_argument("--every", type=int, default=250, help="steps between two looks at the validation pairs")
    parser.add_argument("--seed", type=int, default=5)
    for field in dataclasses.fields(Shape):
        if field.default is not dataclasses.MISSING:
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=field.default)
    return parser.parse_args()


def optimizer_of(model: Encoder, arguments) -> torch.optim.Optimizer:
    table = model.embeddings["word_embeddings"].weight
    matrices = [parameter for parameter in model.parameters() if parameter.dim() > 1 and parameter is not table]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() == 1]
    groups = [
        {"params": [table], "weight_decay": 0.0, "rate": arguments.word_rate},
        {"params": matrices, "weight_decay": 0.01, "rate": arguments.rate},
        {"params": vectors, "weight_decay": 0.0, "rate": arguments.rate},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def main() -> None:
    arguments = options()
    torch.manual_seed(arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    wanted = targets(arguments.teacher, arguments.corpus)
    shape = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Shape) if field.name != "vocabulary"}
    texts = Texts(arguments.tokenizer, arguments.corpus, shape["positions"])
    pairs = Pairs(texts, arguments.corpus)
    vocabulary = len(json.loads(arguments.tokenizer.read_text())["model"]["vocab"])
    model = Encoder(Shape(vocabulary=vocabulary, **shape))
    if arguments.words:
        model.start_from(torch.load(arguments.words)["words"])
    optimizer = optimizer_of(model, arguments)
    checkpoint, log, step = arguments.out / "checkpoint.pt", arguments.out / "log.csv", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    else:
        (arguments.out / "options.json").write_text(json.dumps(vars(arguments), default=str, indent=1))
        save(arguments.out / "start.pt", model=model.state_dict(), shape=dataclasses.asdict(model.shape))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(pairs.pairs):,} pairs, {len(texts.ids):,} tokens, at step {step}")
    watch = Watch(arguments.corpus, arguments.tokenizer)
    start, total, count, seen = time.monotonic(), 0.0, 0, 0
    for epoch, ids, rows in endless(pairs, arguments.tokens, step):
        if step >= arguments.steps:
            break
        model.quantized = step >= arguments.quantize_from * arguments.steps
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * share(step, arguments)
        with torch.autocast("cpu", torch.bfloat16):
            found = model(ids)
        value = losses.loss(found, wanted[rows].float())
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, seen, total, count = step + 1, seen + ids.numel(), total + value.item(), count + 1
        if step % arguments.every == 0 or step == arguments.steps:
            found = watch(model)
            save(checkpoint, model=model.state_dict(), optimizer=optimizer.state_dict(), step=step, shape=dataclasses.asdict(model.shape))
            seconds = time.monotonic() - start
            row = {"step": step, "epoch": epoch, "loss": round(total / count, 4), **found, "tokens_per_second": round(seen / seconds)}
            total, count = 0.0, 0
            print(row, flush=True)
            with log.open("a") as file:
                writer = csv.DictWriter(file, row)
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)


if __name__ == "__main__":
    main()
