"""The house keeps its rules: direction of imports, budgets, borders, and what a bystander pays."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pytest_mcode"
MODULES = sorted(PACKAGE.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

HOME_OF = {
    "pytest": "plugin",
    "xdist": "plugin",
    "mellea": "generation",
    "openai": "generation",
    "ollama": "generation",
    "httpx": "generation",
    "aiohttp": "generation",
    "docker": "sandboxes",
    "requests": "sandboxes",
    "sqlite_utils": "store",
    "datasets": "benchmarks",
    "pyarrow": "benchmarks",
    "xllamacpp": "servers",
    "numpy": "stats",
    "scipy": "stats",
    "matplotlib": "reports",
    "jinja2": "reports",
    "markupsafe": "reports",
    "pygments": "reports",
    "yaml": "ablation",
}
"""Third-party library -> the one room that speaks to it."""

BORDERS = {
    "session/attempt.py": "a bug of ours is infra, never the model's failure",
    "session/confinement.py": "what a start raises is raised where the sandbox is taken",
    "session/leases.py": "a worker that asked is told why it is given no server",
    "session/strangers.py": "what a stranger's code raises is told by its name",
    "sandboxes/pool.py": "a fault of the machinery is told by the futures of who waits for it",
    "sandboxes/inside/worker.py": "the candidate's own exceptions, of any kind, end its call only",
    "sandboxes/inside/candidate.py": "a test's code handles what the candidate raised, as it likes",
    "sandboxes/inside/claims.py": "an answer that cannot be read is no answer, whatever it raises",
    "sandboxes/inside/differential.py": "an output that cannot be compared is a wrong one",
    "sandboxes/inside/beside.py": "the same for tests that share a process with the candidate",
    "sandboxes/inside/script.py": "a program that dies of an exception has ended, as any other",
    "sandboxes/inside/exam.py": "whatever a program beside its tests reports is a verdict",
    "sandboxes/inside/verification.py": "whatever the tests or the candidate raise is a verdict",
}
"""Modules that may catch everything without raising it again, each with its reason."""


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method of a module, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def body_lines(function: Function) -> int:
    """Lines of a function's body, its docstring not counted."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def short(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tracked() -> list[Path]:
    """The files in git; the test is skipped where there is no repository."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def test_imports_go_down_and_never_sideways():
    """import-linter finds every contract of pyproject.toml kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    command = [linter, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_each_library_has_one_room_and_waits_until_it_is_needed():
    """A third-party import stands in its library's room, inside a function (pytest excepted)."""
    own = {path.stem for path in (PACKAGE / "sandboxes/inside").glob("*.py")}
    known = {*sys.stdlib_module_names, "pytest_mcode", *own}
    wrong = []
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for library in {name.partition(".")[0] for name in names} - known:
                room = short(path).partition("/")[0]
                early = node.col_offset == 0 and library != "pytest"
                if HOME_OF.get(library) != room or early:
                    wrong.append(f"{short(path)}:{node.lineno} imports {library}")
    assert not wrong


def test_modules_fit_on_a_few_screens():
    """No module has more than 300 lines, and the words of core have 576 in all: 400, and 125
    since studies, strategies that ask besides, and comparisons have more to say than HumanEval's
    tasks; 20 keep threads from parsing at once, in three rooms, 24 tell processes apart, in as
    many, and 7 say how many."""
    lines = {short(path): path.read_text().count("\n") for path in MODULES}
    assert {name: n for name, n in lines.items() if n > 300} == {}
    assert sum(n for name, n in lines.items() if name.startswith("core/")) <= 576


def test_functions_are_short():
    """No body is longer than 50 lines, and nine of ten have at most 25."""
    lengths = sorted(
        (body_lines(function), f"{short(path)}:{function.name}")
        for path in MODULES
        for function in functions(parsed(path))
    )
    assert lengths[-1][0] <= 50, lengths[-1]
    assert lengths[len(lengths) * 9 // 10][0] <= 25


def test_hooks_delegate():
    """A pytest hook of the plug-in's two doors has at most ten lines."""
    long = [
        f"{name}:{function.name}"
        for name in ("plugin/__init__.py", "plugin/active.py")
        for function in functions(parsed(PACKAGE / name))
        if function.name.startswith("pytest_") and body_lines(function) > 10
    ]
    assert not long


def test_everything_has_a_type():
    """Every parameter and every result is annotated; the package says so with py.typed."""
    bare = []
    for path in MODULES:
        for function in functions(parsed(path)):
            spec = function.args
            parameters = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
            named = [p for p in parameters if p and p.arg not in ("self", "cls")]
            if function.returns is None or any(p.annotation is None for p in named):
                bare.append(f"{short(path)}:{function.name}")
    assert not bare
    assert (PACKAGE / "py.typed").exists()


def test_everything_is_caught_at_named_borders_only():
    """A handler of all exceptions raises again, or stands in a module named in BORDERS."""
    found = {
        short(path)
        for path in MODULES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_again(node)
    }
    assert found == set(BORDERS)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {node.id for node in caught if isinstance(node, ast.Name)}
    return handler.type is None or bool(names & {"Exception", "BaseException"})


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_names_say_what_is_inside():
    """No module is called utils, helpers, common or manager."""
    vague = re.compile(r"(^|_)(utils?|helpers?|common|managers?)$")
    assert [short(path) for path in MODULES if vague.search(path.stem)] == []
    assert [short(path) for path in PACKAGE.rglob("*") if vague.search(path.name)] == []


def test_no_file_names_the_machine_it_was_written_on():
    """No tracked file holds a developer's paths or names a package registry to install from."""
    home = ROOT if ROOT.parent == Path("/") else ROOT.parent
    places = (re.escape(f"{home}/"), r"/root/\w", r"/home/\w", r"/opt/(pypi|wheels)")
    registries = (
        r"\b(pypi|pythonhosted|npmjs|deb\.debian)\.\w",
        r"index-url",
        r"registry\s*=\s*http",
    )
    pattern = re.compile("|".join((*places, *registries)).encode())
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode()}"
        for path in tracked()
        if path.is_file() and path != Path(__file__) and (hit := pattern.search(path.read_bytes()))
    ]
    assert not found


