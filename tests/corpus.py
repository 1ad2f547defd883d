"""The hostile programs: one trick a file, whose first line says which verdicts are right.

They are read as bytes and run inside sandboxes only; nothing here may ever import or execute one.
"""

from __future__ import annotations

from pathlib import Path

HOSTILE = Path(__file__).parent / "hostile"
"""Their tests are `DOUBLE`."""
DOUBLE = """
def check(candidate):
    assert candidate(2) == 4
    assert candidate(21) == 42
    assert candidate(-3) == -6
    assert candidate(0) == 0

check(double)
"""


def read(path: Path) -> tuple[str, list[str]]:
    """A file's source, and the verdicts that its first line names."""
    source = path.read_bytes().decode("utf-8", "surrogatepass")
    return source, source.partition("expect:")[2].partition(" - ")[0].strip().split("|")
