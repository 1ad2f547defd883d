"""The same requests with the `openai` package, or with bare sockets, and nothing else.

`python -m tests.benchmarks.bare_client openai|sockets URL TASKS SAMPLES SLOTS [DATA [SANDBOX]]`
prints the seconds of wall time and of CPU time from the first request to the last answer, as JSON.
The tasks are HumanEval's, of the folder DATA, or those of `tiny`. With a sandbox each answer of
HumanEval is verified beside the drawing, and the seconds are those to the last verdict.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.benchmarks.tiny import Tiny
from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Limits, SandboxSpec, Task
from pytest_mcode.generation import prompts

from .contenders import KINDS, RUN

Ask = Callable[[str, int], Awaitable[str]]
Check = Callable[[Task, str], Awaitable[None]]
OPTIONS = {"temperature": 0.8, "top_p": 0.95, "max_completion_tokens": 1024}


async def with_openai(url: str, work: Callable[[Ask], Awaitable[None]]) -> None:
    """The official client, its retries off."""
    import openai

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:

        async def ask(prompt: str, seed: int) -> str:
            reply = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": prompt}],
                seed=seed,
                extra_body={"max_tokens": 1024},
                **OPTIONS,
            )
            return reply.choices[0].message.content or ""

        await work(ask)


async def with_sockets(url: str, work: Callable[[Ask], Awaitable[None]]) -> None:
    """As little as can be done: what the server itself is able to answer."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(prompt: str, seed: int) -> str:
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
        message = {"role": "user", "content": prompt}
        body = json.dumps({"model": "m", "messages": [message], "seed": seed} | OPTIONS).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        header = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(int(header.rpartition(b":")[2]))
        idle.append((reader, writer))
        return str(json.loads(answer)["choices"][0]["message"]["content"])

    await work(ask)
    for _, writer in idle:
        writer.close()


@contextmanager
def verification(kind: str) -> Iterator[Check | None]:
    """How an answer to a task of HumanEval is verified; None without a sandbox."""
    if not kind:
        yield None
        return
    sandbox = KINDS["docker" if kind == "auto" else kind](SandboxSpec(label=RUN))
    try:
        sandbox.prepare()
    except InfraError:
        if kind != "auto":
            raise
        sandbox = KINDS["bubblewrap"](SandboxSpec(label=RUN))
    sandbox.start()

    async def check(task: Task, text: str) -> None:
        code = text.partition("```python\n")[2].removesuffix("```")
        program = HumanEval().program(task, code, Limits())
        verdict = await asyncio.wrap_future(sandbox.submit(program))
        if not verdict.passed:
            raise RuntimeError(f"{task.task_id}: {verdict}")

    try:
        yield check
    finally:
        sandbox.close()


async def measure(
    kind: str, url: str, tasks: list[Task], samples: int, slots: int, check: Check | None
) -> None:
    """Ask for every sample of every task, `slots` at once."""
    openings = [prompts.opening(task, "chat")[0].content for task in tasks]

    async def work(ask: Ask) -> None:
        limit = asyncio.Semaphore(slots)

        async def one(task: Task, prompt: str, seed: int) -> None:
            async with limit:
                text = await ask(prompt, seed)
            if not text:
                raise RuntimeError("an empty answer")
            if check is not None:
                await check(task, text)

        asked = list(zip(tasks, openings, strict=True))
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one(*pair, seed) for pair in asked for seed in range(samples)))
        took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(took))

    await (with_openai if kind == "openai" else with_sockets)(url, work)


def main(
    kind: str,
    url: str,
    tasks: str,
    samples: str,
    slots: str,
    data: str = "",
    sandbox: str = "",
) -> None:
    """Measure and print."""
    if data == "tiny":
        found = Tiny("").load(None).tasks
    else:
        found = HumanEval().load(Path(data) if data else None).tasks
    with verification(sandbox) as check:
        asked = measure(kind, url, list(found[: int(tasks)]), int(samples), int(slots), check)
        asyncio.run(asked)


if __name__ == "__main__":
    main(*sys.argv[1:])
