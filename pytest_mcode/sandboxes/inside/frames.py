"""Length-prefixed frames: four bytes, little endian, then that many bytes of payload."""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import JSONEncoder

MAX_RESULT = 16 << 20
"""Bytes that a program may return at once."""
to_json = JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


def framed(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return len(payload).to_bytes(4, "little") + payload


def read_frame(read: Callable[[int], bytes]) -> bytes:
    """One frame from `read(size)`; empty at the end of the stream.

    For peers that speak in turn: what follows the frame in the same read is dropped.
    """
    head = read(65536)
    while 0 < len(head) < 4:
        more = read(65536)
        if not more:
            return b""
        head += more
    if not head:
        return b""
    size = int.from_bytes(head[:4], "little")
    if len(head) >= 4 + size:
        return head[4 : 4 + size]
    parts = [head[4:]]
    missing = size - len(parts[0])
    while missing > 0:
        part = read(min(1 << 20, missing))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
