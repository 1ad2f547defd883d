"""What every strategy keeps to, against a real HTTP server and a real sandbox."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from llm_servers import Fault, Server

from pytest_mcode.benchmarks.humaneval import HumanEval
from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Limits, ModelSpec, Sampling, SandboxSpec, Task, Variant
from pytest_mcode.generation.mellea import Mellea
from pytest_mcode.sandboxes.bubblewrap import Bubblewrap
from pytest_mcode.sandboxes.docker import Docker
from pytest_mcode.session import attempt, builtins, draws
from pytest_mcode.session.registry import Registry
from pytest_mcode.strategies import structured

REGISTRY = Registry.from_hooks(lambda hook: [getattr(builtins, hook)()])
STRATEGIES = REGISTRY.names("strategy")
REPAIRING = ("mellea", "plan", "self_debug", "structured")
ASKING = {"judge": "judge", "plan": "planner"}
"""Strategy -> the role of its calls that are no attempts, one for each sample."""

STUB = 'def add(a, b):\n    """Sum.\n\n    >>> add(1, 2)\n    3\n    """\n'
HIDDEN = "7000123"
"""Stands in the hidden tests alone: where a model reads it, they have leaked."""
TASK = Task(
    benchmark="humaneval",
    task_id="demo/1",
    prompt=STUB,
    shape="function",
    entry_point="add",
    tests=f"assert add(1, 2) == 3\nassert add(7000000, 123) == {HIDDEN}\n",
    reference=STUB + "    return a + b\n",
    stub=STUB,
    public_tests=("assert add(1, 2) == 3",),
    names=("add",),
    checks=2,
)
RIGHT = "def add(a, b):\n    return a + b"
NEARLY = "def add(a, b):\n    return 3"
WRONG = "def add(a, b):\n    return a - b"
BROKEN = "def add(a, b):\n    return c"


class Scripted(Server):
    """Answers what it is asked for: code of the script, a plan, an opinion."""

    def __init__(self, code, opinion="yes", obeys=True):
        super().__init__()
        self.code = code if callable(code) else lambda body: code
        self.opinion, self.obeys = opinion, obeys

    def said(self, body):
        asked = body["messages"][-1]["content"]
        if "Check whether the output" in asked:
            return self.opinion
        if "plan of at most" in asked:
            return f"1. Add. (plan of seed {body['seed']})"
        if body.get("response_format") and self.obeys:
            return json.dumps({"code": self.code(body)})
        return f"```python\n{self.code(body)}\n```"

    def _chat(self, body):
        message = {"role": "assistant", "content": self.said(body)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"object": "chat.completion", "choices": [choice]} | self._facts(body)


@pytest.fixture(scope="module")
def box():
    """A warm sandbox."""
    for kind in (Docker, Bubblewrap):
        made = kind(SandboxSpec(slots=2, label="strategies"))
        try:
            made.start()
        except InfraError:
            continue
        yield made
        made.close()
        return
    pytest.skip("neither Docker nor bubblewrap works here")


@pytest.fixture
def solve(box):
    """`solve(server, "plan", samples=2)` -> the outcome of one item."""

    def call(server, strategy, *, task=TASK, seed=5, pool=None, **cell):
        async def story():
            spec = ModelSpec("m", "openai", "m", base_url=server.url, retries=0)
            generator = Mellea(spec)
            parts = attempt.Parts(
                benchmark=HumanEval(),
                generator=generator,
                strategy=REGISTRY.factory("strategy", strategy)(),
                verify=lambda program: asyncio.to_thread(box.run, program),
                sampling=Sampling(seed=seed),
                limits=Limits(),
                pool=pool or draws.Pool(),
                source="source",
                kept="all",
            )
            variant = Variant("humaneval", "m", strategy=strategy, **cell)
            try:
                return await attempt.solve(task, variant, parts)
            finally:
                await generator.aclose()

        return asyncio.run(story())

    return call


def by_seed(body):
    """Right or wrong, as the seed of the request has it: the same for the same seed."""
    return RIGHT if body["seed"] % 2 else WRONG


def prompts_of(server):
    return [json.dumps(asked.body["messages"]) for asked in server.calls]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_calls_are_bounded_and_every_one_is_counted(solve, strategy):
    """Never right: n draws, each repaired d times at most; tokens and calls are the server's."""
    with Scripted(WRONG) as server:
        found = solve(server, strategy, samples=3, debug_iters=2)
        asked = len(server.calls)
    assert not found.infra
    assert not found.solved
    repairs = 2 if strategy in REPAIRING else 0
    places = [(a.sample, a.iteration) for a in found.attempts]
    assert places == [(i, j) for i in range(3) for j in range(1 + repairs)]
    assert [c.role for c in found.calls] == [ASKING[strategy]] * 3 if strategy in ASKING else True
    answers = [x.answer for x in (*found.attempts, *found.calls)]
    assert sum(a.calls for a in answers) == asked == len(answers)
    assert sum(a.prompt_tokens for a in answers) == 7 * asked
    assert all(a.messages and a.draw for a in answers)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_iteration_0_of_each_sample_is_drawn_without_feedback(solve, strategy):
    """Prompts of draws hold no word of a verdict, so that pass@k may be read off them."""
    with Scripted(WRONG) as server:
        found = solve(server, strategy, samples=2, debug_iters=1)
    opening = [a.answer.messages for a in found.attempts if a.iteration == 0]
    assert len(opening) == 2
    assert all(len(messages) == 1 and "return a - b" not in str(messages) for messages in opening)
    assert all("returned" not in str(messages) for messages in opening)


