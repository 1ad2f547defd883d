"""A study's YAML: what it may say, and one line for each way to say it wrongly."""

from __future__ import annotations

import pytest

from pytest_mcode.ablation.document import NoStudy
from pytest_mcode.ablation.study import Study, question, read
from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin.study import legal

PREDECESSOR = """\
name: sample_scaling
benchmark: humaneval
model_id: qwen2.5-coder-7b

vary:
  samples: [1, 2, 5, 10, 20, 50]

fixed:
  retrieval: false
  max_debug_iterations: 3
  timeout: 60
"""
FULL = """\
# Does heat help the larger model more?
name: heat
benchmark: [humaneval, mbpp]
vary:
  model_id: [a, b]
  temperature: [0.2, 1]
  strategy: [self_debug, best_of_n]
  thinking: [true, low]
fixed: {samples: 5, tasks: [HumanEval/0, "3"], limit: 10}
"""


def study(text: str) -> Study:
    return read(text, "s.yaml", legal)


def test_the_predecessors_example_is_read_as_it_stands():
    """Its names are understood, and retrieval that is off is nothing to vary."""
    found = study(PREDECESSOR)
    assert found.name == "sample_scaling"
    assert found.question == ""
    assert found.vary == (("samples", (1, 2, 5, 10, 20, 50)),)
    assert dict(found.fixed) == {
        "bench": ("humaneval",),
        "model": ("qwen2.5-coder-7b",),
        "debug_iters": 3,
        "timeout": 60.0,
    }


def test_cells_are_the_full_product():
    """2 models x 2 temperatures x 2 strategies x 2 ways of thinking, the last fastest."""
    found = study(FULL)
    cells = list(found.cells())
    assert len(cells) == 16
    assert found.size == 8
    first = {"model": "a", "temperature": 0.2, "strategy": "self_debug", "thinking": "true"}
    assert cells[0] == first
    assert cells[1] == {**first, "thinking": "low"}
    assert len({tuple(cell.items()) for cell in cells}) == 16
    assert found.values("tasks") == ("HumanEval/0", "3")
    assert found.values("bench") == ("humaneval", "mbpp")
    assert found.values("samples") == (5,)
    assert found.values("seed") == ()


def test_the_first_line_is_the_question():
    """A comment there, and nowhere else."""
    assert study(FULL).question == "Does heat help the larger model more?"
    assert question("\ufeff#  Why?  \nname: x") == "Why?"
    assert question("name: x # no\n# no") == ""


WRONG = {
    "parameter": (("samples:", "sampels:"), "s.yaml:6: unknown parameter 'sampels': did you mean 'samples'? known are samples, debug_iters, model"),
    "key": (("fixed:", "fixd:"), "s.yaml:8: unknown key 'fixd': did you mean 'fixed'? known are name, benchmark, model_id, vary, fixed"),
    "type": (("10, 20", "'10', 20"), "s.yaml:6: samples: '10' is not legal: it takes a whole number"),
    "truth": (("10, 20", "yes, 20"), "s.yaml:6: samples: True is not legal: it takes a whole number"),
    "fraction": (("10, 20", "1.5, 20"), "s.yaml:6: samples: 1.5 is not legal: it takes a whole number"),
    "range": (("[1, 2,", "[0, 2,"), "s.yaml:6: samples: 0 is not legal: it takes a whole number from 1 to 100,000"),
    "choice": (("  timeout: 60", "  feedback: loud"), "s.yaml:11: feedback: 'loud' is not legal: it takes one of 'hidden', 'public', 'none'"),
    "not a number": (("60", ".nan"), "s.yaml:11: timeout: nan is not legal: it takes a number from 0.1 to 3600"),
    "date": (("60", "2026-01-01"), "s.yaml:11: timeout: datetime.date(2026, 1, 1) is not legal: it takes a number"),
    "twice": (("10, 20", "10, 10"), "s.yaml:6: samples has 10 twice"),
    "empty": (("[1, 2, 5, 10, 20, 50]", "[]"), "s.yaml:6: samples has no values: there would be no cells"),
    "no list": (("[1, 2, 5, 10, 20, 50]", "5"), "s.yaml:6: samples takes a list of values"),
    "a mapping": (("[1, 2, 5, 10, 20, 50]", "{a: 1}"), "s.yaml:6: samples takes a list of values"),
    "list under fixed": (("timeout: 60", "timeout: [1, 2]"), "s.yaml:11: timeout takes one value; lists go under `vary`"),
    "duplicate key": (("  timeout: 60", "  retrieval: false"), "s.yaml:11: 'retrieval' stands there twice"),
    "alias": (("timeout: 60", "debug_iters: 3"), "s.yaml:11: 'debug_iters' is given a second time, as debug_iters"),
    "both": (("timeout: 60", "samples: 3"), "s.yaml:5: samples is both varied and given beside `vary`"),
    "retrieval": (("false", "true"), "s.yaml:9: retrieval is not built yet: say false or nothing"),
    "fixed only": (("  samples: [1, 2, 5, 10, 20, 50]", "  limit: [1, 2]"), "s.yaml:6: limit cannot be varied: write it under `fixed`"),
    "name": (("sample_scaling", "sample scaling"), "s.yaml:1: a study needs a `name` of letters, digits, _ . and -"),
    "no name": (("name: sample_scaling\n", ""), "s.yaml: a study needs a `name`"),
    "vary is empty": (("  samples: [1, 2, 5, 10, 20, 50]\n", "  {}\n"), "s.yaml:5: `vary` is empty: name a parameter and its values"),
    "vary is a list": (("  samples: [1, 2, 5, 10, 20, 50]", "  [samples]"), "s.yaml:5: `vary` is a mapping of parameters"),
    "two names in one": (("humaneval", "humaneval,mbpp"), "s.yaml:2: benchmark: 'humaneval,mbpp' is not legal: it takes one name at each place of the list"),
    "nothing": (("qwen2.5-coder-7b", ""), "s.yaml:3: model_id: None is not legal: it takes a text"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_line_with_file_and_line(name):
    """What is wrong, where, and what would be right."""
    (old, new), line = WRONG[name]
    assert old in PREDECESSOR
    with pytest.raises(ConfigError) as caught:
        study(PREDECESSOR.replace(old, new, 1))
    assert not isinstance(caught.value, NoStudy)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\n", "s.yaml:2: malformed YAML: expected ',' or ']'"),
        ("- 1\n", "s.yaml holds no mapping of YAML"),
        ("", "s.yaml holds no mapping of YAML"),
        ("a: 1\n---\nb: 2\n", "s.yaml:2: malformed YAML"),
        ("benchmark: tiny\n", "s.yaml is no study: a study is a mapping with `benchmark` and"),
        ("test_name: x\nstages: [!include other.yaml]\n", "s.yaml is no study"),
    ],
)
def test_somebody_elses_file_is_no_mistake(text, said):
    """It is told apart, because another plug-in may collect it."""
    with pytest.raises(NoStudy) as caught:
        study(text)
    assert str(caught.value).startswith(said)
