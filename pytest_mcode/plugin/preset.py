"""What contradicts `--mcode-preset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.plugin.option_table import OPTIONS

if TYPE_CHECKING:
    from pytest_mcode.plugin.options import Resolved


def check(get: Resolved) -> None:
    """Raise `ConfigError` for an option of the command line that says other than the preset."""
    preset, where = get.source("preset")
    kinds = {option.name: option.kind for option in OPTIONS}
    for name, text in get.preset.items():
        if get.on_command_line(name) and get.value(name) != kinds[name](text):
            raise ConfigError(
                f"--mcode-{name}={get.source(name)[0]} contradicts {where}={preset}, "
                f"which sets it to {text or 'none'}: leave one of them out"
            )