@pytest.mark.parametrize("feedback", ["public", "none"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_hidden_tests_reach_no_prompt_unless_the_feedback_allows_it(solve, strategy, feedback):
    """Code that passes what is shown and fails what is hidden: nothing of that is ever sent."""
    with Scripted(NEARLY) as server:
        found = solve(server, strategy, samples=2, debug_iters=2, feedback=feedback)
        assert all(
            HIDDEN not in prompt and "7000000" not in prompt for prompt in prompts_of(server)
        )
    assert not found.solved
    assert all(a.verdict.status == "failed" for a in found.attempts)


@pytest.mark.parametrize("strategy", REPAIRING)
def test_hidden_feedback_shows_the_hidden_error(solve, strategy):
    """The same code with the default: the repair is shown what it got wrong."""
    with Scripted(NEARLY) as server:
        solve(server, strategy, debug_iters=1)
        assert any(HIDDEN in prompt for prompt in prompts_of(server))


@pytest.mark.parametrize("strategy", REPAIRING)
def test_public_tests_alone_stop_a_chain_and_are_shown_to_it(solve, strategy):
    """Wrong, then right for the public test only: one repair with its error, then the end."""
    code = iter([WRONG, NEARLY, RIGHT])
    with Scripted(lambda body: next(code)) as server:
        found = solve(server, strategy, debug_iters=3, feedback="public")
        last = prompts_of(server)[-1]
    assert [a.notes["public"]["verdict"] for a in found.attempts] == ["failed", "passed"]
    assert [a.verdict.status for a in found.attempts] == ["failed", "failed"]
    assert "add(1, 2)" in last
    assert "-1" in last
    assert not found.solved


@pytest.mark.parametrize("strategy", REPAIRING)
def test_without_public_tests_nothing_is_repaired(solve, strategy):
    """No signal that may be used: the draw stands, and the note says so."""
    bare = replace(TASK, public_tests=())
    with Scripted(WRONG) as server:
        found = solve(server, strategy, task=bare, debug_iters=3, feedback="public")
    assert [a.notes["public"]["verdict"] for a in found.attempts] == ["none"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_refusing_server_is_infra(solve, strategy):
    """Status 401 for everything: no verdict on the model, the reason with its cure."""
    with Scripted(RIGHT) as server:
        server.faults = [Fault(status=401)] * 20
        found = solve(server, strategy, samples=2)
    assert "API key" in found.infra
    assert not found.solved


@pytest.mark.parametrize("strategy", ["judge", "plan", "mellea", "self_debug"])
def test_a_failure_in_the_middle_is_infra_too(solve, strategy):
    """The first request is answered, the second refused, whatever a library makes of that."""
    with Scripted(WRONG) as server:
        server.fault = lambda body: Fault(status=401) if len(server.calls) > 1 else None
        found = solve(server, strategy, debug_iters=1)
    assert "API key" in found.infra


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_seed_decides_everything(solve, strategy):
    """Twice the same requests and attempts; another seed of the run gives other requests."""
    asked, made = [], []
    for seed in (5, 5, 6):
        with Scripted(by_seed) as server:
            found = solve(server, strategy, seed=seed, samples=4, debug_iters=2)
            asked.append(sorted((a.body["seed"], str(a.body["messages"])) for a in server.calls))
        made.append(
            [(a.sample, a.iteration, a.code, a.notes.get("chosen")) for a in found.attempts]
        )
    assert asked[0] == asked[1]
    assert made[0] == made[1]
    assert {seed for seed, _ in asked[0]}.isdisjoint({seed for seed, _ in asked[2]})
    assert len({seed for seed, _ in asked[0]}) == len(asked[0])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_larger_cell_shares_the_draws_of_a_smaller_one(solve, strategy):
    """n = 1, then n = 3 with the same pool: as many requests as n = 3 alone."""
    with Scripted(WRONG) as server:
        solve(server, strategy, samples=3, debug_iters=1)
        alone = len(server.calls)
    pool = draws.Pool()
    with Scripted(WRONG) as server:
        for samples in (1, 3):
            solve(server, strategy, samples=samples, debug_iters=1, pool=pool)
        assert len(server.calls) == alone


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_cancelling_ends_the_requests(box, strategy):
    """A cancelled item leaves no request with the server and raises what cancelled it."""

    async def story(server):
        generator = Mellea(ModelSpec("m", "openai", "m", base_url=server.url))
        parts = attempt.Parts(
            benchmark=HumanEval(),
            generator=generator,
            strategy=REGISTRY.factory("strategy", strategy)(),
            verify=lambda program: asyncio.to_thread(box.run, program),
            sampling=Sampling(),
            limits=Limits(),
            pool=draws.Pool(share=False),
        )
        variant = Variant("humaneval", "m", samples=2, strategy=strategy)
        working = asyncio.ensure_future(attempt.solve(TASK, variant, parts))
        while server.active < 2:
            await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        idle = await asyncio.to_thread(server.wait_idle)
        await generator.aclose()
        return idle

    with Scripted(RIGHT) as server:
        server.faults = [Fault(hang=True)] * 10
        assert asyncio.run(story(server))


def test_majority_hands_in_the_largest_group_whatever_is_right(solve):
    """Two of three agree on a wrong result: that is handed in, though a sample was right."""
    code = iter([RIGHT, WRONG, "def add(x, y):\n    z = x - y\n    return z"])
    with Scripted(lambda body: next(code)) as server:
        found = solve(server, "majority", samples=3)
    votes = [a.notes["vote"] for a in found.attempts]
    assert len(set(votes)) == 2
    assert all(vote.startswith("ran:") for vote in votes)
    (chosen,) = [a for a in found.attempts if a.notes.get("chosen")]
    assert chosen.code.strip() in (WRONG, "def add(x, y):\n    z = x - y\n    return z")
    assert any(a.verdict.passed for a in found.attempts)
    assert not found.solved


def test_code_that_never_runs_has_no_vote(solve):
    """Two crash alike and one is right: the right one is the only voter."""
    code = iter([BROKEN, BROKEN, RIGHT])
    with Scripted(lambda body: next(code)) as server:
        found = solve(server, "majority", samples=3)
    assert sorted(a.notes["vote"][:4] for a in found.attempts) == ["", "", "ran:"]
    assert found.solved


def test_without_public_inputs_sources_vote_by_their_shape(solve):
    """Comments, layout and docstrings make no difference, another expression does."""
    code = iter(
        [
            "def add(a, b):\n    return a + b  # sum",
            'def add(a, b):\n    """Add."""\n    return (a + b)',
            "def add(a, b):\n    return b + a",
        ]
    )
    with Scripted(lambda body: next(code)) as server:
        found = solve(server, "majority", task=replace(TASK, public_tests=()), samples=3)
    votes = sorted(a.notes["vote"] for a in found.attempts)
    assert all(vote.startswith("ast:") for vote in votes)
    assert len(set(votes)) == 2


@pytest.mark.parametrize(
    ("opinion", "kept"),
    [
        ("Yes.", True),
        ("no", False),
        ("No, I cannot say yes", False),
        ("<think>maybe yes</think>no", False),
        ("Perhaps", None),
    ],
)
def test_the_judges_opinion_is_read_by_its_first_word_of_that_kind(solve, opinion, kept):
    """Mellea's own reading takes any "yes" for a yes."""
    with Scripted(RIGHT, opinion=opinion) as server:
        found = solve(server, "judge")
        judged = server.calls[-1].body["messages"]
    assert found.attempts[0].notes == {"judge": kept, "chosen": True}
    assert "Check whether the output below satisfies the requirement" in judged[-1]["content"]
    assert "return a + b" in judged[-1]["content"]


def test_the_judge_selects_the_first_sample_that_it_accepts(solve):
    """It rejects code with a minus: the right sample is handed in, wherever it stands."""
    code = iter([WRONG, RIGHT, WRONG])
    with Scripted(lambda body: next(code)) as server:
        plain = server.said

        def said(body):
            asked = body["messages"][-1]["content"]
            if "Check whether the output" not in asked:
                return plain(body)
            return "no" if " - " in asked.partition("Output:")[2] else "yes"

        server.said = said
        found = solve(server, "judge", samples=3)
    (chosen,) = [a for a in found.attempts if a.notes.get("chosen")]
    assert chosen.verdict.passed
    assert found.solved
    assert sorted(a.notes["judge"] for a in found.attempts) == [False, False, True]


def test_the_coder_follows_the_plan_of_its_sample(solve):
    """Two planners with seeds of their own; each plan stands in one coder's prompt and repairs."""
    with Scripted(WRONG) as server:
        found = solve(server, "plan", samples=2, debug_iters=1)
    plans = [call.answer.text for call in found.calls]
    assert len(set(plans)) == 2
    for a in found.attempts:
        assert plans[a.sample] in a.answer.messages[0].content
        assert plans[1 - a.sample] not in str(a.answer.messages)
    asked = found.calls[0].answer.messages[0].content
    assert "code block" not in asked


@pytest.mark.parametrize("obeys", [True, False])
def test_structured_sends_the_schema_and_reads_either_answer(solve, obeys):
    """The schema is on the wire; a server that ignores it is solved with and noted."""
    with Scripted(RIGHT, obeys=obeys) as server:
        found = solve(server, "structured")
        sent = server.calls[0].body["response_format"]
    assert sent["json_schema"]["schema"]["required"] == ["code"]
    assert sent["json_schema"]["strict"] is True
    assert found.solved
    assert found.attempts[0].notes == {"schema": "followed" if obeys else "ignored"}
    assert found.attempts[0].answer.options["format"]["type"] == "object"


def test_a_structured_repair_is_asked_for_the_object_too(solve):
    """Its last words would else be about a block of code, against the schema."""
    code = iter([WRONG, RIGHT])
    with Scripted(lambda body: next(code), obeys=True) as server:
        found = solve(server, "structured", debug_iters=1)
        asked = [a.body["messages"][-1]["content"] for a in server.calls]
    assert [text.endswith(structured.ASK) for text in asked] == [True, True]
    assert [a.notes["schema"] for a in found.attempts] == ["followed"] * 2


def test_mellea_repairs_with_the_librarys_own_template(solve):
    """Requirement and its failure are worded by Mellea, the failure itself by our sandbox."""
    code = iter([WRONG, RIGHT])
    with Scripted(lambda body: next(code)) as server:
        found = solve(server, "mellea", debug_iters=3)
        first, second = (a.body["messages"] for a in server.calls)
    assert "Fulfill the following requirements:" in first[0]["content"]
    assert len(second) == 1
    assert "The following requirements failed before:" in second[0]["content"]
    assert "add(1, 2) returned -1" in second[0]["content"]
    assert [a.verdict.status for a in found.attempts] == ["failed", "passed"]


def test_a_recording_has_no_planner(tmp_path):
    """`plan` on recorded answers is refused by the generator, with the way out."""
    from pytest_mcode.core.records import Request
    from pytest_mcode.generation.replay import Replay

    file = tmp_path / "a.jsonl"
    file.write_text('{"task_id": "demo/1", "answer": "x"}\n')
    request = Request(TASK, (), 0, 0, Sampling(), role="planner")
    with pytest.raises(InfraError, match="no answers of a planner: ask a live model"):
        asyncio.run(Replay(ModelSpec("r", "replay", str(file))).generate(request))
