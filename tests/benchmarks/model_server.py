"""An OpenAI-compatible server that costs little: `python -m tests.benchmarks.model_server`.

It prints its URL, answers each request after a fixed time in one of its slots, and ends with its
standard input. Answers are HumanEval's own solutions, each with its request's seed in a comment, so
that no two programs are alike; `GET /counts` says what it was asked and how long it was busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from pytest_mcode.benchmarks.humaneval import HumanEval

WRONG = "\n\ndef {}(*args, **options):\n    return ...\n"
"""Appended to a solution, makes it one that fails."""


def is_right(seed: int, share: float) -> bool:
    """Whether the answer to the request with this seed solves the task."""
    return random.Random(seed).random() < share


class Answers:
    """The solution of the task that a prompt holds."""

    def __init__(self, data: Path | None, right: float) -> None:
        self.tasks = HumanEval().load(data).tasks
        self.right = right
        self.known: dict[str, Any] = {}

    def __call__(self, body: dict[str, Any]) -> bytes:
        """The response to a chat completion."""
        prompt = body["messages"][0]["content"]
        task = self.known.get(prompt)
        if task is None:
            task = next(t for t in self.tasks if t.prompt.rstrip() in prompt)
            self.known[prompt] = task
        seed = body.get("seed", 0)
        code = f"{task.reference}\n# {seed}\n"
        if not is_right(seed, self.right):
            code += WRONG.format(task.entry_point)
        message = {"role": "assistant", "content": f"```python\n{code}```"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}
        facts = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"]}
        return json.dumps(facts | {"choices": [choice], "usage": usage}).encode()


class Slots:
    """What the server does at once; the rest waits for its turn."""

    def __init__(self, count: int, latency_s: float, answers: Answers) -> None:
        self.free, self.latency_s, self.answers = count, latency_s, answers
        self.waiting: deque[tuple[Connection, dict[str, Any]]] = deque()
        self.asked = self.gone = 0
        self.first_s = self.last_s = self.work_s = 0.0

    def take(self, connection: Connection, body: dict[str, Any]) -> None:
        """Begin with a request, or let it wait."""
        self.asked += 1
        self.first_s = self.first_s or time.monotonic()
        if self.free:
            self._begin(connection, body)
        else:
            self.waiting.append((connection, body))

    def _begin(self, connection: Connection, body: dict[str, Any]) -> None:
        self.free -= 1
        loop = asyncio.get_running_loop()
        loop.call_later(self.latency_s, self._end, connection, body)

    def _end(self, connection: Connection, body: dict[str, Any]) -> None:
        self.free += 1
        self.work_s += self.latency_s
        self.last_s = time.monotonic()
        if connection.open:
            connection.send(self.answers(body))
        else:
            self.gone += 1
        while self.waiting and self.free:
            self._begin(*self.waiting.popleft())

    def counts(self) -> dict[str, float]:
        """Since the last time; then it starts anew."""
        span = self.last_s - self.first_s
        found = {"asked": self.asked, "gone": self.gone, "span_s": span, "work_s": self.work_s}
        self.asked = self.gone = 0
        self.first_s = self.last_s = self.work_s = 0.0
        return found | {"server_cpu_s": time.process_time()}


class Connection(asyncio.Protocol):
    """As much of HTTP/1.1 as the clients here speak: one request at a time, with its length."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.received = bytearray()
        self.open = True
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """The client went away."""
        self.open = False

    def data_received(self, data: bytes) -> None:
        """Answer when the request is whole."""
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.received[:end]).lower()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0]) if found else 0
        if len(self.received) < end + 4 + length:
            return
        body = bytes(self.received[end + 4 : end + 4 + length])
        del self.received[: end + 4 + length]
        if head.startswith(b"post"):
            self.slots.take(self, json.loads(body))
        elif head.startswith(b"get /counts"):
            self.send(json.dumps(self.slots.counts()).encode())
        elif head.startswith(b"get /v1/models"):
            self.send(b'{"object": "list", "data": [{"id": "m", "object": "model"}]}')
        else:
            self.send(b"{}", b"404 Not Found")

    def send(self, body: bytes, status: bytes = b"200 OK") -> None:
        """Write a response."""
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)


async def serve(options: argparse.Namespace) -> None:
    """Until standard input ends."""
    answers = Answers(options.data, options.right)
    slots = Slots(options.slots, options.latency, answers)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(slots), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.model_server", description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds per answer")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--right", type=float, default=1.0, help="share of answers that pass")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
