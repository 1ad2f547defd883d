"""Plain values as tagged JSON: exact types, bounded depth, and nothing that runs code when read.

A scalar stands for itself; everything else is a list (a list) or an object with one key, the tag,
as in `{"t": [1, 2]}` for a tuple. `RULES` and `BUILDERS` are the two halves of the format. What
no rule names is opaque: the caller's hook turns it into a reference (its tag begins with @), and
the other side's hook turns the reference into whatever stands for it there.
"""

from __future__ import annotations

import builtins
import collections
import sys
from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Hook = Callable[..., Any]

DEEPEST = 200
"""Nesting beyond which a value stays opaque; also what ends a list that contains itself."""
_LEVELS = 2
"""Lists in lists that a rule makes of one value, or it would end as half of one."""
_WORD = 1 << 63
_LONG = 8
_MOST_BITS = 1 << 20
_SCALARS = {int, float, bool, str, type(None)}
_TYPES = (
    *(bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset),
    *(range, object, type, type(None)),
)
_NAMED_TYPES = {kind.__name__: kind for kind in _TYPES}


def _pairs(value: dict[Any, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in dict.items(value)]


def _factory(value: Any) -> list[Any]:
    factory = value.default_factory
    return [factory if factory in _TYPES else None, _pairs(value)]


def _ordered(value: set[Any]) -> list[Any]:
    """The items in their order, after a flag: true where only a copy of a frozenset has it.

    The order of a set depends on how its table grew; a literal in the tests is such a copy, and a
    program that relies on its order must meet the same one as in the official harness.
    """
    items = list(set.__iter__(value))
    return [list(set(items)) != items and list(set(frozenset(items))) == items, *items]


def _entries(pairs: list[list[Any]]) -> dict[Any, Any]:
    if not set(map(type, pairs)) <= {list}:
        raise ValueError("pairs that are none")
    return dict(pairs)


def _listed(value: Any) -> list[Any]:
    """Only what was sent item by item: a range of a few bytes could be told to become a list."""
    if type(value) is not list:
        raise ValueError("a list that is none")
    return value


def _fraction(parts: list[int]) -> Any:
    """Bounded: the greatest common divisor of two huge numbers takes hours."""
    numerator, denominator = parts
    if max(numerator.bit_length(), denominator.bit_length()) > _MOST_BITS:
        raise ValueError("a fraction beyond the bound")
    return _import("fractions").Fraction(numerator, denominator)


def _moment(value: Any) -> list[int]:
    return [*value.timetuple()[:6], value.microsecond, value.fold]


NUMPY_SCALARS = (
    *("bool", "bool_", "int8", "int16", "int32", "int64", "longlong", "uint8", "uint16"),
    *("uint32", "uint64", "ulonglong", "float16", "float32", "float64", "complex64"),
    *("complex128", "str_", "bytes_"),
)
_NUMPY_PLAIN = (bool, int, float, complex, str, bytes)
_NUMPY_KINDS = "biufcSU"


def _array(value: Any) -> list[Any]:
    return [value.dtype.str, list(value.shape), value.tobytes()]


def _numpy_scalar(parts: list[Any]) -> Any:
    name, value = parts
    if name not in NUMPY_SCALARS or type(value) not in _NUMPY_PLAIN:
        raise ValueError("a numpy scalar that is none")
    return getattr(_numpy(), name)(value)


def _numpy_array(parts: list[Any]) -> Any:
    """From raw numbers or characters alone: no dtype that holds objects or code."""
    dtype, shape, data = parts
    if dtype[1] not in _NUMPY_KINDS or not dtype[2:].isdecimal():
        raise ValueError("a numpy array that is none")
    return _numpy().frombuffer(bytearray(data), dtype).reshape(shape)


def _numpy() -> Any:
    """Only values of a program that has it cross, and tests are offered the same packages."""
    try:
        return _import("numpy")
    except ImportError:
        raise ValueError("numpy") from None


RULES: dict[type, tuple[str, Hook]] = {
    tuple: ("t", list),
    dict: ("d", _pairs),
    set: ("s", _ordered),
    frozenset: ("f", list),
    bytes: ("b", bytes.hex),
    bytearray: ("B", bytearray.hex),
    complex: ("c", lambda v: [v.real, v.imag]),
    range: ("r", lambda v: [v.start, v.stop, v.step]),
    type(...): ("e", lambda v: 0),
    collections.OrderedDict: ("od", lambda v: [list(pair) for pair in v.items()]),
    collections.defaultdict: ("dd", _factory),
    collections.Counter: ("C", _pairs),
    collections.deque: ("q", lambda v: [list(v), v.maxlen]),
    type({}.keys()): ("K", list),
    type({}.values()): ("V", list),
    type({}.items()): ("J", lambda v: [list(pair) for pair in v]),
}
"""Exact type -> (tag, what it is made of: text, numbers, or a list that is encoded in turn)."""

RULES_BY_NAME: dict[str, tuple[str, Hook]] = {
    "decimal.Decimal": ("D", str),
    "fractions.Fraction": ("F", lambda v: [v.numerator, v.denominator]),
    "datetime.date": ("da", lambda v: [v.year, v.month, v.day]),
    "datetime.datetime": ("dt", _moment),
    "datetime.time": ("ti", lambda v: [v.hour, v.minute, v.second, v.microsecond, v.fold]),
    "array.array": ("A", lambda v: [v.typecode, v.tolist()]),
    "datetime.timedelta": ("td", lambda v: [v.days, v.seconds, v.microseconds]),
    "numpy.ndarray": ("NA", _array),
    **{f"numpy.{name}": ("N", lambda v: [type(v).__name__, v.item()]) for name in NUMPY_SCALARS},
}
"""The same for types whose module a fresh worker has not loaded."""
_MODULES = tuple({name.partition(".")[0] for name in RULES_BY_NAME})


def _import(module: str) -> Any:
    return sys.modules.get(module) or __import__(module)


BUILDERS: dict[str, Hook] = {
    "t": tuple,
    "d": _entries,
    "s": lambda v: set(frozenset(v[1:])) if v[0] else set(v[1:]),
    "f": frozenset,
    "I": lambda v: int(v, 16),
    "u": lambda v: bytes.fromhex(v).decode("utf-8", "surrogatepass"),
    "b": bytes.fromhex,
    "B": bytearray.fromhex,
    "c": lambda v: complex(*v),
    "r": lambda v: range(*v),
    "e": lambda v: ...,
    "od": lambda v: collections.OrderedDict(_entries(v)),
    "dd": lambda v: collections.defaultdict(v[0], _entries(v[1])),
    "C": lambda v: collections.Counter(_entries(v)),
    "q": lambda v: collections.deque(_listed(v[0]), v[1]),
    "K": lambda v: dict.fromkeys(v).keys(),
    "V": lambda v: dict(enumerate(v)).values(),
    "J": lambda v: _entries(v).items(),
    "D": lambda v: _import("decimal").Decimal(v),
    "F": _fraction,
    "da": lambda v: _import("datetime").date(*v),
    "dt": lambda v: _import("datetime").datetime(*v[:7], fold=v[7]),
    "ti": lambda v: _import("datetime").time(*v[:4], fold=v[4]),
    "A": lambda v: _import("array").array(v[0], _listed(v[1])),
    "td": lambda v: _import("datetime").timedelta(*v),
    "N": _numpy_scalar,
    "NA": _numpy_array,
    "T": lambda v: _NAMED_TYPES[v],
}
"""Tag -> how the value is put together again from its decoded parts."""

PLAIN_BASES: tuple[tuple[type, Hook], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
    (bytes, lambda v: b"".join([v])),
    (tuple, lambda v: tuple(tuple.__iter__(v))),
    (list, lambda v: list(list.__iter__(v))),
    (dict, lambda v: dict(dict.items(v))),
    (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
)
"""How a subclass becomes the plain value below it, by the base's own methods alone."""


CARRIED = frozenset({int, float, str, bytes, tuple, frozenset})
"""Plain types that never change: their subclasses (named tuples, members of an enum) cross as the
plain value together with a reference, so that attributes work and they can be given back."""


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON would join two lone surrogates into one character
        return {"u": value.encode("utf-8", "surrogatepass").hex()}
    return value


def _is_plain(values: list[Any]) -> bool:
    """True for a list that JSON carries unchanged: one scalar type, no big or odd member."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return bool(min(values) > -_WORD and max(values) < _WORD)
    if kinds == {str}:
        return "".join(values).isascii()
    return kinds in ({float}, {bool})


def _other(value: Any, opaque: Hook, depth: int) -> Any:
    """What is neither a scalar nor a list."""
    kind = type(value)
    rule = RULES.get(kind)
    if rule is None and kind.__module__ in _MODULES:
        rule = RULES_BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
        tag = rule[0] if rule else ""
        if (tag in ("dt", "ti") and value.tzinfo is not None) or (
            tag == "NA" and value.dtype.kind not in _NUMPY_KINDS
        ):
            rule = None
    if depth > DEEPEST - _LEVELS and kind is not bytes:
        return opaque(value)
    if rule is not None:
        return {rule[0]: encode(rule[1](value), opaque, depth)}
    if kind is type and value in _TYPES:
        return {"T": value.__name__}
    for base, plain in PLAIN_BASES:
        if base in kind.__mro__:  # not isinstance: an object may lie about its __class__
            data = encode(plain(value), opaque, depth)
            return opaque(value, data) if base in CARRIED else data
    return opaque(value)


def encode(value: Any, opaque: Hook, depth: int = 0) -> Any:  # noqa: PLR0911 - the hot path
    """`value` as what JSON can hold; `opaque(x)` gives the reference for what has no rule, and
    `opaque(x, data)` the one for a subclass of an immutable plain type that encodes as `data`."""
    kind = type(value)
    if kind is bool or kind is float or value is None:
        return value
    if kind is int:
        return value if -_WORD < value < _WORD else {"I": hex(value)}
    if kind is str:
        return value if value.isascii() else _text(value)
    if depth > DEEPEST:
        return opaque(value)
    if kind is list:
        if len(value) > _LONG and _is_plain(value):
            return value
        return [encode(item, opaque, depth + 1) for item in value]
    return _other(value, opaque, depth)


def decode(data: Any, resolve: Hook, depth: int = 0) -> Any:
    """The value that `encode` wrote; `resolve(tagged)` stands in for every reference; the
    plain value that one carries (`@p`) it is given decoded.

    Raises ValueError, TypeError, LookupError or ArithmeticError for what `encode` never writes.
    """
    kind = type(data)
    if kind is list:
        if len(data) > _LONG and set(map(type, data)) <= _SCALARS:
            return data
        if depth > DEEPEST:  # how deep the interpreter could go differs with its version
            raise ValueError("nested too deep")
        return [decode(item, resolve, depth + 1) for item in data]
    if kind is not dict:
        return data
    ((tag, parts),) = data.items()
    build = BUILDERS.get(tag)
    if build is None:
        if tag == "@p":
            number, name, plain = parts
            return resolve({tag: [number, name, decode(plain, resolve, depth)]})
        return resolve(data)
    if type(parts) is dict:
        raise ValueError("a part that is none")
    return build(decode(parts, resolve, depth))


def builtin_name(value: Any) -> str:
    """Name of a builtin function or class, empty for anything else."""
    name = getattr(value, "__name__", "")
    known = isinstance(name, str) and getattr(builtins, name, None) is value
    return name if known else ""
