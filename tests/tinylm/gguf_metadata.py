"""The metadata of a GGUF file, read with the standard library alone."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
STRING, ARRAY = 8, 9


def read_metadata(path: Path) -> dict[str, Any]:
    """Keys and values of the header (GGUF version 3, little-endian)."""
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is no GGUF file")
        _number(file, "I")
        _number(file, "Q")
        return {_string(file): _value(file, _number(file, "I")) for _ in range(_number(file, "Q"))}


def _number(file: BinaryIO, code: str) -> Any:
    return struct.unpack(f"<{code}", file.read(struct.calcsize(code)))[0]


def _string(file: BinaryIO) -> str:
    return file.read(_number(file, "Q")).decode()


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _string(file)
    if kind == ARRAY:
        of, count = _number(file, "I"), _number(file, "Q")
        return [_value(file, of) for _ in range(count)]
    return _number(file, NUMBERS[kind])
