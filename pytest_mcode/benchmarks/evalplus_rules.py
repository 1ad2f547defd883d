"""EvalPlus's rules for single tasks, in our words, as source text for the judge.

What they must agree with stands in github.com/evalplus/evalplus at 26d6d00: the types of MBPP+
inputs in `evalplus/data/mbpp.py`, the comparison and its exceptions in `evalplus/eval/__init__.py`
and `evalplus/eval/_special_oracle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """How the outputs of one task are compared."""

    source: str = ""
    """Python that defines what `keywords` names."""
    keywords: str = ""
    """Further arguments of `Differential`, each with a comma before it."""


_CONVERSIONS: tuple[tuple[str, str], ...] = (
    (
        "2 116 132 222 261 273 394 421 424 429 470 560 579 596 616 630 726 740 744 809",
        "lambda row: [tuple(value) for value in row]",
    ),
    (
        "63 64 70 94 120 237 272 299 409 473 614 780",
        "lambda row: [list(map(tuple, value)) for value in row]",
    ),
    ("75 413 753", "lambda row: [list(map(tuple, row[0])), row[1]]"),
    ("106 750", "lambda row: [row[0], tuple(row[1])]"),
    ("124", "lambda row: [float(row[0]), complex(row[1])]"),
    ("250 405 446 720 763 808", "lambda row: [tuple(row[0]), row[1]]"),
    ("252", "lambda row: [complex(row[0])]"),
    ("259 445", "lambda row: [tuple(map(tuple, value)) for value in row]"),
    (
        "278",
        "lambda row: [tuple(tuple(x) if isinstance(x, list) else x for x in row[0])]",
    ),
    ("580 615 791", "(deep := lambda x: tuple(map(deep, x)) if isinstance(x, list) else x)"),
    ("722", "lambda row: [{key: tuple(x) for key, x in row[0].items()}, *row[1:]]"),
)
"""MBPP+ task numbers -> how a row of arguments, read from JSON, gets the types that JSON lacks."""

MBPP_CONVERSIONS = {
    f"Mbpp/{number}": source for numbers, source in _CONVERSIONS for number in numbers.split()
}

_SETS = Rules(
    "def same(output, expected):\n    return set(output) == set(expected)\n", ", same=same"
)
_PRESENT = Rules(
    "def same(output, expected):\n"
    "    found = expected is not None\n"
    "    return output == found if isinstance(output, bool) else found == (output is not None)\n",
    ", same=same",
)

_PADDED = Rules(
    "def also(output, one, two):\n"
    "    width = max(len(str(one)), len(str(two)))\n"
    "    digits = zip(str(one).zfill(width), str(two).zfill(width))\n"
    "    return output == sum(abs(int(a) - int(b)) for a, b in digits)\n",
    ", also=also",
)
"""Mbpp/558: the difference digit by digit of numbers padded to the same length is right too."""

_HEIGHT = Rules(
    "def also(output, edge, height):\n"
    "    slant = ((edge / 2) ** 2 + height**2) ** 0.5\n"
    "    return abs(output - round(edge**2 + 2 * edge * slant)) <= 1e-6\n",
    ", also=also",
)
"""Mbpp/581: the second argument may be read as the pyramid's height, not as its slant."""

_ROOT = Rules(
    "def holds(output, coefficients):\n"
    "    import math\n"
    "    terms = [c * math.pow(output, i) for i, c in enumerate(coefficients)]\n"
    "    return abs(sum(terms)) <= 1e-4\n",
    ", holds=holds",
)
"""HumanEval/32: any zero of the polynomial is right."""

RULES = {
    "HumanEval/32": _ROOT,
    "Mbpp/558": _PADDED,
    "Mbpp/581": _HEIGHT,
    **dict.fromkeys((f"Mbpp/{n}" for n in (2, 7, 111, 140, 232, 579, 769)), _SETS),
    **dict.fromkeys((f"Mbpp/{n}" for n in (737, 787, 794)), _PRESENT),
}

SLOW = {
    **dict.fromkeys((f"HumanEval/{n}" for n in (15, 36, 59, 83, 94, 130, 139)), 3),
    **dict.fromkeys((f"Mbpp/{n}" for n in (84, 123, 255, 271, 300, 389, 392, 589, 592, 603)), 3),
    "Mbpp/599": 6,
}
"""Task -> how many times the limit of a program: on these the reference itself computes for 0.7 to
4 s, on the last (17 times up to 100 million) for 18 s."""

SLOW_INPUTS = ("Mbpp/389", "Mbpp/599")
"""Those of them where also one input has so many times the usual limit, a tenth of a program's.
Upstream's is 1 s or four times what the reference took: 0.4 s on the first, 1.2 on the second, and
no more than a quarter of a second on the others."""

LEFT_OUT = {("Mbpp/255", "plus"): (85,)}
"""Positions of inputs that are not run: here the output alone is a gigabyte."""
