"""HumanEval+ and MBPP+ as they are read from EvalPlus's release files."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.evalplus import HumanEvalPlus, MbppPlus
from pytest_mcode.benchmarks.evalplus_rules import (
    LEFT_OUT,
    MBPP_CONVERSIONS,
    RULES,
    SLOW,
    SLOW_INPUTS,
)
from pytest_mcode.core.errors import ConfigError, DataError
from pytest_mcode.core.records import Dataset, Limits, Task
from pytest_mcode.sandboxes.expected import Expected

DATA = Path(__file__).parents[3].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not here")


@pytest.fixture(scope="module")
def humaneval() -> Dataset:
    return HumanEvalPlus().load(DATA)


@pytest.fixture(scope="module")
def mbpp() -> Dataset:
    return MbppPlus().load(DATA)


def inputs(task: Task) -> dict[str, int]:
    """How many argument lists each group of the tests holds."""
    call = next(n for n in ast.walk(ast.parse(task.tests)) if isinstance(n, ast.Dict))
    return {name: len(json.loads(text)) for name, text in ast.literal_eval(call).items()}


@needs_data
def test_humaneval_plus_has_164_tasks(humaneval: Dataset) -> None:
    """Unique ids, prompts cut without loss, all 1,570 base and 122,683 plus inputs."""
    assert humaneval.benchmark == "humaneval+"
    assert len({task.task_id for task in humaneval.tasks}) == 164
    assert all(task.preamble + task.stub == task.prompt for task in humaneval.tasks)
    found = [inputs(task) for task in humaneval.tasks]
    assert sum(one["base"] for one in found) == 1_570
    assert sum(one["plus"] for one in found) == 122_683


@needs_data
def test_mbpp_plus_has_378_tasks(mbpp: Dataset) -> None:
    """A sentence and one assert are the prompt; 1,174 base inputs and 39,841 plus but for one."""
    assert len({task.task_id for task in mbpp.tasks}) == 378
    first = mbpp.tasks[0]
    assert first.prompt == "Write a function to find the shared elements from the given two lists."
    assert all(len(task.public_tests) == 1 for task in mbpp.tasks)
    assert all('"""' not in task.prompt and "assert" not in task.prompt for task in mbpp.tasks)
    found = [inputs(task) for task in mbpp.tasks]
    assert sum(one["base"] for one in found) == 1_174
    assert sum(one["plus"] for one in found) == 39_841 - 1


@needs_data
def test_the_mini_variant_has_fewer_inputs_and_its_own_file() -> None:
    """humaneval+:mini: the same tasks and base inputs, 1,107 plus inputs."""
    mini = HumanEvalPlus("mini").load(DATA)
    found = [inputs(task) for task in mini.tasks]
    assert (mini.benchmark, len(mini.tasks)) == ("humaneval+:mini", 164)
    assert (sum(one["base"] for one in found), sum(one["plus"] for one in found)) == (1_570, 1_107)


@needs_data
def test_expected_outputs_travel_with_the_package(humaneval: Dataset, mbpp: Dataset) -> None:
    """Digests for every group of inputs, found by the text of the tests: when that changes,
    `python -m tests.benchmarks.expected` makes them anew. Four groups have none: any root is right,
    no inputs, outputs without a text."""
    kept, missing = Expected(), set()
    for benchmark, tasks in ((HumanEvalPlus(), humaneval.tasks), (MbppPlus(), mbpp.tasks)):
        for task in tasks:
            known = kept.find(benchmark.program(task, "", Limits()))
            missing |= {(task.task_id, group) for group in inputs(task) if group not in known}
    none = {("HumanEval/32", "base"), ("HumanEval/32", "plus"), ("Mbpp/793", "plus")}
    assert missing == {*none, ("Mbpp/737", "base")}


@needs_data
def test_rules_of_single_tasks_name_tasks_that_exist(humaneval: Dataset, mbpp: Dataset) -> None:
    """No rule, conversion or limit is left from another version of the data."""
    known = {task.task_id for task in (*humaneval.tasks, *mbpp.tasks)}
    assert {*RULES, *MBPP_CONVERSIONS, *SLOW, *(task for task, _ in LEFT_OUT)} <= known


@needs_data
def test_a_reference_that_computes_long_has_more_time(mbpp: Dataset) -> None:
    """Mbpp/599 gets a minute where others get ten seconds, as upstream; and one of its inputs six
    seconds, but one of Mbpp/392 no more than others."""
    programs = {
        task.task_id: MbppPlus().program(task, "", Limits(wall_s=10)) for task in mbpp.tasks
    }
    times = [programs[f"Mbpp/{n}"].limits.wall_s for n in (2, 392, 599)]
    assert times == [10, 30, 60]
    shorter = {name for name, program in programs.items() if ", each=1 / 3" in program.tests}
    assert shorter | {f"HumanEval/{n}" for n in (15, 36, 59, 83, 94, 130, 139)} == {
        name for name in SLOW if name not in SLOW_INPUTS
    }


ROW = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n    pass\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "base_input": [[1]],
    "plus_input": [[2]],
    "atol": 0,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"atol": None}, "column 'atol' must be a number"),
        ({"base_input": {}}, "column 'base_input' must be a list of argument lists"),
        ({"plus_input": [1]}, "column 'plus_input' must be a list of argument lists"),
        ({"entry_point": "f()"}, "column 'entry_point' must be the name of a function"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """One line: the file, the line, the column and what it should hold."""
    path = tmp_path / "HumanEvalPlus.jsonl"
    path.write_text(json.dumps({**ROW, **change}) + "\n")
    with pytest.raises(DataError, match=message) as caught:
        HumanEvalPlus().load(tmp_path)
    assert str(caught.value).startswith(f"{path}:1: ")


def test_a_task_that_comes_twice_is_refused(tmp_path: Path) -> None:
    """As for every benchmark."""
    (tmp_path / "HumanEvalPlus.jsonl").write_text(2 * (json.dumps(ROW) + "\n"))
    with pytest.raises(DataError, match="'HumanEval/0' comes twice"):
        HumanEvalPlus().load(tmp_path)


def test_where_the_file_is_not_the_message_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File, page and option; EvalPlus's own cache is looked at too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        DataError, match=r"MbppPlus-NoExtreme.*mbppplus_release.*v0.2.0.*mcode-data"
    ):
        MbppPlus("noextreme").load(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        MbppPlus().load(tmp_path / "nowhere")
    kept = tmp_path / "cache" / "evalplus" / "HumanEvalPlus-v0.1.10.jsonl"
    kept.parent.mkdir(parents=True)
    kept.with_suffix(".jsonl.lock").touch()
    kept.with_suffix(".jsonl.gz.part").write_bytes(b"\x1f\x8b")
    kept.write_text(json.dumps(ROW) + "\n")
    assert HumanEvalPlus().load(None).origin == str(kept)
    assert HumanEvalPlus().load(kept).origin == str(kept)


def test_an_unknown_variant_lists_the_choices() -> None:
    """Refused before collection."""
    with pytest.raises(ConfigError, match=r"choose humaneval\+ or humaneval\+:mini or"):
        HumanEvalPlus("tiny")
    with pytest.raises(ConfigError, match=r"mbpp\+:mini: choose mbpp\+ or mbpp\+:noextreme"):
        MbppPlus("mini")
