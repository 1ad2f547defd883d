"""The judge's end of a worker's socket: requests out, answers in, and how it may end."""

from __future__ import annotations

import marshal
from _socket import MSG_DONTWAIT, socket
from json import JSONDecoder

from endings import Fatal, Forged, Gone, Unforeseen
from frames import MAX_RESULT, framed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXACT = 2
"""Version of marshal that writes values, not which of them are one object."""
SETS = (b"<", b">", b"\xbc", b"\xbe")
"""How marshal marks sets; in a text the same byte costs only the slower format."""
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What reading anything raises that no worker writes."""
_decoder: Any = JSONDecoder(parse_constant=float)  # each nan anew: `in` looks at identity


def from_json(text: str) -> Any:
    """The value that fills the text; workers write no blanks. Raises ValueError."""
    try:
        value, end = _decoder.scan_once(text, 0)
    except StopIteration:
        end = -1
    if end != len(text):
        raise ValueError(text[:100])
    return value


class Wire:
    """A conversation with one worker, request by request; the first ones may have gone ahead."""

    def __init__(self, connection: socket, buffers: bool) -> None:
        self.connection = connection
        self.pending = bytearray()
        self.fatal: Fatal | None = None
        self.printed: list[str] = []
        self.room = MAX_RESULT
        """Characters that it may still print; a worker keeps to fewer, others need not."""
        self.sent = 0
        self.asked: list[bytes] = []
        """The calls so far, as they were sent, as long as nothing else was asked."""
        self.foreseen: list[bytes] = []
        """Calls that went along with the program and are still to come, by their exact values, the
        last one first."""
        self.buffers = buffers
        """True where arguments may hold buffers, which marshal would turn into bytes."""

    def fail(self, fatal: Fatal) -> Fatal:
        """Remember the first fatal event; tests cannot swallow what is remembered."""
        if self.fatal is None:
            self.fatal = fatal
        return self.fatal

    def send(self, payload: bytes) -> None:
        """One request."""
        if self.fatal is not None:
            raise self.fatal
        if self.foreseen:
            raise self.fail(Unforeseen())
        self.sent += 1
        try:
            self.connection.sendall(framed(payload))
        except (BrokenPipeError, ConnectionResetError):
            raise self.fail(Gone()) from None

    def receive(self) -> dict[str, Any]:
        """One answer, whole and an object; anything else is forged."""
        pending = self.pending
        while len(pending) < 4:
            self._read(65536)
        wanted = 4 + int.from_bytes(pending[:4], "little")
        if wanted > MAX_RESULT + 4:
            raise self.fail(Forged("a result beyond the bound"))
        while len(pending) < wanted:
            self._read(1 << 20)
        frame = pending[4:wanted]
        del pending[:wanted]
        if b'{"B"' in frame or b'{"A"' in frame or b'{"N' in frame:
            self.buffers = True
        try:
            answer = from_json(frame.decode("ascii"))
        except UNREADABLE:
            answer = None
        if type(answer) is not dict:
            raise self.fail(Forged("an answer that is none"))
        said = answer.get("w", "")
        if type(said) is not str:
            raise self.fail(Forged("printed text that is none"))
        if said and self.room > 0:
            self.printed.append(said)
            self.room -= len(said)
        return answer

    def _read(self, size: int) -> None:
        try:
            data = self.connection.recv(size)
        except ConnectionResetError:
            data = b""
        if not data:
            raise self.fail(Gone())
        self.pending += data

    def is_silent(self) -> bool:
        """False if the worker has said more than it was asked."""
        try:
            return not self.pending and not self.connection.recv(1, MSG_DONTWAIT)
        except (BlockingIOError, ConnectionResetError):
            return True

    def is_foreseen(self, message: Any) -> bool:
        """Whether this is the next of the calls that went along, to the last bit."""
        try:
            exact = b"" if self.buffers else marshal.dumps(message, EXACT)
        except ValueError:
            return False
        if self.fatal is None and exact == self.foreseen[-1]:
            self.foreseen.pop()
            return True
        return False
