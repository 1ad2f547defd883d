"""Files beside the summary, and what other tools' reports are given: of real runs."""

import json
import xml.etree.ElementTree as ET

import pytest

pytestmark = pytest.mark.docker

OUTPUTS = ("--mcode-md=page.md", "--mcode-csv=tables")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_a_run_and_its_report_write_the_same_files(run, pytester, wrong_answers, workers):
    """Markdown and CSV at the end of a run hold what `--mcode-report` writes later."""
    bench = ("--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", "--mcode-limit=2")
    done = run(*bench, "--mcode-samples=2", *OUTPUTS, *workers)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["Markdown written to *page.md", "CSV written to *tables (1 run, *"])
    page = (pytester.path / "page.md").read_text()
    assert "75.00 [" in page
    tables = {p.name: p.read_bytes() for p in (pytester.path / "tables").iterdir()}
    assert sorted(tables) == ["attempts.csv", "rates.csv", "runs.csv", "tasks.csv"]
    assert run("--mcode-report", "--mcode-md=again.md", "--mcode-csv=again").ret == 0
    assert (pytester.path / "again.md").read_text() == page
    assert {p.name: p.read_bytes() for p in (pytester.path / "again").iterdir()} == tables


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "n2"])
def test_junit_and_json_carry_the_rates_of_the_run(run, pytester, wrong_answers, workers):
    """The suite has pass@1 with its interval as properties, beside those of each item."""
    pytest.importorskip("pytest_jsonreport")
    done = run(
        "--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", "--mcode-limit=2",
        "--mcode-samples=2", "--junitxml=junit.xml", "--json-report",
        "--json-report-file=report.json", *workers,
    )  # fmt: skip
    assert done.ret == 0
    suite = ET.parse(pytester.path / "junit.xml").getroot().find("testsuite")
    properties = {p.get("name"): p.get("value") for p in suite.find("properties")}
    (variant,) = {name.rpartition("/")[0] for name in properties if name.endswith("/planned")}
    assert variant.startswith("mcode/tiny/")
    rate = [float(properties[f"{variant}/pass@1{end}"]) for end in ("/low", "", "/high")]
    assert rate == sorted(rate)
    assert rate[1] == 0.75
    assert properties[f"{variant}/done"] == properties[f"{variant}/planned"] == "2"
    assert properties[f"{variant}/complete"] == "True"
    report = json.loads((pytester.path / "report.json").read_text())
    assert {name: str(value) for name, value in report["mcode"].items()} == properties
    assert [len(case.find("properties")) > 10 for case in suite.findall("testcase")] == [True] * 2


def test_reports_of_an_ordinary_run_are_left_alone(run, pytester):
    """Without a benchmark JUnit and JSON have nothing of ours."""
    pytest.importorskip("pytest_jsonreport")
    pytester.makepyfile("def test(): pass")
    run("--junitxml=junit.xml", "--json-report", "--json-report-file=report.json")
    suite = ET.parse(pytester.path / "junit.xml").getroot().find("testsuite")
    assert suite.find("properties") is None
    assert "mcode" not in json.loads((pytester.path / "report.json").read_text())


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--mcode-csv=taken", "taken is a file: name a folder"),
        ("--mcode-csv=taken/inside", "taken/inside cannot be made: *taken is a file"),
        ("--mcode-md=.", " is a folder: name a file in it"),
        ("--mcode-datasette=taken/about.json", "taken/about.json cannot be made: *is a file"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_the_run(run, pytester, option, told):
    """One line names option, path and cure, before a model is asked."""
    (pytester.path / "taken").write_text("a file")
    done = run("--mcode-bench=tiny", "--mcode-model=gold", option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: mcode: {option.partition('=')[0]}=*{told}"])
    assert "tiny" not in done.stdout.str()


def test_a_file_that_is_refused_at_the_end_costs_no_rates(run, pytester):
    """What is noticed too late is named below the rates, is not status 0, and can be done again."""
    (pytester.path / "tables" / "runs.csv").mkdir(parents=True)
    done = run("--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1", "--mcode-csv=tables")
    assert done.ret == 1
    unwritten = "NOT WRITTEN: --mcode-csv=*tables cannot be written: *"
    done.stdout.fnmatch_lines(["*pass@1*100.00*", unwritten])
    report = run("--mcode-report", "--mcode-csv=tables")
    assert report.ret == pytest.ExitCode.USAGE_ERROR
    report.stderr.fnmatch_lines(["ERROR: mcode: --mcode-csv=*tables cannot be written: *"])
    export = run("--mcode-report", "--mcode-export=tables/runs.csv/../../.mcode/results.db")
    assert export.ret == pytest.ExitCode.USAGE_ERROR
    export.stderr.fnmatch_lines(["ERROR: mcode: --mcode-export=*.db cannot be written: *"])
