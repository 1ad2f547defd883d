"""What a comparison is told and tells beside its verdict: expected outputs, failing inputs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_MOST_TEXT = 12_000
_MOST_LINE = 300


class Notes:
    """Of one job."""

    def __init__(self, known: dict[str, Any], each_s: float) -> None:
        self.known = known
        """Group of tests -> what an earlier judge has worked out of it."""
        self.each_s = each_s
        """CPU seconds that a program may take for one input; 0: no limit of its own."""
        self.learned: dict[str, Any] = {}
        """The same for groups that were not known."""
        self.lines: list[str] = []
        self.room = _MOST_TEXT
        self.counts: dict[str, tuple[int, int]] = {}
        """Group -> inputs that failed, and all."""

    def list(self, group: str, index: int, total: int, words: str) -> None:
        """One failing input; without a position, what ended the group."""
        self.counts[group] = self.counts.get(group, (0, 0))[0] + 1, total
        where = f"{group} {index + 1}" if index >= 0 else group
        line = f"{where}: {words}"[:_MOST_LINE]
        self.room -= len(line) + 1
        if self.room >= 0:
            self.lines.append(line)

    def text(self) -> str:
        """All failing inputs that were looked for, as far as there is room; empty for none."""
        if not self.counts:
            return ""
        said = [f"{group} {few} of {total}" for group, (few, total) in self.counts.items()]
        left = sum(few for few, _ in self.counts.values()) - len(self.lines)
        more = [f"... and {left} more"] if left else []
        return "\n".join([f"Failing inputs: {', '.join(said)}", *self.lines, *more])
