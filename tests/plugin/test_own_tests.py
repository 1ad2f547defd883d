"""Tests of a project's own with `@pytest.mark.mcode`: what they say is kept, however they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_mcode.benchmarks import tiny

pytestmark = pytest.mark.docker

OWN = """
import pytest
pytestmark = pytest.mark.mcode(bench="tiny", tasks=["tiny/mirror_words"])

def test_plain(mcode_attempt):
    mcode_attempt().check()

def test_own_rule_fails(mcode_attempt):
    assert mcode_attempt().solved
    assert False, "my own rule"

def test_own_bug(mcode_attempt):
    mcode_attempt()
    1 / 0

def test_skips_afterwards(mcode_attempt):
    mcode_attempt()
    pytest.skip("seen enough")

@pytest.mark.skip(reason="not today")
def test_skipped(mcode_attempt):
    mcode_attempt()

def test_forgets_to_ask(mcode_attempt):
    pass

def test_pytest_fail(mcode_sandbox):
    if not mcode_sandbox.verify("x = 1").passed:
        pytest.fail("not good enough")

def test_second_look(mcode_task, mcode_sandbox):
    mcode_sandbox.verify("x = 1")
    assert mcode_sandbox.verify(mcode_task.reference).passed

@pytest.mark.parametrize("a", [1, 2])
class TestMore:
    def test_plain(self, mcode_attempt, a):
        mcode_attempt().check()