BYSTANDER = """
import json, sys, pytest
status = pytest.main(["-q", "-p", "no:cacheprovider"])
print("\\n" + json.dumps([int(status), sorted(sys.modules)]))
"""
HEAVY = {"mellea", "docker", "datasets", "sqlite_utils", "yaml", "numpy", "pandas", "openai"}
LIGHT = {
    "pytest_mcode",
    "pytest_mcode.core",
    "pytest_mcode.core.errors",
    "pytest_mcode.plugin",
    "pytest_mcode.plugin.hookspecs",
    "pytest_mcode.plugin.option_table",
    "pytest_mcode.plugin.options",
}
"""All that an ordinary run of pytest loads of ours."""


def test_a_bystander_pays_for_the_options_alone(tmp_path):
    """In an unrelated project nothing heavy is imported, no session of ours, no folder made."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-c", BYSTANDER],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == pytest.ExitCode.NO_TESTS_COLLECTED
    assert HEAVY & set(modules) == set()
    assert {name for name in modules if name.startswith("pytest_mcode")} == LIGHT
    assert list(tmp_path.iterdir()) == []


def test_the_import_cost_of_the_plugin_is_printed(tmp_path):
    """`-X importtime` gives the plug-in's own milliseconds; a figure for people, no threshold."""
    code = "import pytest, pytest_mcode.plugin"
    costs = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", code],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        hit = re.search(r"(\d+) \| pytest_mcode\.plugin$", done.stderr, re.M)
        assert hit
        costs.append(int(hit.group(1)) / 1000)
    print(f"import pytest_mcode.plugin: {min(costs):.1f} ms (best of {len(costs)})")
