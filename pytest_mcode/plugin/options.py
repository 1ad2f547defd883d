"""The one place where the value of an option is resolved.

Precedence: command line `--mcode-<name>` > preset > study > environment `MCODE_<NAME>` > ini
`mcode_<name>` > default.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin.option_table import OPTIONS, PRESETS

if TYPE_CHECKING:
    from pytest_mcode.core.records import Sampling
    from pytest_mcode.session.profiles import Profile
    from pytest_mcode.session.settings import Settings


COMMANDS = ("report", "self-check", "doctor", "list")
"""Options that ask for something else than a run."""
OF_STORED = ("export", "labels", "run", "study", "compare")
"""Options of a report; without it they are a mistake, also where no benchmark is named."""
NEVER_EMPTY = ("bench", "tasks", "gate", "gate-export", "fail-under", "html", "md", "csv")
"""Without their value less is run, written or decided, as where a script's variable is not set."""
BY_NAME = {option.name: option for option in OPTIONS}


def add(parser: pytest.Parser) -> None:
    """Declare every option and its ini value."""
    group = parser.getgroup("mcode", "coding benchmarks (pytest-mcode)")
    for option in OPTIONS:
        dest = "mcode_" + option.name.replace("-", "_")
        shown = f"{option.help} [{option.default}]" if option.default else option.help
        shown = shown.replace("%", "%%")
        if option.flag:
            group.addoption(
                f"--mcode-{option.name}", dest=dest, action="store_const", const="1", help=shown
            )
        else:
            metavar = option.metavar or "CHOICE"
            action = "append" if option.listed else "store"
            group.addoption(
                f"--mcode-{option.name}", dest=dest, metavar=metavar, help=shown, action=action
            )
        parser.addini(dest, f"as --mcode-{option.name}", type="string", default=None)


def join_lists(config: pytest.Config) -> None:
    """A list option given several times becomes one comma list.

    What the command line says stands above `addopts` and PYTEST_ADDOPTS, which pytest puts before
    it, as it does for options that take one value.
    """
    typed = [str(word).partition("=")[0] for word in config.invocation_params.args]
    for option in OPTIONS:
        dest = "mcode_" + option.name.replace("-", "_")
        given = getattr(config.option, dest)
        if isinstance(given, list):  # in a worker of xdist it is joined already
            ours = given[-typed.count(f"--mcode-{option.name}") :]
            setattr(config.option, dest, ",".join(filter(None, ours)))


def names_command(config: pytest.Config) -> bool:
    """Whether an option asks for a command that runs no test; cheap."""
    return any(Resolved(config).source(name)[0] for name in COMMANDS)


def asks_gate(config: pytest.Config, *, insisting: bool = False) -> bool:
    """Whether a run is to be decided on or kept as a baseline; cheap.

    `insisting`: on the command line, so that a run that measures nothing does not pass.
    """
    get = Resolved(config)
    names = ("gate", "fail-under", "gate-export", "gate-early")
    return any(get.on_command_line(n) if insisting else get.source(n)[0] for n in names)


def names_benchmark(config: pytest.Config) -> bool:
    """Whether anything could start benchmark mode; cheap, `state.benchmark_mode` decides."""
    if any(is_yaml(str(arg)) for arg in config.args):
        return True
    get = Resolved(config)
    named = get.source("bench")[0] or get.on_command_line("bench")
    named = named or any(a.startswith("mcode/") for a in config.args)
    named = named or get.source("resume")[0] or get.on_command_line("phase")
    named = named or asks_gate(config, insisting=True)
    named = named or any(get.on_command_line(name) for name in OF_STORED)
    return bool(named or (get.source("model")[0] and config.getoption("keyword", "")))


def is_yaml(arg: str) -> bool:
    """Whether an argument names a YAML file, or items of one."""
    return arg.partition("::")[0].endswith((".yaml", ".yml"))


