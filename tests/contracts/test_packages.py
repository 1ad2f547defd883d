"""Packages besides the standard library: offered by every sandbox, and their values keep a type."""

from __future__ import annotations

import pytest

from pytest_mcode.core.protocols import Sandbox
from pytest_mcode.core.records import Limits, Program, Verdict

NUMPY = "import numpy as np\n"


@pytest.fixture
def verify(sandbox: Sandbox):
    """Verify a candidate that imports numpy, with tests that may import it too."""
    if "numpy" not in str(sandbox.describe()["packages"]):
        pytest.skip("no wheel of numpy could be fetched for the sandbox")

    def run(candidate: str, tests: str, **more: object) -> Verdict:
        return sandbox.run(Program(NUMPY + candidate, NUMPY + tests, ("f",), **more))  # type: ignore[arg-type]

    return run


def test_a_program_may_use_numpy_within_its_limits(verify):
    """The import works under the list of system calls and in a small memory."""
    candidate = "def f(x): return float(np.linalg.norm(np.array(x)) + 0 * np.random.rand())"
    seen = verify(candidate, "assert f([3, 4]) == 5.0\n", limits=Limits(memory_mb=128), checks=1)
    assert seen.passed, seen.detail


SCALARS = (
    *("np.int64(3)", "np.float64(0.5)", "np.float32(0.1)", "np.bool_(True)", "np.uint8(255)"),
    *("np.complex128(1j)", "np.str_('a')", "np.bytes_(b'a')", "np.longlong(7)", "np.float16(2)"),
)
ARRAYS = (
    *("np.array([1, 2])", "np.array([[0.5], [1.5]])", "np.array([])", "np.array(['a', 'bc'])"),
    *("np.array(3)", "np.array([True])", "np.array([1, 2], dtype='>i2')", "np.array([1j])"),
)


def test_scalars_and_arrays_cross_exactly(verify):
    """Returned and passed: of the same type, dtype, shape and content, never a list or a float."""
    rows = ", ".join((*SCALARS, *ARRAYS))
    candidate = f"def f(i, x):\n    y = [{rows}][i]\n    return [y, type(x) is type(y), x]\n"
    tests = f"for i, value in enumerate([{rows}]):\n    got, same, back = f(i, value)\n"
    tests += "    assert type(got) is type(back) is type(value) and same, (got, value)\n"
    tests += "    assert got.dtype == back.dtype == value.dtype and got.shape == value.shape\n"
    tests += "    assert np.array_equal(got, value) and np.array_equal(back, value)\n"
    seen = verify(candidate, tests, checks=3)
    assert seen.passed, seen.detail


def test_arrays_that_only_the_context_can_name_are_given_as_arrays(sandbox, verify):
    """The tests themselves hold no word that hints at one."""
    seen = sandbox.run(
        Program("def f(x): return x.sum()", "assert f(np.ones(3)) == 3\n", ("f",), NUMPY)
    )
    assert seen.passed, seen.detail


@pytest.mark.parametrize(
    ("value", "test", "status"),
    [
        ("np.int64(3)", "assert f() == 3", "passed"),
        ("np.int64(3)", "assert type(f()) is int", "failed"),
        ("np.int64(3)", "assert isinstance(f(), int)", "failed"),
        ("np.float64(0.5)", "assert isinstance(f(), float) and f() == 0.5", "passed"),
        ("np.bool_(True)", "assert f() == True", "passed"),
        ("np.bool_(True)", "assert f() is True", "failed"),
        ("list(np.array([1, 2]))", "assert f() == [1, 2]", "passed"),
        ("np.array([1, 2])", "assert f() == [1, 2]", "error"),
        ("np.array([1, 2])", "assert f().tolist() == [1, 2]", "passed"),
        ("np.array([3])", "assert f() == 3", "passed"),
        ("np.array([1, None], dtype=object)", "assert len(f()) == 2", "passed"),
        ("np.array([1, None], dtype=object)", "assert f() == [1, None]", "failed"),
    ],
)
def test_comparisons_end_as_in_one_process(verify, value, test, status):
    """What passes, fails or raises where tests and program share an interpreter does so here."""
    assert verify(f"def f(): return {value}\n", f"{test}\n").status == status


def test_an_array_that_was_changed_in_place_is_changed_for_the_tests(verify):
    """Arguments see the program's writes, and what comes back is the argument itself."""
    tests = "a = np.array([1, 2])\nassert f(a) is a\nassert a[0] == 9\n"
    seen = verify("def f(x):\n    x[0] = 9\n    return x\n", tests, checks=2)
    assert seen.passed, seen.detail


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("def item(self): return Same()", "forged"),
        ("def item(self): return 4", "failed"),
        ("def item(self): return 'np'", "failed"),
    ],
)
def test_a_class_that_poses_as_a_numpy_scalar_gains_nothing(verify, body, status):
    """The judge builds the scalar itself, from a plain value or not at all."""
    candidate = "class Same:\n    def __eq__(self, other): return True\n"
    candidate += f"class int64:\n    {body}\n"
    candidate += "int64.__module__, int64.__qualname__ = 'numpy', 'int64'\n"
    seen = verify(f"{candidate}def f(): return int64()\n", "assert f() == 3\n")
    assert seen.status in (status, "forged"), seen.detail
    assert not seen.passed


def test_what_the_machine_has_installed_is_not_offered(sandbox):
    """pytest runs here, and no program can import it: sandboxes are the same on every machine."""
    seen = sandbox.run(Program("import pytest\ndef f(): return 1", "assert f() == 1\n", ("f",)))
    assert seen.status == "error"
    assert "needs pytest, which the sandbox does not have (--mcode-image" in seen.detail