"""
STATES = "SELECT replace(nodeid, 'test_own.py::', ''), state, solved, attempts FROM items"


def test_every_ending_of_a_test_has_its_row(run, database, pytester):
    """Measured rows stay measured; a test's own failure is F and red, forgetting to ask is infra.

    With xdist the rows are the same.
    """
    pytester.makepyfile(test_own=OWN)
    seen = []
    for workers in ((), ("-n2",)):
        path = pytester.path / f"rows{len(seen)}.db"
        result = run("--mcode-model=gold", f"--mcode-db={path}", *workers)
        assert result.ret == 1
        outcomes = {"passed": 4, "failed": 2, "unsolved": 1, "infra": 1, "skipped": 2}
        assert result.parseoutcomes() == outcomes, result.stdout.str()
        found = {name.partition("[")[0]: rest for name, *rest in type(database)(path).rows(STATES)}
        seen.append((found, type(database)(path).verdicts()))
    done = ["done", 1, 1]
    assert seen[0][0] == {
        "test_plain": done,
        "test_own_rule_fails": done,
        "test_own_bug": done,
        "test_skips_afterwards": done,
        "test_skipped": ["planned", None, 0],
        "test_forgets_to_ask": ["infra", None, 0],
        "test_pytest_fail": ["done", 0, 1],
        "test_second_look": ["done", 1, 2],
        "TestMore::test_plain": done,
    }
    assert seen[0] == seen[1]
    # No task counts twice in a rate, and a second look is no draw.
    twice = "SELECT 1 FROM items GROUP BY variant_id, task_id HAVING count(*) > 1"
    assert type(database)(path).rows(twice) == []
    look = "SELECT first_passed, samples_generated FROM items WHERE nodeid LIKE '%second_look%'"
    assert type(database)(path).rows(look) == [(0, 1)]


def test_infra_that_a_test_swallows_is_still_red(run, database, pytester, wrong_answers):
    """A test that catches the error and passes: `I`, an infra row and exit status 1."""
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.mcode(bench="tiny", tasks=["tiny/count_peaks"])
        def test_own(mcode_attempt):
            with pytest.raises(Exception):
                mcode_attempt()
        """
    )
    result = run(f"--mcode-model=replay:{wrong_answers}")
    assert result.parseoutcomes() == {"infra": 1}
    assert result.ret == 1
    assert database.rows("SELECT state FROM items") == [("infra",)]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_own_tests_beside_the_suite_need_proof_too(run, database, pytester, workers):
    """A benchmark that only a mark names is proved before the first item, also with xdist."""
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.mcode(bench="broken.jsonl")
        def test_own(mcode_attempt):
            mcode_attempt().check()
        """
    )
    row = (
        '{"task_id": "b/0", "prompt": "def f(n):\\n", "entry_point": "f", '
        '"canonical_solution": "    return 1\\n", '
        '"test": "def check(candidate):\\n    assert candidate(1) == 2\\n"}\n'
    )
    (pytester.path / "broken.jsonl").write_text(row)
    args = ("--mcode-bench=tiny", "--mcode-limit=1", "--mcode-model=gold", "test_own.py")
    result = run(*args, *workers)
    assert result.ret == 4, result.stdout.str()
    assert "no number of it can be believed" in result.stdout.str() + result.stderr.str()
    assert database.rows("SELECT count(*) FROM items") == [(0,)]


@pytest.mark.parametrize("given", ["samples=0", "limit='3'", "debug_iters=[1, 10**8]"])
def test_a_mark_with_a_wrong_value_is_refused(run, pytester, given):
    """Values of a mark are held to what the option takes."""
    pytester.makepyfile(
        test_own=f"""
        import pytest

        @pytest.mark.mcode(bench="tiny", {given})
        def test_own(mcode_attempt):
            pass
        """
    )
    result = run("--mcode-model=gold")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*mark mcode(*) is not legal: it takes a whole number*"])


def test_the_choice_of_tests_moves_no_name(run, database, pytester):
    """Of tests that measure the same cell each has a name of its own, whichever runs first or
    alone: runs are compared by these names."""
    mark = '@pytest.mark.mcode(bench="tiny", limit=1)'
    for name in "ab":
        body = f"import pytest\n{mark}\ndef test_{name}(mcode_attempt): mcode_attempt().check()\n"
        pytester.makepyfile(**{f"test_{name}": body})
    for order in (("test_a.py", "test_b.py"), ("test_b.py",), ("test_b.py", "test_a.py")):
        run("--mcode-model=gold", *order)
    sql = "SELECT label, nodeid, count(*) FROM items JOIN variants USING (run_id, variant_id)"
    rows = database.rows(f"{sql} GROUP BY 1, 2 ORDER BY 2")
    assert [(label.partition("@")[2], times) for label, _, times in rows] == [
        ("test_a.py::test_a", 2),
        ("test_b.py::test_b", 3),
    ]


def test_parameters_and_letters_move_no_name(run, database, pytester):
    """What `-k` leaves of a test with parameters keeps its name, and a task with an umlaut is one
    of its benchmark's."""
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.parametrize("way", ["red", "blue"])
        @pytest.mark.mcode(bench="mine.jsonl")
        def test_own(mcode_attempt, way):
            mcode_attempt().check()
        """
    )
    lines = Path(tiny.__file__).with_name("tiny.jsonl").read_text("utf-8").splitlines()[:2]
    mine = "\n".join(lines).replace("tiny/even", "tiny/größe")
    (pytester.path / "mine.jsonl").write_text(mine, "utf-8")
    both = ("--mcode-bench=mine.jsonl", "--mcode-model=gold", "test_own.py")
    for choice in ((), ("-k", "blue")):
        run(*both, *choice)
    sql = "SELECT label, count(*) FROM items JOIN variants USING (variant_id) GROUP BY 1"
    rows = database.rows(sql)
    assert {label.partition("@")[2]: items for label, items in rows} == {
        "": 2,
        "test_own.py::test_own[*-blue]": 4,
        "test_own.py::test_own[*-red]": 2,
    }


MARKS = {
    "bench=['tiny', 'mbpp']": "mark mcode(bench=['tiny', 'mbpp']) is not legal: it takes a text",
    "bench='tiny', model=5": "mark mcode(model=5) is not legal: it takes a text",
    "bench='tiny', tasks=3": "no task of tiny is named 3; ids look like 'tiny/",
    "bench='tiny', tasks=['mirror_words', 'x']": "no task of tiny is named x; ids look like",
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_that_means_nothing_is_one_line(run, pytester, mark):
    """Names that are no text, and ids that no task has, are told without a traceback."""
    body = f"import pytest\n@pytest.mark.mcode({mark})\ndef test_it(mcode_attempt): pass\n"
    pytester.makepyfile(test_mark=body)
    said = run("--mcode-model=gold", "--collect-only").stdout.str()
    assert f"mcode: test_mark.py::test_it: {MARKS[mark]}" in said.replace("--mcode-tasks: ", "")
    assert "collection.py" not in said