class Resolved:
    """Option values of one pytest configuration."""

    def __init__(self, config: pytest.Config, study: Mapping[str, str] | None = None) -> None:
        """`study`: what a study says of options."""
        self._config = config
        self._study = study or {}

    def source(self, name: str) -> tuple[str, str]:
        """The text of an option and where it came from, for error messages."""
        dest = "mcode_" + name.replace("-", "_")
        given = self._config.getoption(dest)
        if given is not None:
            return given, f"--mcode-{name}"
        if name != "preset" and name in self.preset:
            return self.preset[name], f"preset {self.source('preset')[0]}: {name}"
        if name in self._study:
            return self._study[name], f"study: {name}"
        if (env := os.environ.get(dest.upper())) is not None:
            return env, dest.upper()
        if ini := self._config.getini(dest):
            return str(ini), f"ini {dest}"
        return BY_NAME[name].default, f"--mcode-{name}"

    def value(self, name: str) -> Any:
        """The converted value. Raises `ConfigError` naming option, value and legal form."""
        text, where = self.source(name)
        try:
            return BY_NAME[name].kind(text)
        except ValueError as error:
            raise ConfigError(f"{where}={text!r} is not legal: it takes {error}") from None

    @property
    def preset(self) -> Mapping[str, str]:
        """Option -> text, for all that `--mcode-preset` sets."""
        return PRESETS.get(self.source("preset")[0], {})

    def on_command_line(self, name: str) -> bool:
        """Whether the option was given on the command line."""
        return self._config.getoption("mcode_" + name.replace("-", "_")) is not None

    def behind(self, name: str) -> str:
        """What environment or ini say of an option, which an empty text on the command line
        switches off."""
        dest = "mcode_" + name.replace("-", "_")
        return os.environ.get(dest.upper(), "") or str(self._config.getini(dest) or "")

    def path(self, name: str) -> Path | None:
        """A path, relative ones to the root directory (command line: to the working one)."""
        text, where = self.source(name)
        if not text:
            return None
        start = self._config.invocation_params.dir if where.startswith("--") else None
        base = start if self.on_command_line(name) and start else self._config.rootpath
        return (base / Path(text).expanduser()).resolve()


def settings(config: pytest.Config, study: Mapping[str, str] | None = None) -> Settings:
    """Build the one frozen configuration. Raises `ConfigError`."""
    from pytest_mcode.core.records import Limits, SandboxSpec
    from pytest_mcode.plugin import preset
    from pytest_mcode.session.settings import Settings, check_labels

    get = Resolved(config, study)
    _check_environment()
    _check(get)
    preset.check(get)
    check_labels(get.value("model"))
    memory = get.value("memory")
    known = _profiles(config, get)
    return Settings(
        benches=get.value("bench"),
        models=get.value("model"),
        samples=get.value("samples"),
        debug_iters=get.value("debug-iters"),
        strategy=get.value("strategy"),
        stop=get.value("stop"),
        feedback=get.value("feedback"),
        failing_inputs=get.value("failing-inputs"),
        backend=get.value("backend"),
        base_url=get.value("base-url"),
        api_key=get.value("api-key") or os.environ.get("OPENAI_API_KEY", ""),
        sampling=_sampling(get),
        concurrency=get.value("concurrency"),
        request_timeout_s=get.value("request-timeout"),
        retries=get.value("retries"),
        patience_s=get.value("patience"),
        limits=Limits(wall_s=get.value("timeout"), memory_mb=memory),
        verify_times=get.value("verify-times"),
        verdict_cache=get.value("verdict-cache"),
        pool=_pool(get),
        fresh=get.value("fresh"),
        phase=get.value("phase"),
        sandbox=get.value("sandbox"),
        sandbox_spec=SandboxSpec(
            image=get.value("image"),
            slots=get.value("slots"),
            memory_mb=memory,
            runtime=get.value("docker-runtime"),
        ),
        data=_data(get),
        db=_database(config, get),
        limit=get.value("limit"),
        tasks=get.value("tasks"),
        progress=get.value("progress"),
        prices=_prices(get, known),
        profiles=known,
        health_timeout_s=get.value("health-timeout"),
    )


