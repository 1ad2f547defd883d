"""A list option may be given several times."""

from __future__ import annotations


def test_values_of_a_repeated_list_option_are_one_list(run, pytester):
    """Nothing that was typed is silently dropped."""
    twice = ("--mcode-model=gold", "--mcode-model", "garbage", "--mcode-samples=1")
    result = run(
        "--mcode-bench=tiny", *twice, "--mcode-samples=2,3", "--mcode-limit=2", "--co", "-q"
    )
    assert result.ret == 0, result.stderr.str()
    items = [line for line in result.outlines if "::" in line]
    assert len(items) == 2 * 2 * 3  # tasks, models, samples


def test_the_command_line_stands_above_addopts(run, pytester):
    """As for options that take one value: `addopts` alone holds, and what is typed wins over it."""
    pytester.makeini("[pytest]\naddopts = --mcode-bench=tiny --mcode-model=a --mcode-model=gold")
    both = run("--mcode-limit=1", "--co", "-q")
    assert [line for line in both.outlines if "-a-n1" in line or "-gold-n1" in line]
    typed = run("--mcode-limit=1", "--mcode-model=garbage", "--co", "-q")
    assert [line for line in typed.outlines if "::" in line] == [
        "mcode/tiny::test_tiny[tiny/even_square_sum-garbage-n1-d0]"
    ]
