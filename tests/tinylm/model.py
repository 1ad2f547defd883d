"""A Llama-style model in torch, laid out so that llama.cpp reads its weights as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the model; the defaults are those of the packaged ones."""

    vocabulary: int = 1024
    width: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 352
    context: int = 2048
    theta: float = 10000.0
    """Base of the rotary frequencies."""
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Numbers per attention head."""
        return self.width // self.heads


class Norm(nn.Module):
    """Root mean square norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.epsilon = shape.epsilon
        self.weight = nn.Parameter(torch.ones(shape.width))

    def forward(self, x: Tensor) -> Tensor:
        """`x` scaled to unit mean square, times the weight."""
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Interleaved pairs, as llama.cpp's `llama` architecture expects them."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    """Attention with shared key/value heads, then a gated feed-forward layer. Names are GGUF's."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, narrow = shape.width, shape.kv_heads * shape.head_width
        self.shape = shape
        self.attn_norm, self.ffn_norm = Norm(shape), Norm(shape)
        self.attn_q, self.attn_k = _linear(width, width), _linear(width, narrow)
        self.attn_v, self.attn_output = _linear(width, narrow), _linear(width, width)
        self.ffn_gate = _linear(width, shape.feed_forward)
        self.ffn_up = _linear(width, shape.feed_forward)
        self.ffn_down = _linear(shape.feed_forward, width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Add attention and feed-forward to the stream `x` (batch, time, width)."""
        batch, time, width = x.shape
        y = self.attn_norm(x)

        def heads(flat: Tensor, count: int) -> Tensor:
            return flat.view(batch, time, count, self.shape.head_width).transpose(1, 2)

        q = _rotate(heads(self.attn_q(y), self.shape.heads), cos, sin)
        k = _rotate(heads(self.attn_k(y), self.shape.kv_heads), cos, sin)
        v = heads(self.attn_v(y), self.shape.kv_heads)
        repeat = self.shape.heads // self.shape.kv_heads
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(batch, time, width))
        y = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(y)) * self.ffn_up(y))


class LanguageModel(nn.Module):
    """The whole model; the output layer is the embedding again."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape)
        steps = torch.arange(0, shape.head_width, 2).float() / shape.head_width
        angles = torch.outer(torch.arange(shape.context).float(), shape.theta**-steps)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # Outputs into the stream start smaller, the deeper the model (GPT-2).
                into_stream = "attn_output" in name or "ffn_down" in name
                std = 0.02 / math.sqrt(2 * shape.layers) if into_stream else 0.02
                nn.init.normal_(weight, std=std)

    def forward(self, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        """Scores of the next token, at the positions of the mask `keep` or at all."""
        time = ids.shape[1]
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, self.cos[:time], self.sin[:time])
        x = self.output_norm(x if keep is None else x[keep])
        return F.linear(x, self.token_embd.weight)
