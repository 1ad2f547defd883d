"""`vllm serve`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_mcode.core.records import Json
from pytest_mcode.servers import port as ports
from pytest_mcode.servers.kept import Kept, number, program, words


class Vllm(Kept):
    """Serves a model of the Hugging Face hub, or a folder.

    `context` is the context window in tokens (0: the model's own), `served_name` the name that
    requests ask for, `args` is added to the arguments of `vllm serve`.
    """

    kind = "vllm"
    cure = "see its log; a model that does not fit needs less context or --quantization"

    def __init__(
        self,
        model: str,
        *,
        served_name: str = "",
        context: int = 0,
        args: Sequence[str] | str = (),
        port: int = 0,
        together: bool = False,
    ) -> None:
        super().__init__(served_name or model, port)
        self._name = model
        self.context = number("context", context, 0)
        self._args = words(args)
        self.together = together

    @classmethod
    def require(cls) -> None:
        """Raise `ConfigError` where vLLM is not installed."""
        _vllm()

    def command(self, port: int) -> Sequence[str]:
        """`vllm serve` with all that was given."""
        found = [_vllm(), "serve", self._name]
        found += ["--served-model-name", self.model, "--host", ports.HOST, "--port", str(port)]
        if self.context:
            found += ["--max-model-len", str(self.context)]
        return [*found, *self._args]

    def describe(self) -> Mapping[str, Json]:
        """Model, context and further arguments: quantization may be among them."""
        return {
            "kind": self.kind,
            "model": self._name,
            "context": self.context,
            "args": self._args,
        }


def _vllm() -> str:
    return program("vllm", "pip install vllm")
