"""Byte-level BPE in GPT-2's manner, trained from scratch, as llama.cpp's `gpt-2` reads it."""

from __future__ import annotations

import collections
import functools
import itertools
import re
from collections.abc import Iterable, Sequence

TURN_START, TURN_END, PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
SPECIAL = (TURN_START, TURN_END, PAD)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")

Pair = tuple[str, str]
Turn = tuple[str, str]
"""Role and content."""


def render(turns: Iterable[Turn]) -> str:
    """The prompt that `CHAT_TEMPLATE` makes of a conversation."""
    said = "".join(f"{TURN_START}{role}\n{content}{TURN_END}\n" for role, content in turns)
    return f"{said}{TURN_START}assistant\n"


def _byte_alphabet() -> dict[int, str]:
    """GPT-2's printable character for every byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    shown = {byte: chr(byte) for byte in printable}
    shown |= {byte: chr(256 + n) for n, byte in enumerate(others)}
    return dict(sorted(shown.items()))


ALPHABET = _byte_alphabet()


def _join(symbols: Sequence[str], pair: Pair) -> list[str]:
    """The symbols with every occurrence of `pair` made one, from the left."""
    out: list[str] = []
    i = 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    """256 bytes, merges in the order they were learned, three control tokens."""

    def __init__(self, merges: Iterable[Sequence[str]]) -> None:
        self.merges: list[Pair] = [(left, right) for left, right in merges]
        self.rank = {merge: i for i, merge in enumerate(self.merges)}
        self.tokens = [*ALPHABET.values(), *(a + b for a, b in self.merges), *SPECIAL]
        self.id = {token: i for i, token in enumerate(self.tokens)}
        if len(self.id) != len(self.tokens):
            raise ValueError("two merges give the same token")
        self._word = functools.cache(self._bpe)

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary: int) -> Tokenizer:
        """Merge the most frequent pair (ties: the greatest) until `vocabulary` tokens exist."""
        words = collections.Counter(word for text in texts for word in WORD.findall(text))
        symbols = {word: [ALPHABET[byte] for byte in word.encode()] for word in words}
        merges: list[Pair] = []
        while len(ALPHABET) + len(merges) + len(SPECIAL) < vocabulary:
            pairs: collections.Counter[Pair] = collections.Counter()
            for word, parts in symbols.items():
                for pair in itertools.pairwise(parts):
                    pairs[pair] += words[word]
            best = max(pairs, key=lambda pair: (pairs[pair], pair), default=None)
            if best is None or pairs[best] < 2:
                break
            merges.append(best)
            symbols = {word: _join(parts, best) for word, parts in symbols.items()}
        return cls(merges)

    def encode(self, text: str) -> list[int]:
        """Token ids; control tokens are recognised in the text."""
        ids: list[int] = []
        for part in re.split("(" + "|".join(map(re.escape, SPECIAL)) + ")", text):
            if part in SPECIAL:
                ids.append(self.id[part])
            else:
                for word in WORD.findall(part):
                    ids += self._word(word)
        return ids

    def _bpe(self, word: str) -> list[int]:
        symbols = [ALPHABET[byte] for byte in word.encode()]
        while len(symbols) > 1:
            pairs = itertools.pairwise(symbols)
            best = min(pairs, key=lambda pair: self.rank.get(pair, 1 << 30))
            if best not in self.rank:
                break
            symbols = _join(symbols, best)
        return [self.id[symbol] for symbol in symbols]
