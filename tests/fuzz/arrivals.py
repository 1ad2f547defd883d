"""What may arrive: values, answers, whole conversations, and what becomes of their bytes."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

from hypothesis import strategies as st

from . import targets
from .inside import frames, values

TAGS = [*values.BUILDERS, "@o", "@p", "@r", "@f", "@x"]
WORDS = st.sampled_from(
    [
        *("int", "list", "__eq__", "ValueError", "StopIteration", "SystemExit", "OSError", "i"),
        *("SyntaxError", "UnicodeDecodeError", "BaseExceptionGroup", "KeyboardInterrupt", "math"),
        *("f", "os", "0x", "0xff", "-0x1", "1e999999999", "sNaN", "u", "d", "<U9", "cinglb"),
        *("\0", "\udcff", ""),
    ]
)
NUMBERS = st.integers(-3, 9) | st.sampled_from([2**31, 2**63, -(2**63), 10**15, 10**400]) | (
    st.floats()
)  # fmt: skip
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=9)


def tagged(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists, and objects with a tag: right in form more often than not."""
    few = st.lists(inner, max_size=5)
    stand_in = st.tuples(NUMBERS, WORDS, WORDS | inner).map(list)
    return (
        few
        | st.dictionaries(st.sampled_from(TAGS), inner | few, min_size=1, max_size=1)
        | st.dictionaries(st.sampled_from(["@o", "@p"]), stand_in, min_size=1, max_size=1)
        | st.dictionaries(WORDS, inner, max_size=3)
    )


VALUES = st.recursive(LEAVES, tagged, max_leaves=12)
SKILLS = st.sampled_from(["", "c", "in", "i", "g", "l", "b", "cinglb"])
PLAIN = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=9)
NAMED = st.sampled_from(["A", "list", "__eq__", "array", "P"])
OBJECTS = st.tuples(st.integers(0, 4), NAMED, SKILLS).map(lambda v: {"@o": list(v)})
CARRIED = st.tuples(st.integers(5, 9), NAMED, st.sampled_from([1, 1.5, "x", {"t": [1, 2]}]))


