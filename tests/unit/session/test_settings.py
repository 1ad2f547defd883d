"""The grid and the names in it."""

from __future__ import annotations

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Limits
from pytest_mcode.session.settings import OWN, Settings, bench_label, check_labels, label

KNOWN = {"ollama", "openai", "gold", "replay"}.__contains__


def test_the_grid_is_the_full_product_model_by_model():
    """2 models x 2 sample counts x 2 depths are 8 variants, ordered by model first."""
    settings = Settings(models=("a", "b"), samples=(1, 5), debug_iters=(0, 3))
    labels = [variant.label for variant in settings.variants("humaneval")]
    assert labels == [f"{m}-n{n}-d{d}" for m in "ab" for n in (1, 5) for d in (0, 3)]


@pytest.mark.parametrize(
    ("model", "backend", "name"),
    [
        ("qwen2.5-coder:7b", "ollama", "qwen2.5-coder:7b"),
        ("openai:gpt-x", "openai", "gpt-x"),
        ("ollama:qwen2.5-coder:7b", "ollama", "qwen2.5-coder:7b"),
        ("gold", "gold", ""),
        ("replay:runs/a.jsonl.gz", "replay", "runs/a.jsonl.gz"),
        ("org/model", "ollama", "org/model"),
    ],
)
def test_a_model_is_resolved_to_backend_and_name(model, backend, name):
    """`backend:model` mixes backends; a colon that names none belongs to the model."""
    spec = Settings().model_spec(model, KNOWN)
    assert (spec.backend, spec.model) == (backend, name)


def test_labels_are_legal_in_node_ids():
    """No `::`, no brackets, no spaces; files are shortened to their stem."""
    assert label("replay:/some/where/a.jsonl.gz") == "replay:a"
    assert label("a::b[c] d") == "a-b-c--d"
    assert bench_label("/some/where/own.jsonl.gz") == "own"
    assert bench_label("mbpp:all") == "mbpp:all"


def test_two_files_with_one_label_are_refused():
    """Their rows would be mixed."""
    with pytest.raises(ConfigError, match="share the id replay:x"):
        check_labels(("replay:a/x.jsonl", "replay:b/x.jsonl"))


def test_further_dimensions_are_in_the_ids_and_in_the_cells_settings():
    """Strategy and feedback have their own fields, all else stands in the cell's options."""
    vary = (("temperature", (0.2, 1.0)), ("strategy", ("best_of_n",)), ("timeout", (5.0,)))
    settings = Settings(models=("m",), vary=vary, limits=Limits(wall_s=10.0))
    cold, hot = settings.variants("tiny")
    assert cold.label == "m-n1-d0-best_of_n-temperature=0.2,timeout=5"
    assert hot.label == "m-n1-d0-best_of_n-temperature=1,timeout=5"
    own = settings.of(hot)
    assert (own.sampling.temperature, own.limits.wall_s, own.strategy) == (1.0, 5.0, "best_of_n")
    assert own.sampling.top_p == settings.sampling.top_p
    assert settings.of(next(Settings(models=("m",)).variants("tiny"))).limits == settings.limits


@pytest.mark.parametrize("name", OWN)
def test_every_option_of_a_cell_comes_back_from_its_text(name):
    """What is written into the options is read as the same value and type."""
    part, field = OWN[name]
    value = {"prompt_style": "completion", "thinking": "low"}.get(name, 7)
    value = type(getattr(getattr(Settings(), part), field))(value)
    settings = Settings(models=("m",), vary=((name, (value,)),))
    (variant,) = settings.variants("tiny")
    found = getattr(getattr(settings.of(variant), part), field)
    assert (found, type(found)) == (value, type(value))
