"""Length-prefixed frames: four bytes, little endian, then that many bytes of payload."""

from __future__ import annotations

from collections.abc import Callable
from json import encoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_RESULT = 16 << 20
"""Bytes that a program may return at once."""
FIRST_READ = 479
"""Bytes that the interpreter's own allocator holds: more would come from the C library's heap,
and each page of it that a fresh worker writes to costs a page fault."""
_slow = encoder.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":"))


def _encoder() -> Callable[[Any], str]:
    """`_slow.encode`, but with the encoder made once: every call of that makes a new one."""
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return _slow.encode
    text = encoder.encode_basestring_ascii
    parts = make(None, _slow.default, text, None, ":", ",", False, False, True)
    return lambda value: "".join(parts(value, 0))


to_json = _encoder()


def framed(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return len(payload).to_bytes(4, "little") + payload


def read_frame(read: Callable[[int], bytes]) -> bytes:
    """One frame from `read(size)`; empty at the end of the stream.

    For peers that speak in turn: what follows the frame in the same read is dropped.
    """
    head = read(FIRST_READ)
    while 0 < len(head) < 4:
        more = read(FIRST_READ)
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
