"""The short names in ids and reports, and the names behind them as the user gave them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.session.settings import bench_label, label


class Names:
    """Labels of one run. Two things under one label would be measured and reported as one."""

    def __init__(self) -> None:
        self._models: dict[str, str] = {}
        self._benches: dict[str, str] = {}

    def add(self, bench: str, models: Iterable[str]) -> None:
        """Note what is going to be measured. Raises `ConfigError` for a label that is taken."""
        _claim("--mcode-bench", self._benches, bench_label(bench), bench)
        for model in models:
            _claim("--mcode-model", self._models, label(model), model)

    def model(self, short: str) -> str:
        """The model as the user named it."""
        return self._models.get(short, short)

    def bench(self, short: str) -> str:
        """The benchmark as the user named it."""
        return self._benches.get(short, short)

    def to_json(self) -> dict[str, dict[str, str]]:
        """For the process that writes the plan of items it has not collected itself."""
        return {"models": self._models, "benches": self._benches}

    def adopt(self, found: Mapping[str, Mapping[str, str]]) -> None:
        """Take over what `to_json` gave in another process."""
        self._models.update(found["models"])
        self._benches.update(found["benches"])


def _claim(option: str, taken: dict[str, str], short: str, name: str) -> None:
    other = taken.setdefault(short, name)
    if other != name:
        raise ConfigError(f"{option}: {other!r} and {name!r} share the id {short}")
