"""An output as a text: equal texts stand for equal values of equal types.

A large one is known by the digest of its exact value alone, so that outputs of many megabytes are
compared without being sent. Nothing is lost: who sends a digest must have had the value.
"""

from __future__ import annotations

from frames import to_json
from values import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from values import Hook

DIGEST = '{"#"'
"""How the text of a large output begins."""
_LARGE = 1 << 13
_LARGE_INT = 1 << 16


def output_text(value: Any, opaque: Hook) -> str:
    """The output as JSON; `opaque` as for `encode`."""
    parts = _parts(value)
    if parts:
        import hashlib
        import marshal

        digest = hashlib.sha256(type(value).__name__.encode())
        try:
            for part in parts:
                digest.update(marshal.dumps(part, 2))  # version 2 writes values, not identities
            return to_json({"#": digest.hexdigest()})
        except ValueError:  # something in it has no plain form
            pass
    return to_json(encode(value, opaque))


def _parts(value: Any) -> list[Any]:
    """What a large output is made of; nothing for one that is not large."""
    kind = type(value)
    if kind is int:
        return [value] if value.bit_length() > _LARGE_INT else []
    if kind not in (str, bytes, list, tuple) or len(value) <= _LARGE:
        return []
    if kind in (str, bytes):
        return [value]
    return [value[at : at + _LARGE] for at in range(0, len(value), _LARGE)]
