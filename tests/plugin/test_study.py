"""`pytest FILE.yaml`: a study is run, gone on with, reported; whatever is wrong is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "ablations"
HEAT = """\
# Does heat help?
name: heat
benchmark: tiny
model_id: gold

vary:
  temperature: [0.2, 0.8]
  samples: [1, 2]

fixed:
  limit: 2
  timeout: 8
"""
IDS = [
    f"heat.yaml::test_tiny[tiny/{task}-gold-n{n}-d0-temperature={t}]"
    for task in ("even_square_sum", "mirror_words")
    for n in (1, 2)
    for t in (0.2, 0.8)
]


@pytest.fixture
def heat(pytester):
    """A study of four cells on two tasks."""
    path = pytester.path / "heat.yaml"
    path.write_text(HEAT)
    return path


def ids(result):
    return [line for line in result.outlines if "::" in line]


def test_every_cell_is_an_item_whose_id_can_be_passed_back(run, heat):
    """Readable, unique, the same each time; one of them selects one item."""
    assert ids(run("heat.yaml", "--collect-only", "-q")) == IDS
    assert ids(run(IDS[3], "--collect-only", "-q")) == [IDS[3]]
    few = run("heat.yaml", "--collect-only", "-q", "-k", "n2 and mirror")
    assert ids(few) == [name for name in IDS if "n2" in name and "mirror" in name]


@pytest.mark.docker
@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_each_cell_is_measured_with_its_own_settings(run, heat, database, workers):
    """Options, fingerprint and limits of the cells; name, question and dimensions of the run."""
    result = run("heat.yaml", *workers)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["mcode: study heat: Does heat help?", "study heat: Does heat*"])
    rows = database.rows(
        "SELECT samples, options, json_extract(settings, '$.sampling.temperature'), timeout_s,"
        " (SELECT count(*) FROM items i WHERE i.variant_id = v.variant_id AND state = 'done')"
        " FROM variants v ORDER BY samples, options"
    )
    assert rows == [(n, f"temperature={t}", t, 8.0, 2) for n in (1, 2) for t in (0.2, 0.8)]
    ((prints,),) = database.rows("SELECT count(DISTINCT fingerprint) FROM variants")
    assert prints == 4
    ((name, question, vary),) = database.rows(
        "SELECT study, json_extract(settings, '$.study.question'),"
        " json_extract(settings, '$.study.vary') FROM runs"
    )
    assert (name, question, vary) == ("heat", "Does heat help?", '[["temperature",[0.2,0.8]]]')


@pytest.mark.docker
def test_the_real_model_answers_each_temperature_for_itself(run, heat, database):
    """What is drawn at 0.2 is not taken for 0.8; within a temperature the larger cell has the
    draws of the smaller. With a third sample count later, only what is missing is drawn."""
    result = run("heat.yaml", "--mcode-model=tiny", "-n2")
    assert result.ret == 0, result.stdout.str()
    drawn = (
        "SELECT v.options, count(DISTINCT a.draw), count(DISTINCT a.task_id || a.sample)"
        " FROM attempts a JOIN variants v USING (variant_id) GROUP BY 1"
    )
    assert database.rows(drawn) == [("temperature=0.2", 4, 4), ("temperature=0.8", 4, 4)]
    ((shared,),) = database.rows(
        "SELECT count(*) FROM (SELECT draw FROM attempts a JOIN variants v USING (variant_id)"
        " GROUP BY draw HAVING count(DISTINCT v.options) > 1)"
    )
    assert shared == 0
    heat.write_text(HEAT.replace("[1, 2]", "[1, 2, 3]"))
    assert run("heat.yaml", "--mcode-model=tiny").ret == 0
    newest = "WHERE run_id = (SELECT run_id FROM runs ORDER BY rowid DESC LIMIT 1)"
    assert database.rows(f"SELECT sum(calls) FROM items {newest}") == [(4,)]


@pytest.mark.docker
def test_an_interrupted_study_is_gone_on_with(run, heat, database):
    """Under its own id, and only what is missing; with another value it is another study."""
    run("heat.yaml", "-x", "--mcode-model=garbage")
    before = database.rows("SELECT count(*) FROM items WHERE state = 'done'")
    assert before == [(1,)]
    again = run("heat.yaml", "--mcode-model=garbage", "--mcode-resume")
    assert again.ret == 0
    again.stdout.fnmatch_lines(["*going on with run *, 1 item done*"])
    assert database.rows("SELECT count(*), sum(state = 'done') FROM items") == [(8, 8)]
    assert database.rows("SELECT count(*) FROM runs") == [(1,)]
    heat.write_text(HEAT.replace("0.8", "0.9"))
    refused = run("heat.yaml", "--mcode-model=garbage", "--mcode-resume")
    assert refused.ret == 4
    refused.stderr.fnmatch_lines(["*no run in * has these options*another study.vary*"])


@pytest.mark.docker
def test_the_command_line_names_other_subjects_and_overrides_what_is_fixed(run, heat, database):
    """Model, benchmark and limit; the environment and the ini file stand behind the study."""
    heat.write_text(HEAT.replace("benchmark: tiny", "benchmark: none.jsonl"))
    given = ("--mcode-bench=tiny", "--mcode-model=garbage", "--mcode-limit=1", "--mcode-timeout=5")
    assert run("heat.yaml", *given).ret == 0
    found = database.rows("SELECT DISTINCT benchmark, model, timeout_s FROM variants")
    assert found == [("tiny", "garbage", 5.0)]
    assert database.rows("SELECT count(*) FROM items") == [(4,)]


def test_a_study_beats_environment_and_ini_file(run, heat, pytester, monkeypatch):
    """What a file says is said on purpose; the environment is of the machine."""
    pytester.makeini("[pytest]\nmcode_limit = 5\ntestpaths = heat.yaml\n")
    monkeypatch.setenv("MCODE_MODEL", "garbage")
    monkeypatch.setenv("MCODE_BENCH", "humaneval")
    assert ids(run("heat.yaml", "--collect-only", "-q")) == IDS
    assert ids(run("--collect-only", "-q")) == IDS


LIMITS = HEAT.replace("temperature: [0.2, 0.8]", "timeout: [2, 8]").replace("  timeout: 8\n", "")


@pytest.mark.docker
def test_limits_that_are_varied_are_those_of_the_cell(run, heat, database):
    """The benchmark proves itself under the least of them."""
    heat.write_text(LIMITS)
    assert run("heat.yaml").ret == 0
    assert database.rows("SELECT DISTINCT options, timeout_s FROM variants ORDER BY 2") == [
        ("timeout=2", 2.0),
        ("timeout=8", 8.0),
    ]


ERRORS = {
    "varied": (("--mcode-samples=3",), "--mcode-samples: study heat varies it: leave the option out"),
    "with-files": ((".",), "study heat runs alone: name no other files or items with it"),
    "with-items": (("mcode/tiny",), "study heat runs alone"),
    "two": (("other.yaml",), "other.yaml: one study a run"),
    "model": (("--mcode-model=nobody:x", "--mcode-backend=nobody"), "unknown generator 'nobody'"),
    "legal": (("--mcode-limit=many",), "--mcode-limit='many' is not legal"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_go_with_a_study_is_refused_in_one_line(run, heat, pytester, name):
    """Before anything runs, with exit status 4."""
    given, line = ERRORS[name]
    (pytester.path / "other.yaml").write_text(HEAT.replace("name: heat", "name: other"))
    result = run("heat.yaml", *given)
    assert result.ret == 4, result.stdout.str()
    (said,) = [text for text in result.errlines if text.strip()]
    assert line in said


FILES = {
    "key": (HEAT.replace("vary:\n", "vary:\n  sampels: [1]\n"), "heat.yaml:7: unknown parameter 'sampels': did you mean 'samples'?"),
    "value": (HEAT.replace("0.8", "8"), "heat.yaml:7: temperature: 8 is not legal: it takes a number from 0 to 5"),
    "strategy": (HEAT.replace("temperature: [0.2, 0.8]", "strategy: [luck]"), "unknown strategy 'luck'"),
    "no-model": (HEAT.replace("model_id: gold\n", ""), "needs a model: --mcode-model=NAME"),
    "bad-yaml": ("a: [1\n", "heat.yaml:2: malformed YAML: expected"),
    "no-study": ("a: 1\n", "heat.yaml is no study: a study is a mapping with `benchmark` and `vary`"),
    "text": ("\x00", "heat.yaml: malformed YAML: unacceptable character #x0000: special characters are not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_wrong_is_named_with_its_line(run, heat, name):
    """Whether it is a study with a mistake or none at all."""
    text, line = FILES[name]
    heat.write_text(text)
    result = run("heat.yaml")
    assert result.ret == 4, result.stdout.str()
    (said,) = [text for text in result.errlines if text.strip()]
    assert line in said


@pytest.mark.parametrize(
    ("where", "database"), [("here", "/here/.mcode/results.db"), ("there/below", "database .mcode")]
)
def test_results_stand_where_the_user_stands(run, heat, pytester, monkeypatch, where, database):
    """A study of another project does not write into it; within its project it does."""
    for name in ("here", "there"):
        (pytester.mkdir(name) / "pytest.ini").write_text("[pytest]")
    pytester.mkdir("there/below")
    moved = heat.rename(pytester.path / "there" / "heat.yaml")
    monkeypatch.chdir(pytester.path / where)
    result = run(str(moved), "--collect-only", "-k", "none")
    assert database in " ".join(line.strip() for line in result.outlines)


def test_yaml_files_of_others_are_left_alone(run, pytester):
    """A folder with YAML in it, and a plug-in of the project that collects its own."""
    (pytester.path / "data.yaml").write_text("a: 1\n")
    (pytester.path / "study.yaml").write_text(HEAT)
    pytester.makepyfile("def test_ordinary(): pass")
    result = run()
    result.assert_outcomes(passed=1)
    pytester.makeconftest(
        "import pytest\n"
        "class Item(pytest.Item):\n"
        "    def runtest(self): pass\n"
        "class File(pytest.File):\n"
        "    def collect(self): yield Item.from_parent(self, name='of_another')\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    if file_path.name == 'data.yaml':\n"
        "        return File.from_parent(parent, path=file_path)\n"
    )
    run("data.yaml").assert_outcomes(passed=1)


@pytest.mark.docker
def test_a_study_is_reported_and_written(run, heat, pytester):
    """By its name, at the end of the run and later; unknown ones are answered with those there."""
    result = run("heat.yaml", "--mcode-output=made", "--mcode-csv=tables")
    assert result.ret == 0, result.stdout.str()
    made = {path.name for path in (pytester.path / "made").iterdir()}
    assert {"study.md", "study.ipynb", "cells.csv", "answers.csv", "coverage.svg"} <= made
    shown = run("--mcode-report", "--mcode-study=heat", "--mcode-output=again")
    start = "study heat: Does heat help?"
    until = next(i for i, line in enumerate(result.outlines) if line.startswith("run 2"))
    told = result.outlines[result.outlines.index(start) : until]
    assert "\n".join(told) in shown.stdout.str()
    assert {path.name for path in (pytester.path / "again").iterdir()} == made
    wrong = run("--mcode-report", "--mcode-study=haet")
    assert wrong.ret == 4
    wrong.stderr.fnmatch_lines(["*holds no study 'haet': did you mean 'heat'? it holds heat*"])
    early = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-output=x")
    assert early.ret == 4
    early.stderr.fnmatch_lines(["*--mcode-output is for studies: run `pytest FILE.yaml`*"])


@pytest.mark.parametrize("name", sorted(path.name for path in STUDIES.glob("*.yaml")))
def test_every_shipped_study_collects_on_the_demonstration_model(run, pytester, name):
    """Its first line is a question, its name that of the file, and each cell is an item."""
    text = (STUDIES / name).read_text()
    assert re.match(r"# .+\?\n", text)
    assert f"\nname: {Path(name).stem}\n" in text
    (pytester.path / name).write_text(text)
    given = ("--mcode-bench=tiny", "--mcode-model=tiny", "--mcode-limit=1")
    found = ids(run(name, *given, "--collect-only", "-q"))
    assert found
    assert len(set(found)) == len(found)
