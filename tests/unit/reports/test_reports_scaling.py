"""`--mcode-compare=samples`: rates across sample counts, and refusals by name."""

from dataclasses import replace

import pytest

from pytest_mcode.reports.scaling import compare_samples, scaling_lines

PARTS = {"limits": {"wall_s": 10.0}, "sampling": {"temperature": 0.8}, "variant": {"samples": 1}}


def first(chains, n):
    """The first n samples of every task."""
    return {task: samples[:n] for task, samples in chains.items()}


@pytest.fixture
def grid(run, codegen, variants):
    """Runs of codegen16b with 1, 10 and 100 samples."""
    for n in (10, 1, 100):
        parts = {**PARTS, "variant": {"samples": n}}
        run(f"n{n}", replace(variants["codegen"], samples=n), first(codegen, n), parts=parts)


def test_real_samples_rise_with_n(grid, store):
    """solved@1, @10, @100 of real samples, in order of n, with the gain in points."""
    (found,) = compare_samples(store)
    assert [p.row.variant.samples for p in found.points] == [1, 10, 100]
    assert [round(100 * p.solved.value, 2) for p in found.points] == [18.29, 46.95, 73.78]
    text = scaling_lines([found])
    assert text[1] == "  solved@n: any of n draws passed"
    assert text[3].split() == ["1", "18.29", "[", "13.12,", "24.91]"]
    assert text[5].split() == ["100", "73.78", "[", "66.56,", "79.91]", "+26.83"]
    assert max(map(len, text)) <= 80


def test_other_settings_are_refused_by_name(grid, run, store, codegen, variants):
    """A sample count measured at another temperature or on other tasks is named, not compared."""
    some = first(dict(list(codegen.items())[:50]), 5)
    hot = {**PARTS, "sampling": {"temperature": 1.2}, "variant": {"samples": 5}}
    run("hot", replace(variants["codegen"], samples=5), some, parts=hot, at=5)
    (found,) = compare_samples(store)
    assert [p.row.variant.samples for p in found.points] == [1, 10, 100]
    text = " ".join(" ".join(scaling_lines([found])).split())
    refusal = "n = 5 (run hot) cannot be compared: it differs in sampling.temperature, tasks"
    assert refusal in text


def test_an_incomplete_point_is_marked_and_has_no_gain(grid, run, store, codegen, variants):
    """A point that is still being measured has its mark and takes part in no difference."""
    parts = {**PARTS, "variant": {"samples": 20}}
    run(
        "n20", replace(variants["codegen"], samples=20), first(codegen, 20), parts=parts, recorded=9
    )
    (found,) = compare_samples(store)
    assert [p.gain is None for p in found.points] == [True, False, True, True]
    assert any(line.endswith("INCOMPLETE 9/164 done") for line in scaling_lines([found]))


def test_repairs_are_named_in_the_heading(run, store, ldb, variants):
    """With repairs the rate is "solved by iteration", with its source of feedback."""
    run("r", variants["ldb"], ldb)
    text = scaling_lines(compare_samples(store))
    assert text[1] == "  solved by iteration 10 (feedback: public tests), any of n samples"
    assert scaling_lines([]) == ["no results match"]
