"""Stands before a model server and sees how busy it is kept: `python -m tests.benchmarks.proxy`.

    python -m tests.benchmarks.proxy HOST PORT SLOTS

Prints its URL and ends with its standard input. Each connection of a client is one to the server;
bytes pass unchanged. `GET /counts` gives the requests, the seconds from the first one to the last
answer, and of these the shares in which at least 1, 2, ... SLOTS requests were with the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any


class Flight:
    """How many requests are with the server, and for how long how many were."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.asked = self.now = 0
        self.spent = [0.0] * (slots + 1)
        self.last_s: float | None = None

    def change(self, step: int) -> None:
        """One more, or one less."""
        moment = time.monotonic()
        if self.last_s is not None:
            self.spent[min(self.now, self.slots)] += moment - self.last_s
        self.last_s = moment
        self.now += step
        self.asked += step > 0

    def counts(self) -> dict[str, Any]:
        """Since the last time; then it starts anew."""
        span = sum(self.spent)
        least = [sum(self.spent[k:]) / span if span else 0.0 for k in range(1, self.slots + 1)]
        found = {"asked": self.asked, "span_s": span, "least": least}
        self.__init__(self.slots)  # type: ignore[misc]
        return found


class Message:
    """Where a message of HTTP/1.1 with a length ends."""

    def __init__(self) -> None:
        self.received = bytearray()

    def whole(self, data: bytes) -> bytes:
        """The message that these bytes complete, else nothing."""
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return b""
        _, found, rest = bytes(self.received[:end]).lower().partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0]) if found else 0
        if len(self.received) < end + 4 + length:
            return b""
        message = bytes(self.received)
        self.received.clear()
        return message


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flight: Flight, host: str, port: int
) -> None:
    """One client: its requests to the server and the answers back, in turn."""
    upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    try:
        while request := await message(reader):
            if request.startswith(b"GET /counts"):
                body = json.dumps(flight.counts()).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                continue
            upstream = upstream or await asyncio.open_connection(host, port)
            generates = request.startswith(b"POST")
            flight.change(1) if generates else None
            try:
                upstream[1].write(request)
                answer = await message(upstream[0])
            finally:
                flight.change(-1) if generates else None
            writer.write(answer)
    finally:
        writer.close()
        if upstream is not None:
            upstream[1].close()


async def message(reader: asyncio.StreamReader) -> bytes:
    """The next whole message; nothing at the end of the connection."""
    collected = Message()
    while data := await reader.read(1 << 16):
        if whole := collected.whole(data):
            return whole
    return b""


async def serve(host: str, port: int, slots: int) -> None:
    """Until standard input ends."""
    flight = Flight(slots)
    server = await asyncio.start_server(
        lambda reader, writer: carry(reader, writer, flight, host, port), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
