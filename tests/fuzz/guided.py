"""Coverage-guided fuzzing of the same properties; needs `pip install atheris`.

    python -m tests.fuzz.guided [FOLDER] -max_total_time=600 -rss_limit_mb=3000

The options are libFuzzer's. FOLDER keeps inputs that reached something new. The first byte of an
input chooses the reader, line feeds cut the rest into frames. An input that breaks a property is
written to `crash-...`, with its traceback on the screen.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(
    include=["candidate", "claims", "endings", "frames", "remote", "suite", "values",
             "verification", "pytest_mcode.sandboxes.job", "pytest_mcode.sandboxes.container"]
):  # fmt: skip
    from . import targets

DEFINED = b'{"k":{"f":"f","K":"f","math":{"m":"math","v":1},"v":{"v":1}}}'
SEEDS = (
    b'{"v":5}\n{"v":{"t":[1,{"d":[["a",{"s":[false,1]}]]}]},"a":[[[1]],{}]}\n{"p":0,"w":"x"}',
    b'{"v":{"@o":[0,"A","cinglb"]}}\n{"v":[1,2],"z":true}\n{"v":{"@p":[1,"P",{"t":[1]}]}}',
    b'{"x":"ValueError","n":"E","m":"m","args":[1],"tb":[[1,"f"]]}\n{"f":[0,[1],{"d":[]}]}',
    b'{"v":[{"F":[1,2]},{"D":"1.5"},{"dt":[1,2,3,4,5,6,7,0]},{"A":["i",[1]]},{"q":[[1],3]}]}',
    b'{"v":[{"I":"0xff"},{"u":"edb080"},{"b":"00"},{"B":"00"},{"c":[1.0,2.0]},{"r":[0,9,1]}]}',
    b'{"v":[{"e":0},{"od":[[1,2]]},{"dd":[null,[]]},{"C":[[1,2]]},{"K":[1]},{"V":[1]},{"T":"int"}]}',
    b'{"v":[{"da":[1,2,3]},{"ti":[1,2,3,4,0]},{"td":[1,2,3]},{"J":[[1,2]]},{"f":[1]}]}',
)


def one(data: bytes) -> None:
    """One input against the reader that it chooses."""
    reader, rest = data[:1], data[1:]
    if reader == b"s":
        targets.converse(rest)
    elif reader == b"h":
        targets.host_stream(rest, [3, 5])
        targets.daemon_stream(rest)
    elif reader == b"v":
        with suppress(ValueError, RecursionError):
            targets.host_answer(json.loads(rest), 1)
    elif reader == b"f":
        targets.frame_of(rest, 7)
    else:
        first = DEFINED if reader == b"c" else b""
        payloads = [part for part in (first, *rest.split(b"\n")) if part]
        targets.converse(b"".join(map(targets.frames.framed, payloads)))


def main() -> None:
    """Try the seeds, then whatever coverage suggests."""
    for seed in SEEDS:
        one(b"c" + seed)
        one(b"n" + DEFINED + b"\n" + seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
