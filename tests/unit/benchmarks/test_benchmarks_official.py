"""The official data sets, read from the shared folder: counts, facts and golden behaviour."""

import hashlib
from pathlib import Path

import pytest

from pytest_mcode.benchmarks.humaneval import UNTRUE, HumanEval
from pytest_mcode.benchmarks.mbpp import Mbpp
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Dataset, Limits

DATA = Path(__file__).parents[3].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not here")


@pytest.fixture(scope="module")
def humaneval() -> Dataset:
    return HumanEval().load(DATA)


@pytest.fixture(scope="module")
def everything() -> Dataset:
    return Mbpp("all").load(DATA)


def test_humaneval_has_its_164_tasks(humaneval: Dataset) -> None:
    """All tasks, unique ids, prompts cut without loss, at least one check, hash of the content."""
    assert len({task.task_id for task in humaneval.tasks}) == 164
    assert all(task.preamble + task.stub == task.prompt for task in humaneval.tasks)
    assert all(task.names == (task.entry_point,) for task in humaneval.tasks)
    assert all(task.benchmark == "humaneval" for task in humaneval.tasks)
    assert sum(task.checks for task in humaneval.tasks) == 1133
    assert humaneval.sha256.startswith("1d49078ba3e2")
    for task in humaneval.tasks:
        compile(task.preamble + task.reference, task.task_id, "exec")


def test_helpers_of_the_prompt_are_preamble(humaneval: Dataset) -> None:
    """In tasks 10, 32, 38 and 50 the first function is trusted context, the last one the stub."""
    tasks = {task.task_id: task for task in humaneval.tasks}
    helpers = {10: "is_palindrome", 32: "poly", 38: "encode_cyclic", 50: "encode_shift"}
    for number, helper in helpers.items():
        task = tasks[f"HumanEval/{number}"]
        assert f"def {helper}(" in task.preamble
        assert task.stub.startswith(f"def {task.entry_point}(")
        program = HumanEval().program(task, task.reference, Limits())
        assert program.context == task.preamble
        assert program.candidate == task.preamble + task.reference


def test_most_humaneval_tasks_have_public_tests(humaneval: Dataset) -> None:
    """132 docstrings hold examples that can be asserted; the four untrue ones are left out."""
    public = [test for task in humaneval.tasks for test in task.public_tests]
    assert sum(bool(task.public_tests) for task in humaneval.tasks) == 132
    assert len(public) == 367
    assert not UNTRUE & set(public)


@pytest.mark.parametrize(
    ("argument", "count", "checks"), [("", 500, 1500), ("all", 974, 2922), ("sanitized", 427, 1324)]
)
def test_mbpp_variants_have_their_tasks(argument: str, count: int, checks: int) -> None:
    """Test split 500, all 974, sanitized 427; ids Mbpp/N; the name is the command line's."""
    bench = Mbpp(argument)
    dataset = bench.load(DATA)
    assert dataset.benchmark == bench.name == ("mbpp" if not argument else f"mbpp:{argument}")
    assert len({task.task_id for task in dataset.tasks}) == count
    assert sum(task.checks for task in dataset.tasks) == checks
    assert all(task.shape == "text" and task.prompt for task in dataset.tasks)
    assert not any("\r" in t.reference + t.tests + t.prompt for t in dataset.tasks)
    if not argument:
        assert [dataset.tasks[i].task_id for i in (0, -1)] == ["Mbpp/11", "Mbpp/510"]


def test_mbpp_tests_take_helpers_from_the_candidate(everything: Dataset) -> None:
    """Classes and modules that the tests use but do not bind are names of the candidate."""
    more = {task.task_id: task.names for task in everything.tasks if len(task.names) > 1}
    assert more == {
        "Mbpp/367": ("is_tree_balanced", "Node"),
        "Mbpp/596": ("tuple_size", "sys"),
        "Mbpp/601": ("max_chain_length", "Pair"),
        "Mbpp/927": ("max_height", "Node"),
    }


def test_mbpp_entry_point_may_shadow_a_builtin(everything: Dataset) -> None:
    """Task 126 is about a `sum` of its own: the name is the candidate's, not the builtin."""
    (task,) = (task for task in everything.tasks if task.task_id == "Mbpp/126")
    assert task.entry_point == "sum"
    assert task.names == ("sum",)


def test_the_entry_point_is_defined_by_the_reference(everything: Dataset) -> None:
    """Every entry point is a function of the reference and called by every public test's task."""
    for task in everything.tasks:
        assert f"def {task.entry_point}" in task.reference
        assert f"{task.entry_point}(" in task.public_tests[0].replace(" (", "(")


def test_the_hash_is_the_files(everything: Dataset) -> None:
    """The sha256 of an unpacked file is that of its bytes."""
    content = (DATA / "mbpp" / "mbpp.jsonl").read_bytes()
    assert everything.sha256 == hashlib.sha256(content).hexdigest()


def test_an_unknown_variant_lists_the_choices() -> None:
    """mbpp:plus is refused before collection, with what there is."""
    with pytest.raises(ConfigError, match=r"choose mbpp .*mbpp:all or mbpp:sanitized"):
        Mbpp("plus")
    with pytest.raises(ConfigError, match="takes no variant"):
        HumanEval("plus")
