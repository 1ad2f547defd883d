"""The same requests with the `openai` package, or with bare sockets, and nothing else.

`python -m tests.benchmarks.bare_client openai|sockets URL TASKS SAMPLES SLOTS [DATA]` prints the
seconds of wall time and of CPU time from the first request to the last answer, as JSON. The tasks
are HumanEval's, of the folder DATA, or those of `tiny`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.generation import prompts

Ask = Callable[[str, int], Awaitable[object]]
OPTIONS = {"temperature": 0.8, "top_p": 0.95, "max_completion_tokens": 1024}


async def with_openai(url: str, work: Callable[[Ask], Awaitable[None]]) -> None:
    """The official client, its retries off."""
    import openai

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:

        async def ask(prompt: str, seed: int) -> object:
            reply = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": prompt}],
                seed=seed,
                extra_body={"max_tokens": 1024},
                **OPTIONS,
            )
            return reply.choices[0].message.content

        await work(ask)


async def with_sockets(url: str, work: Callable[[Ask], Awaitable[None]]) -> None:
    """As little as can be done: what the server itself is able to answer."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(prompt: str, seed: int) -> object:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
        message = {"role": "user", "content": prompt}
        body = json.dumps({"model": "m", "messages": [message], "seed": seed} | OPTIONS).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        header = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(int(header.rpartition(b":")[2]))
        idle.append((reader, writer))
        return json.loads(answer)["choices"][0]["message"]["content"]

    await work(ask)
    for _, writer in idle:
        writer.close()


async def measure(kind: str, url: str, openings: list[str], samples: int, slots: int) -> None:
    """Ask for every sample of every task, `slots` at once."""

    async def work(ask: Ask) -> None:
        limit = asyncio.Semaphore(slots)

        async def one(prompt: str, seed: int) -> None:
            async with limit:
                if not await ask(prompt, seed):
                    raise RuntimeError("an empty answer")

        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(p, s) for p in openings for s in range(samples)))
        took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(took))

    await (with_openai if kind == "openai" else with_sockets)(url, work)


def main(kind: str, url: str, tasks: str, samples: str, slots: str, data: str = "") -> None:
    """Measure and print."""
    if data == "tiny":
        found = Tiny("").load(None).tasks
    else:
        found = HumanEval().load(Path(data) if data else None).tasks
    openings = [prompts.opening(task, "chat")[0].content for task in found[: int(tasks)]]
    asyncio.run(measure(kind, url, openings, int(samples), int(slots)))


if __name__ == "__main__":
    main(*sys.argv[1:])
