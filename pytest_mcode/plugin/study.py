"""A study named on the command line: its YAML file becomes options and further dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin import options

if TYPE_CHECKING:
    from pytest_mcode.ablation.study import Study
    from pytest_mcode.plugin.state import State
    from pytest_mcode.session.settings import Settings

AXES = ("bench", "model", "samples", "debug_iters")
"""Dimensions that the grid of the command line has too."""
SUBJECTS = ("bench", "model")
"""What is measured: the command line may name another for any study."""


def take(state: State) -> None:
    """Become the study that an argument names. Raises `ConfigError` for a mistake in its file."""
    from pytest_mcode.ablation.document import NoStudy

    named = [arg for arg in map(str, state.config.args) if options.is_yaml(arg)]
    for path in dict.fromkeys(_path(state.config, arg) for arg in named):
        try:
            study = _read(state.config, path)
        except NoStudy as error:
            state.no_studies.append(str(error))
            continue
        if state.study is not None:
            raise ConfigError(
                f"{_shown(state.config, path)}: one study a run: "
                f"start another pytest for it, after that of {state.study.name}"
            )
        state.study, state.study_path = study, path
    if state.study is not None:
        _check(state, state.study, alone=len(named) == len(state.config.args))


def _path(config: pytest.Config, arg: str) -> Path:
    return (config.invocation_params.dir / arg.partition("::")[0]).resolve()


def _shown(config: pytest.Config, path: Path) -> str:
    start = config.invocation_params.dir
    return str(path.relative_to(start) if path.is_relative_to(start) else path)


def _read(config: pytest.Config, path: Path) -> Study:
    from pytest_mcode.ablation import study
    from pytest_mcode.ablation.document import NoStudy

    shown = _shown(config, path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoStudy(f"{shown} cannot be read: {getattr(error, 'strerror', error)}") from error
    return study.read(text, shown, legal)


def legal(option: str, text: str) -> Any:
    """The value of an option. Raises `ValueError` with the legal form of one value."""
    try:
        return options.BY_NAME[option].kind(text)
    except ValueError as error:
        one = str(error).replace("a comma list of whole numbers", "a whole number")
        raise ValueError(one) from None


def _check(state: State, study: Study, *, alone: bool) -> None:
    """What on the command line cannot go with a study. Raises `ConfigError`."""
    get = options.Resolved(state.config)
    if not alone or state.node_ids:
        raise ConfigError(f"study {study.name} runs alone: name no other files or items with it")
    for name, _ in study.vary:
        option = name.replace("_", "-")
        if option in get.preset:
            raise ConfigError(
                f"--mcode-preset={get.source('preset')[0]} sets {option}, which study {study.name} "
                "varies: leave the preset out"
            )
        if name not in SUBJECTS and get.on_command_line(option):
            raise ConfigError(
                f"--mcode-{option}: study {study.name} varies it: leave the option out, "
                "or write the values into a copy of the file"
            )


def overlay(study: Study) -> dict[str, str]:
    """Option -> text, for all that a study fixes and for the axes that it varies.

    Of limits that are varied the run has the least: under it the benchmarks must prove themselves.
    """
    found = {name: _joined(study.values(name)) for name, _ in study.fixed}
    for name, values in study.vary:
        if name in AXES:
            found[name] = _joined(values)
        elif name in ("timeout", "memory"):
            found[name] = str(min(values))
    return {name.replace("_", "-"): text for name, text in found.items()}


def _joined(values: tuple[Any, ...]) -> str:
    return ",".join(map(str, values))


def changed(settings: Settings, study: Study) -> dict[str, Any]:
    """The fields of the settings that no option has."""
    from dataclasses import replace

    spec = settings.sandbox_spec
    most: tuple[int, ...] = dict(study.vary).get("memory", ())
    spec = replace(spec, memory_mb=max(spec.memory_mb, *most, 0))
    return {
        "study": study.name,
        "question": study.question,
        "vary": tuple((name, values) for name, values in study.vary if name not in AXES),
        "sandbox_spec": spec,
    }


def check_output(state: State) -> None:
    """Refuse `--mcode-output` where no study is run, before anything is measured."""
    if options.Resolved(state.config).on_command_line("output") and state.study is None:
        raise ConfigError(
            "--mcode-output is for studies: run `pytest FILE.yaml`, or take --mcode-csv=DIR "
            "and --mcode-md=FILE"
        )
