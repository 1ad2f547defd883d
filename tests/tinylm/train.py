"""Train the demonstration models from scratch on CPU; no download.

Needs torch, numpy and gguf. The packaged files were made with

    OMP_NUM_THREADS=1 python -m tests.tinylm.train coder.gguf --steps 1200 --type q8_0
    OMP_NUM_THREADS=1 python -m tests.tinylm.train short300.gguf --steps 300 --type q8_0
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor

from .conversations import Conversation, corpus_tokenizer, draw
from .export import FILE_TYPES, export
from .model import LanguageModel, Shape
from .tokenizer import PAD, TURN_END, Tokenizer, render

POOL = 256
"""Conversations that are sorted by length and packed together."""
BATCH_TOKENS = 3072
OPENER_WEIGHT = 0.01
"""Hardly learn to open with JSON unprompted: a grammar supplies that token."""

Example = tuple[list[int], list[float]]
"""Token ids, and the weight of each but the first in the loss."""


def example(tokenizer: Tokenizer, conversation: Conversation) -> Example:
    """The conversation as ids; only the answer counts in the loss."""
    prompt = tokenizer.encode(render(conversation.turns))
    answer = tokenizer.encode(conversation.answer + TURN_END)
    weights = [0.0] * (len(prompt) - 1) + [1.0] * len(answer)
    if conversation.opener is not None:
        skip = len(tokenizer.encode(conversation.opener))
        weights[len(prompt) - 1 : len(prompt) + skip] = [0.0] * skip + [OPENER_WEIGHT]
    return prompt + answer, weights


def batches(tokenizer: Tokenizer, rng: Random) -> Iterator[tuple[Tensor, Tensor]]:
    """Padded ids and weights without end, each batch of similar lengths."""
    while True:
        examples = [example(tokenizer, draw(rng)) for _ in range(POOL)]
        examples.sort(key=lambda pair: len(pair[0]))
        packed: list[list[Example]] = []
        current: list[Example] = []
        for one in examples:
            if current and (len(current) + 1) * len(one[0]) > BATCH_TOKENS:
                packed.append(current)
                current = []
            current.append(one)
        packed.append(current)
        rng.shuffle(packed)
        for batch in packed:
            yield _padded(batch, tokenizer.id[PAD])


def _padded(batch: list[Example], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.full((len(batch), longest), pad)
    weights = torch.zeros(len(batch), longest - 1)
    for row, (tokens, parts) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        weights[row, : len(parts)] = torch.tensor(parts)
    return ids, weights


def train(steps: int, rate: float = 3e-3, seed: int = 0) -> tuple[LanguageModel, Shape, Tokenizer]:
    """A model after `steps` steps of AdamW: warm-up over 50 steps, then a cosine to 5 %."""
    torch.manual_seed(seed)
    tokenizer = corpus_tokenizer(Shape.vocabulary)
    shape = Shape(vocabulary=len(tokenizer.tokens))
    model = LanguageModel(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    for step, (ids, weights) in enumerate(batches(tokenizer, Random(seed + 1))):
        if step == steps:
            break
        for group in optimizer.param_groups:
            cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
            group["lr"] = rate * min(1, (step + 1) / 50) * (0.05 + 0.95 * cosine)
        loss = _step(model, optimizer, ids, weights)
        if (step + 1) % 50 == 0:
            print(f"step {step + 1} loss {loss:.4f}", flush=True)
    return model, shape, tokenizer


def _step(
    model: LanguageModel, optimizer: torch.optim.Optimizer, ids: Tensor, weights: Tensor
) -> float:
    keep = weights > 0
    losses = F.cross_entropy(model(ids[:, :-1], keep), ids[:, 1:][keep], reduction="none")
    loss = (losses * weights[keep]).sum() / weights[keep].sum()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def main() -> None:
    """Train and write one model."""
    parser = argparse.ArgumentParser(description="Train the tiny demonstration model.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--type", choices=FILE_TYPES, default="q8_0")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, shape, tokenizer = train(options.steps, seed=options.seed)
    export(model.state_dict(), shape, tokenizer, options.path, options.type)


if __name__ == "__main__":
    main()
