"""The program's standard output: kept up to a bound, dropped beyond it, never blocking."""

from __future__ import annotations


class Console:
    """Looks enough like a text file to stand in for `sys.stdout` and `sys.stderr`."""

    encoding = "utf-8"
    errors = "replace"
    mode = "w"
    name = "<stdout>"
    newlines = None
    closed = False
    line_buffering = False

    def __init__(self, room: int) -> None:
        self.room = room
        self.parts: list[str] = []

    def write(self, text: str) -> int:
        """Keep what fits; say that all was written."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        text = str.__str__(text)  # of a subclass, such as a member of an enum
        if self.room > 0:
            self.parts.append(text[: self.room])
            self.room -= len(text)
        return len(text)

    def take(self) -> str:
        """What was written since the last time."""
        text = "".join(self.parts)
        self.parts.clear()
        return text

    def writelines(self, lines: list[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Stays open."""

    def isatty(self) -> bool:
        """Never a terminal."""
        return False

    def fileno(self) -> int:
        """The descriptor behind it."""
        return 1

    def writable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Never."""
        return False

    def seekable(self) -> bool:
        """Never."""
        return False

    def reconfigure(self, **options: object) -> None:
        """Accepted and ignored."""
