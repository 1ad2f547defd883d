"""The allow-list of system calls, for Docker as it stands and for bubblewrap as a BPF program.

`seccomp.json` is in Docker's own format and the only source. Docker's runtime compiles it with
libseccomp; here it is compiled by hand, so that bubblewrap is confined on every machine, not only
where that library is installed. `syscalls.json` holds the kernel's numbers of the names used.
"""

from __future__ import annotations

import json
import platform
import struct
from functools import cache
from pathlib import Path
from typing import Any

from pytest_mcode.core.errors import InfraError

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _AND, _RETURN = 0x20, 0x15, 0x25, 0x54, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand: struct sock_filter."""


@cache
def profile() -> str:
    """The profile as Docker's `seccomp=` option takes it."""
    return Path(__file__).with_name("seccomp.json").read_text(encoding="utf-8")


@cache
def compiled(machine: str = platform.machine()) -> bytes:
    """The profile as an array of `struct sock_filter` in this machine's byte order.

    Raises `InfraError` on an architecture that the profile does not know.
    """
    return b"".join(struct.pack("=HBBI", *line) for line in instructions(machine))


def instructions(machine: str) -> list[Instruction]:
    """The filter for `machine` (`x86_64` or `aarch64`), one tuple per instruction.

    Calls without conditions come first and touch nothing but the number: the kernel then answers
    them from a bitmap without running the program.
    """
    if machine not in _AUDIT_ARCH:
        raise InfraError(
            f"no list of system calls for {machine} (x86_64 and aarch64 have one): use Docker"
        )
    text = Path(__file__).with_name("syscalls.json").read_text(encoding="utf-8")
    numbers: dict[str, int] = json.loads(text)[machine]
    plain: list[int] = []
    special: dict[int, list[dict[str, Any]]] = {}
    for rule in json.loads(profile())["syscalls"]:
        for number in (numbers[name] for name in rule["names"] if name in numbers):
            if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args"):
                plain.append(number)
            else:
                special.setdefault(number, []).append(rule)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        # Newer than all we know: not there, so that the C library takes its older way.
        (_JUMP_GREATER, 0, 1, max(numbers.values())),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    for number in sorted(set(plain)):
        program += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in sorted(special):
        body = [line for rule in special[number] for line in _alternative(rule)]
        body.append((_RETURN, 0, 0, _ERRNO | _EPERM))
        program += [(_JUMP_EQUAL, 0, len(body), number), *body]
    return [*program, (_RETURN, 0, 0, _ERRNO | _EPERM)]


def _alternative(rule: dict[str, Any]) -> list[Instruction]:
    """Return the rule's action if all its conditions hold, else go on behind it."""
    tests: list[Instruction] = []
    for condition in rule.get("args", ()):
        tests += _condition(condition)
    tests.append((_RETURN, 0, 0, _action(rule)))
    return [
        (code, yes, len(tests) - place - 1, operand) if code == _JUMP_EQUAL else line
        for place, line in enumerate(tests)
        for code, yes, _, operand in [line]
    ]


def _action(rule: dict[str, Any]) -> int:
    if rule["action"] == "SCMP_ACT_ALLOW":
        return _ALLOW
    return _ERRNO | int(rule.get("errnoRet", _EPERM))


def _condition(condition: dict[str, Any]) -> list[Instruction]:
    """Compare one argument, low and high half: the filter has 32 bits, arguments have 64."""
    value, mask = condition["value"], 2**64 - 1
    if condition["op"] == "SCMP_CMP_MASKED_EQ":
        value, mask = condition["valueTwo"], condition["value"]
    elif condition["op"] != "SCMP_CMP_EQ":
        raise ValueError(f"seccomp.json: comparison {condition['op']} is not built")
    lines: list[Instruction] = []
    for half in (0, 32):
        wanted, bits = value >> half & 0xFFFFFFFF, mask >> half & 0xFFFFFFFF
        if bits == 0:
            continue
        lines.append((_LOAD, 0, 0, _ARGUMENTS + 8 * condition["index"] + half // 8))
        if bits != 0xFFFFFFFF:
            lines.append((_AND, 0, 0, bits))
        lines.append((_JUMP_EQUAL, 0, 0, wanted))
    return lines
