"""One line below pytest's own output, redrawn in place, and gone whenever something is written.

The cursor always stands where pytest left it, so that it can go on with a line of dots; what is
below it is the live line's. Under pytest's capturing the file descriptors of the process lead
elsewhere while an item runs; the screen is therefore written through a duplicate of its own.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from typing import Any, TextIO

CLEAR = "\x1b[J"
"""Erases from the cursor to the end of the screen."""

_SILENT = re.compile(r"\x1b\[[0-9;]*m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colours and messages to the terminal (OSC): they do not move the cursor."""


def column(text: str, start: int | None) -> int | None:
    """Cells between the left edge and the cursor after `text`; None where that is not known."""
    text = _SILENT.sub("", text)
    for end in ("\n", "\r"):
        if end in text:
            text, start = text.rpartition(end)[2], 0
    if start is None or not all(c.isprintable() for c in text):
        return None
    return start + sum(_cells(c) for c in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Screen:
    """A terminal that several writers share with the live line."""

    def __init__(self, file: TextIO, column: int) -> None:
        """A file that has a descriptor, and where the cursor stands. Raises `OSError`."""
        self.lock = threading.RLock()
        self._fd = os.dup(file.fileno())
        self._encoding = file.encoding or "utf-8"
        self._column: int | None = column
        self._drawn = ""
        self._inline = False
        """The live line stands where pytest will write next, at the left edge."""

    @property
    def columns(self) -> int:
        """Width of the terminal."""
        try:
            return os.get_terminal_size(self._fd).columns or 80
        except OSError:
            return 80

    @property
    def at_left(self) -> bool:
        """Whether the next character starts a line."""
        return self._column == 0

    def write(self, text: str) -> None:
        """What pytest or a test writes. The live line makes way where the text needs its place."""
        with self.lock:
            after = column(text, self._column)
            moves = after is None or "\n" in text or after >= self.columns or self._inline
            if self._drawn and text and moves:
                self._send(CLEAR + text)
                self._drawn = ""
            else:
                self._send(text)
            self._column = after

    def draw(self, line: str) -> None:
        """Show the line, or another one; nothing happens where the cursor's place is unknown."""
        with self.lock:
            width = self.columns
            at = None if self._column is None else self._column % width
            if line == self._drawn or at is None or (self._column and not at):
                return
            self._inline = at == 0
            if self._inline:
                self._send(f"{CLEAR}{line}\r")
            else:
                self._send(f"\r\n{CLEAR}{line}\x1b[A\x1b[{at + 1}G")
            self._drawn = line

    def clear(self) -> None:
        """Take the line away."""
        with self.lock:
            if self._drawn:
                self._send(CLEAR)
                self._drawn = ""

    def close(self) -> None:
        """Take the line away and let go of the terminal."""
        with self.lock:
            self.clear()
            os.close(self._fd)

    def _send(self, text: str) -> None:
        data = text.encode(self._encoding, "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]


class Shared:
    """Stands in for a stream whose writes go to the screen; all else is the stream's own."""

    def __init__(self, stream: TextIO, screen: Screen) -> None:
        self._stream = stream
        self._screen = screen

    def write(self, text: str) -> int:
        """Write at once: the live line must know what is on the screen."""
        if threading.current_thread() is threading.main_thread():
            self._stream.flush()  # what was printed before; other threads may be under capturing
        self._screen.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Each as `write` does."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Nothing waits."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
