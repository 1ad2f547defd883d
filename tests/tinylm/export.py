"""Weights and tokenizer as a GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from torch import Tensor

from .model import Shape
from .tokenizer import CHAT_TEMPLATE, PAD, SPECIAL, TURN_END, TURN_START, Tokenizer

FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}


def export(
    weights: Mapping[str, Tensor],
    shape: Shape,
    tokenizer: Tokenizer,
    path: Path,
    kind: str = "f32",
    name: str = "tiny-coder",
) -> None:
    """Write `path`, with matrices as `kind` and vectors as 32-bit floats."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_description("tiny test model, trained from scratch on ten toy programming tasks")
    _add_shape(writer, shape, len(tokenizer.tokens))
    writer.add_file_type(FILE_TYPES[kind])
    _add_tokenizer(writer, tokenizer)
    for key, value in weights.items():
        _add_tensor(writer, key, value.detach().float().numpy(), kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, shape: Shape, vocabulary: int) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.theta)
    writer.add_vocab_size(vocabulary)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types([control if t in SPECIAL else normal for t in tokenizer.tokens])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer.merges])
    writer.add_bos_token_id(tokenizer.id[TURN_START])
    writer.add_eos_token_id(tokenizer.id[TURN_END])
    writer.add_pad_token_id(tokenizer.id[PAD])
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_tensor(writer: gguf.GGUFWriter, key: str, value: np.ndarray, kind: str) -> None:
    quantized = gguf.GGMLQuantizationType.Q8_0
    if value.ndim == 1 or kind == "f32":
        writer.add_tensor(key, value.astype(np.float32))
    elif kind == "f16":
        writer.add_tensor(key, value.astype(np.float16))
    else:
        writer.add_tensor(key, gguf.quants.quantize(value, quantized), raw_dtype=quantized)
