"""`mlx_lm.server`, from Apple's mlx-lm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.servers import port as ports
from pytest_mcode.servers.kept import Kept, program, words


class Mlx(Kept):
    """Serves a model of the Hugging Face hub in MLX's format, or a folder."""

    kind = "mlx"
    health = "/v1/models"
    cure = "see its log"

    def __init__(
        self,
        model: str,
        *,
        args: Sequence[str] | str = (),
        port: int = 0,
        together: bool = False,
    ) -> None:
        super().__init__(model, port)
        self._args = words(args)
        self.together = together

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where mlx-lm is not installed."""
        _mlx()

    def command(self, port: int) -> Sequence[str]:
        """`mlx_lm.server` with all that was given."""
        found = [_mlx(), "--model", self.model]
        return [*found, "--host", ports.HOST, "--port", str(port), *self._args]

    def describe(self) -> Mapping[str, Json]:
        """The further arguments: the name says the rest."""
        return {"kind": self.kind, "args": self._args}


def _mlx() -> str:
    return program("mlx_lm.server", "pip install mlx-lm")