def _profiles(config: pytest.Config, get: Resolved) -> dict[str, Profile]:
    """Known models. What the command line, a preset or a study says holds for all of them."""
    from pytest_mcode.plugin import profiles

    def fixed(name: str) -> bool:
        return get.on_command_line(name) or get.source(name)[1].startswith(("preset", "study"))

    return profiles.read(config.rootpath, get.path("models"), fixed)


def _prices(get: Resolved, known: Mapping[str, Profile]) -> tuple[tuple[str, float, float], ...]:
    """Those of the option, then those of profiles that it says nothing of."""
    given: tuple[tuple[str, float, float], ...] = get.value("price")
    named = {name for name, *_ in given}
    own = ((p.name, *p.price) for p in known.values() if p.price and not named & {"", p.name})
    return (*given, *own)


def _pool(get: Resolved) -> str:
    """A gate asks the model anew: with the baseline's own draws it would see no change of it."""
    given: str = get.value("pool")
    named = get.on_command_line("pool") or get.source("pool")[0] != BY_NAME["pool"].default
    return "run" if get.source("gate")[0] and not named else given


def _data(get: Resolved) -> Path | None:
    path = get.path("data")
    if path is not None and not path.exists():
        text, where = get.source("data")
        raise ConfigError(
            f"{where}={text!r} does not exist: give a folder that holds the data sets"
        )
    return path


def _database(config: pytest.Config, get: Resolved) -> Path:
    """Under the root directory; of a study that lies in another project, where the user stands."""
    start, default = config.invocation_params.dir, BY_NAME["db"].default
    paths = [start / str(arg).partition("::")[0] for arg in config.args if is_yaml(str(arg))]
    away = any(not path.resolve().is_relative_to(start.resolve()) for path in paths)
    ini = config.inipath
    stands_in_it = ini is not None and start.is_relative_to(ini.parent)
    alone = get.source("db") == (default, "--mcode-db") and not config.getoption("rootdir")
    if away and alone and not stands_in_it:
        return start / default
    return get.path("db") or config.rootpath / default


def _check_environment() -> None:
    """Refuse a misspelled variable, which would be ignored; what resembles none is of others."""
    known = [f"MCODE_{option.name.replace('-', '_').upper()}" for option in OPTIONS]
    for name in os.environ:
        if name.startswith("MCODE_") and name not in (*known, "MCODE_PORT"):
            for near in difflib.get_close_matches(name, known, 1, 0.88):
                raise ConfigError(f"{name} in the environment: did you mean {near}?")


def _check(get: Resolved) -> None:
    """A wrong value is told now, not where it is needed, and what is of a gate needs one."""
    for option in OPTIONS:
        get.value(option.name)
    for name in NEVER_EMPTY:
        if get.on_command_line(name) and get.value(name) in ("", (), None) and not get.behind(name):
            raise ConfigError(f"--mcode-{name} is empty: give it a value, or leave it out")
    for name in ("max-drop", "alpha"):
        if get.on_command_line(name) and not get.source("gate")[0]:
            raise ConfigError(f"--mcode-{name} is of a gate: give --mcode-gate=BASELINE too")


def _sampling(get: Resolved) -> Sampling:
    from pytest_mcode.core.records import Sampling

    return Sampling(
        temperature=get.value("temperature"),
        top_p=get.value("top-p"),
        max_tokens=get.value("max-tokens"),
        seed=get.value("seed"),
        stop=get.value("stop-sequences"),
        context_window=get.value("context-window"),
        thinking=get.value("thinking"),
        prompt_style=get.value("prompt-style"),
        wording=get.value("preset"),
        extra=get.value("extra"),
    )
