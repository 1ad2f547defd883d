"""README and docs say what is true: their examples are run, their options and links exist.

Each section (`##`) of a page is one project in a folder of its own. A code block after
`<!-- file: NAME -->` is written there. In a `console` block each `$ ` line is run and must end
with status 0, and the lines shown below it must appear in its output in that order; numbers may
differ (but not in answers of SQLite), `...` leaves lines out. Blocks of other kinds are not run.

`python tests/test_docs.py` writes README's table of options anew.
"""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_mcode.plugin.option_table import OPTIONS, Option

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
TABLE = re.compile(r"(?<=<!-- options -->\n).*?(?=<!-- end of options -->)", re.S)
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.S | re.M)
CONSOLE = re.compile(r"```console\n(.*?)^```$", re.S | re.M)
Run = Callable[..., pytest.RunResult]


@dataclass
class Command:
    """A line behind `$ ` and what the page shows below it."""

    line: str
    shown: list[str] = field(default_factory=list)


@dataclass
class Example:
    """The files and commands of one section."""

    name: str
    files: list[tuple[str, str]]
    commands: list[Command]


def examples() -> Iterator[Example]:
    """Every section that has a command; each subsequent file of one name replaces the former."""
    for page in PAGES:
        for section in re.split(r"^(?=## )", page.read_text(), flags=re.M):
            commands: list[Command] = []
            for line in "".join(CONSOLE.findall(section)).splitlines():
                if line.startswith("$ "):
                    commands.append(Command(line.removeprefix("$ ")))
                else:
                    commands[-1].shown.append(line)
            if commands:
                title = section.splitlines()[0].removeprefix("## ").replace(" ", "-")
                yield Example(f"{page.stem}-{title}", FILE.findall(section), commands)


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Run a command line of a page; gives the lines of its output."""
    for name in list(os.environ):
        if name.startswith(("MCODE_", "PYTEST_")):
            monkeypatch.delenv(name)

    def call(line: str) -> list[str]:
        words = shlex.split(line.removeprefix("sh setup.sh && .venv/bin/"))
        if words[0] == "sqlite3":
            return _query(pytester.path / words[1], words[2])
        assert words[0] == "pytest", f"{line!r}: only pytest and sqlite3 are run"
        done = pytester.runpytest_subprocess(*words[1:], timeout=240)
        assert done.ret == 0, f"{line}\n{done.stdout.str()}\n{done.stderr.str()}"
        return done.outlines

    return call


def _query(path: Path, sql: str) -> list[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return ["|".join(map(str, row)) for row in connection.execute(sql)]
    finally:
        connection.close()


@pytest.mark.docker
@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_what_a_page_shows_is_what_happens(example, run, pytester):
    """The commands of a section end with 0 and print what the page says, but for the numbers."""
    for name, content in example.files:
        (pytester.path / name).write_text(content)
    for command in example.commands:
        if command.line.startswith("sqlite3"):
            assert run(command.line) == command.shown
            continue
        output = iter([_essence(line) for line in run(command.line)])
        for line in command.shown:
            if line.strip() and line != "...":
                assert _essence(line) in output, f"{command.line}\ndoes not show\n{line}"


def _essence(line: str) -> str:
    """A line without what differs from run to run: ids, paths, numbers, counts of verdicts."""
    line = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}|\b[0-9a-f]{12,16}\b", "#", line)
    line = re.sub(r"(?<= from )\S+ ", "", line).strip(" =")
    line = re.sub(r"(draws|repairs|tokens): .*", r"\1", line)
    return re.sub(r"#+", "#", re.sub(r"\d[\d,.]*", "#", re.sub(r"\s+", "", line)))


def options_table() -> str:
    """README's table of options, from the table that makes them."""
    lines = ["| option | default | what it does |", "|---|---|---|"]
    lines += [f"| {_name(o)} | {_default(o)} | {o.help.replace('|', ' ')} |" for o in OPTIONS]
    return "\n".join(lines) + "\n"


def _name(option: Option) -> str:
    value = "" if option.flag else f"={option.metavar or 'CHOICE'}"
    return f"`--mcode-{option.name}{value}`"


def _default(option: Option) -> str:
    return f"`{option.default}`" if option.default else ""


def test_the_table_of_options_is_complete():
    """README lists every option; `python tests/test_docs.py` writes the table anew."""
    (written,) = TABLE.findall(README.read_text())
    assert written == options_table()


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_every_option_named_exists(page):
    """A page names no option that pytest would refuse."""
    named = set(re.findall(r"--mcode-([a-z-]*[a-z])", page.read_text()))
    assert named <= {option.name for option in OPTIONS}


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_every_file_named_exists(page):
    """Links between pages lead somewhere, and so does every file of the project that is named."""
    text = page.read_text()
    links = [name for name in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in name]
    missing = [name for name in links if not (page.parent / name).exists()]
    named = re.findall(r"`((?:pytest_mcode|tests|docs)/[\w/.]+\w)`", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_readme_is_one_page():
    """What a newcomer reads fits on a page: at most 175 lines before the options."""
    assert README.read_text().partition("## All options")[0].count("\n") <= 175


if __name__ == "__main__":
    README.write_text(TABLE.sub(lambda _: options_table(), README.read_text()))
