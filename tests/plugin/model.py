"""A model behind a real HTTP server whose answer depends on the messages and the seed alone."""

from __future__ import annotations

import json
import random

from pytest_mcode.benchmarks.tiny import Tiny
from tests.contracts.llm_servers import Server

TASKS = Tiny("").load(None).tasks


class Model(Server):
    """Right in one of three draws of the `tiny` tasks and in half of the repairs."""

    def said(self, body):
        drawn = random.Random(json.dumps([body["messages"], body["seed"]]))
        task = next(t for t in TASKS if t.stub.strip() in body["messages"][0]["content"])
        right = drawn.random() < (0.34 if len(body["messages"]) == 1 else 0.5)
        code = task.reference if right else f"def {task.entry_point}(*given):\n    return 'no'\n"
        return f"```python\n{code}```\nNumber {drawn.random()}."

    @property
    def questions(self):
        """Every request for generation: what was said, and the seed."""
        return [json.dumps([a.body["messages"], a.body["seed"]]) for a in self.calls]

    def options(self):
        """The options of a run that asks this server for two of the tasks."""
        return (
            "--mcode-bench=tiny",
            "--mcode-model=m",
            "--mcode-backend=openai",
            f"--mcode-base-url={self.url}",
            "--mcode-api-key=secret",
            "--mcode-sandbox=bubblewrap",
        )
