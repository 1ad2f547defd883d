"""What a worker says of an exception: a claim, bounded, for people and for `except` clauses."""

from __future__ import annotations

from typing import Any

from values import encode

CANDIDATE = "<candidate>"
"""File name of the program in tracebacks."""
_ATOMS = frozenset({int, float, bool, str, bytes, complex, type(None)})
_LAST_FRAMES = 8
_MOST_ARGUMENTS = 5
"""As many as a UnicodeDecodeError has."""


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Builtin base, own name, message, arguments and the candidate's frames, all bounded."""
    try:
        text = str(error)[:2000]
    except BaseException:
        text = "?"
    kind = type(error)
    bases = [base.__name__ for base in kind.__mro__ if base.__module__ == "builtins"]
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == CANDIDATE:
            frames.append([trace.tb_lineno, code.co_name])
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == CANDIDATE and error.lineno:
        frames.append([error.lineno, "<module>"])
    answer: dict[str, Any] = {
        "x": bases[0] if bases else "Exception",
        "n": kind.__name__[:100],
        "m": text,
    }
    answer["tb"] = frames[-_LAST_FRAMES:]
    arguments = error.args
    if len(arguments) <= _MOST_ARGUMENTS and all(map(_is_small, arguments)):
        answer["args"] = [encode(item, str) for item in arguments]
    return answer


def _is_small(value: Any) -> bool:
    return type(value) in _ATOMS and (type(value) not in (str, bytes) or len(value) <= 2000)
