"""HumanEval with Inspect AI, run by the Python of an environment that has it.

    python inspect_peer.py URL TASKS SAMPLES CONNECTIONS FOLDER

A task of Inspect's own parts: the prompts of TASKS (JSON lines with `id`, `opening`, `prompt` and
`tests`), `generate()`, and a scorer that runs prompt, answer and tests with `python -c` in its
`local` sandbox, which confines nothing: for reference solutions only. Prints the seconds of
`eval()`, and how many samples passed.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

LIMIT_S = 30
"""Of one program; Inspect's own HumanEval has the same."""
FENCED = re.compile(r"```(?:python)?\n(.*?)```", re.S)


def task(path, samples):
    """Inspect's task: the same prompts, so many samples of each."""
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.solver import generate

    rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
    dataset = [
        Sample(id=row["id"], input=row["opening"], target=row["tests"], metadata=row)
        for row in rows
    ]
    return Task(
        dataset=MemoryDataset(dataset),
        solver=generate(),
        scorer=_verified()(),
        sandbox="local",
        epochs=samples,
    )


def _verified():
    from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer
    from inspect_ai.util import sandbox

    @scorer(metrics=[accuracy()])
    def verified():
        async def score(state, target):
            said, row = state.output.completion, state.metadata
            code = "\n".join(FENCED.findall(said)) or said
            program = f"{row['prompt']}\n{code}\n{target.text}\n"
            done = await sandbox().exec(["python", "-c", program], timeout=LIMIT_S)
            return Score(value=CORRECT if done.success else INCORRECT, explanation=program)

        return score

    return verified


def main(url, path, samples, connections, folder):
    """Evaluate and print."""
    from inspect_ai import eval as evaluate
    from inspect_ai.model import get_model

    model = get_model("openai-api/bench/m", base_url=f"{url}/v1", api_key="x")
    begun = time.perf_counter()
    (log,) = evaluate(
        task(path, int(samples)),
        model=model,
        max_connections=int(connections),
        max_tokens=1024,
        temperature=0.8,
        top_p=0.95,
        seed=1,
        log_dir=folder,
        display="none",
    )
    wall_s = time.perf_counter() - begun
    if log.status != "success":
        sys.exit(f"{log.status}: {log.error}")
    passed = sum(s.scores["verified"].value == "C" for s in log.samples)
    print(json.dumps({"wall_s": wall_s, "passed": passed, "samples": len(log.samples)}))


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    main(*sys.argv[1:])
