"""`--mcode-html`: a page of real runs, at their end or later."""

import pytest

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["alone", "n0", "n2"])
def test_a_run_and_its_report_write_the_same_page(run, pytester, wrong_answers, workers):
    """The page at the end of a run is, byte for byte, what `--mcode-report` writes later."""
    bench = ("--mcode-bench=tiny", f"--mcode-model=replay:{wrong_answers}", "--mcode-limit=2")
    done = run(*bench, "--mcode-samples=2", "--mcode-html=out/page.html", *workers)
    assert done.ret == 0
    done.stdout.fnmatch_lines(["report */out/page.html (* MB; 2 tasks, texts of all 4 attempts)"])
    page = (pytester.path / "out" / "page.html").read_bytes()
    assert b"75.0 %" in page
    assert b"solved@2" in page
    assert run("--mcode-report", "--mcode-html=again.html").ret == 0
    assert (pytester.path / "again.html").read_bytes() == page


def test_a_key_is_not_on_the_page(run, pytester):
    """Neither the command line nor the settings on the page hold what was given as a key."""
    done = run(
        "--mcode-bench=tiny", "--mcode-model=gold", "--mcode-limit=1",
        "--mcode-api-key=sk-very-secret-8e1f", "--mcode-html=page.html",
    )  # fmt: skip
    assert done.ret == 0
    page = (pytester.path / "page.html").read_text("utf-8")
    assert "--mcode-html=page.html" in page
    assert "sk-very-secret-8e1f" not in page


def test_models_of_a_run_are_compared(run, pytester):
    """Two models on the same tasks: the page says which of them solved what."""
    run("--mcode-bench=tiny", "--mcode-model=garbage,gold", "--mcode-html=page.html", "-q")
    page = (pytester.path / "page.html").read_text("utf-8")
    assert "tiny: gold against garbage" in page
    assert "Solved by gold alone: 10" in page