def well_formed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What a worker does write."""
    few = st.lists(inner, max_size=4)
    pairs = st.lists(st.tuples(PLAIN, inner).map(list), max_size=3)
    return (
        few
        | few.map(lambda v: {"t": v})
        | few.map(lambda v: {"q": [v, None]})
        | few.map(lambda v: {"V": v})
        | pairs.map(lambda v: {"d": v})
        | pairs.map(lambda v: {"dd": [{"T": "list"}, v]})
        | st.lists(PLAIN, max_size=3).map(lambda v: {"s": [False, *v]})
        | st.lists(PLAIN, max_size=3).map(lambda v: {"f": v})
    )


WELL_FORMED = st.recursive(
    PLAIN | OBJECTS | OBJECTS | CARRIED.map(lambda v: {"@p": list(v)}), well_formed, max_leaves=6
)
MANY = st.lists(WELL_FORMED, max_size=3)
PASSED_BACK = st.tuples(MANY, st.just({"d": []})).map(list)
SAID = st.text(max_size=9)
RIGHT_ERRORS = st.fixed_dictionaries(
    {"x": WORDS, "n": NAMED, "m": st.text(max_size=9)},
    optional={"args": MANY, "tb": st.just([[1, "f"]]), "w": SAID},
)
RIGHT = (
    st.fixed_dictionaries({"v": WELL_FORMED}, optional={"w": SAID})
    | st.fixed_dictionaries({"v": OBJECTS})
    | st.fixed_dictionaries({"v": WELL_FORMED, "a": PASSED_BACK})
    | st.fixed_dictionaries({"p": st.integers(0, 1)})
    | st.fixed_dictionaries({"f": st.tuples(st.integers(0, 1), MANY, st.just({"d": []}))})
    | st.fixed_dictionaries({"v": MANY}, optional={"z": st.booleans(), "e": RIGHT_ERRORS})
    | RIGHT_ERRORS
)
WILD = (
    st.fixed_dictionaries(
        {},
        optional={
            "v": VALUES,
            "a": st.tuples(st.lists(VALUES, max_size=3), st.dictionaries(WORDS, VALUES)) | VALUES,
            "p": NUMBERS | LEAVES,
            "w": SAID | LEAVES,
        },
    )
    | st.fixed_dictionaries(
        {"x": WORDS | LEAVES},
        optional={"n": WORDS | VALUES, "m": VALUES, "args": st.lists(VALUES) | VALUES},
    )
    | st.fixed_dictionaries({"f": st.lists(VALUES, max_size=4) | VALUES})
    | st.fixed_dictionaries({"v": VALUES}, optional={"z": LEAVES, "e": VALUES})
    | VALUES
)
KINDS = st.fixed_dictionaries(
    {"k": st.dictionaries(
        st.sampled_from(targets.NAMES),
        st.just("f") | st.fixed_dictionaries({}, optional={"m": WORDS, "v": VALUES}) | VALUES,
    ) | VALUES}
)  # fmt: skip
PLAUSIBLE = st.just({"k": {"f": "f", "K": "f", "math": {"m": "math", "v": 1}, "v": {"v": 1}}})
PAYLOADS = st.tuples(st.lists(RIGHT, max_size=40), st.lists(WILD, max_size=3)).map(
    lambda parts: [*parts[0], *parts[1]]
)
CONVERSATIONS = st.tuples(st.sampled_from([0, 0, 0, 1]), PLAUSIBLE, KINDS, PAYLOADS).map(
    lambda parts: [json.dumps(part).encode() for part in (parts[1 + parts[0]], *parts[3])]
)
METHODS = st.sampled_from(["TestF.test_a", "TestF.test_b", "TestF.test_a", "", "x"])
NUMBER = st.integers(-1, 2)
REPORTED = (
    st.fixed_dictionaries({"s": METHODS})
    | st.fixed_dictionaries({"b": NUMBER, "l": NUMBER, "c": RIGHT_ERRORS})
    | st.fixed_dictionaries(
        {
            "e": METHODS,
            "o": st.sampled_from(["passed", "skipped", "error", "win"]),
            "h": st.lists(NUMBER, max_size=3),
        }
    )
    | st.dictionaries(st.sampled_from([*"sbelohcz"]), VALUES, min_size=1, max_size=4)
)
BESIDE = st.lists(REPORTED, max_size=12).map(
    lambda said: [json.dumps(one).encode() for one in ({"k": 1}, *said, {"z": ""})]
)
ENDED = st.fixed_dictionaries(
    {
        "status": st.sampled_from([0, 256, 9, 139]) | NUMBERS,
        "cpu_ms": st.integers(0, 9) | NUMBERS,
        "size": st.integers(0, 9) | NUMBERS,
        "output": st.text(max_size=20),
        "claim": st.just("") | RIGHT_ERRORS.map(json.dumps) | st.text(max_size=9),
    }
)
READING = (ENDED | VALUES).map(lambda said: [json.dumps(said).encode()])
ORDERS = st.permutations(targets.ACTIONS)
REPORTS = st.lists(st.integers(0, 2**31), min_size=7, max_size=7)


@st.composite
def mutated(draw: Any) -> bytes:
    """A conversation as it stands on the wire, with bytes changed, cut, doubled or put in."""
    stream = bytearray(b"".join(map(frames.framed, draw(CONVERSATIONS))))
    for _ in range(draw(st.integers(0, 4))):
        where = draw(st.integers(0, max(0, len(stream) - 1)))
        what = draw(st.sampled_from(["change", "cut", "double", "put", "length"]))
        size = draw(st.integers(1, 40))
        if what == "change" and stream:
            stream[where] = draw(st.integers(0, 255))
        elif what == "cut":
            del stream[where : where + size]
        elif what == "double":
            stream[where:where] = stream[where : where + size]
        elif what == "length":
            stream[where : where + 4] = draw(st.integers(0, 2**32 - 1)).to_bytes(4, "little")
        else:
            stream[where:where] = draw(st.binary(max_size=40))
    return bytes(stream)


SCALARS = (
    LEAVES | st.integers() | st.binary() | st.complex_numbers() | st.decimals() | st.fractions()
    | st.text(st.characters(exclude_categories=[])) | st.dates() | st.datetimes() | st.times()
    | st.timedeltas() | st.integers(2**60, 2**4000) | st.binary().map(bytearray)
    | st.sampled_from([int, str, object, type(None), ..., range(3), range(9, 1, -2)])
)  # fmt: skip
KEYS = st.none() | st.integers() | st.text() | st.tuples(st.integers(), st.text()) | st.booleans()


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner)
        | st.lists(st.integers() | st.text() | st.floats(), min_size=9)
        | st.lists(st.floats(), min_size=9)
        | st.lists(inner).map(tuple)
        | st.tuples(st.lists(inner), st.none() | st.integers(9, 99)).map(lambda v: deque(*v))
        | st.dictionaries(KEYS, inner)
        | st.dictionaries(KEYS, inner).map(OrderedDict)
        | st.dictionaries(KEYS, inner).map(lambda v: defaultdict(list, v))
        | st.dictionaries(KEYS, st.integers()).map(Counter)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    )


JSONS = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=9
)
FIELDS = ("id", "status", "detail", "feedback", "stdout", "checks", "wall_s", "peak_kb", "clean")
STATUSES = st.sampled_from(["passed", "failed", "error", "forged", "no_code", "win"])
JUDGED = (
    st.fixed_dictionaries(dict.fromkeys(FIELDS, JSONS))
    | st.fixed_dictionaries(
        {
            **dict.fromkeys(("detail", "feedback", "stdout"), st.text()),
            **dict.fromkeys(("checks", "wall_s", "peak_kb"), NUMBERS),
            **{"status": STATUSES, "clean": st.booleans()},
        },
        optional={"groups": JSONS, "id": NUMBERS},
    )
    | JSONS
)
