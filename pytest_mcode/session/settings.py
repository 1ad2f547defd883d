"""One frozen configuration, built once from the options, and the grid it spans."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_mcode.core.errors import ConfigError
from pytest_mcode.core.records import Json, Limits, ModelSpec, Sampling, SandboxSpec, Variant
from pytest_mcode.session.profiles import Profile

OWN: Mapping[str, tuple[str, str]] = {
    "max_tokens": ("sampling", "max_tokens"),
    "memory": ("limits", "memory_mb"),
    "prompt_style": ("sampling", "prompt_style"),
    "seed": ("sampling", "seed"),
    "temperature": ("sampling", "temperature"),
    "thinking": ("sampling", "thinking"),
    "timeout": ("limits", "wall_s"),
    "top_p": ("sampling", "top_p"),
}
"""What `Variant.options` may name -> the part of the settings and its field."""


@dataclass(frozen=True)
class Settings:
    """What the user asked for. Field names follow the options `--mcode-<name>`."""

    benches: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    samples: tuple[int, ...] = (1,)
    debug_iters: tuple[int, ...] = (0,)
    strategy: str = "self_debug"
    stop: str = "never"
    """`first-pass`: a task's draws end with the first that passes."""
    feedback: str = "hidden"
    failing_inputs: int = 1
    """Listed of each group of tests, where a benchmark can; 0: all."""
    backend: str = "ollama"
    base_url: str = ""
    api_key: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    concurrency: int = 0
    request_timeout_s: float = 600.0
    retries: int = 4
    patience_s: float = 60.0
    limits: Limits = field(default_factory=Limits)
    verify_times: int = 1
    verdict_cache: str = "store"
    pool: str = "store"
    fresh: bool = False
    phase: str = ""
    """`generate`: nothing is verified; `verify`: nothing is drawn; empty: both."""
    sandbox: str = "auto"
    sandbox_spec: SandboxSpec = field(default_factory=SandboxSpec)
    data: Path | None = None
    db: Path = Path(".mcode/results.db")
    limit: int = 0
    tasks: tuple[str, ...] = ()
    progress: str = "auto"
    prices: tuple[tuple[str, float, float], ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """Name -> what is known of a model."""
    health_timeout_s: float = 600.0
    study: str = ""
    """Name of the study whose cells these are; empty for a grid of the command line."""
    question: str = ""
    """What the study asks."""
    vary: tuple[tuple[str, tuple[Json, ...]], ...] = ()
    """The further dimensions of a study's grid: `strategy`, `feedback` or a name in `OWN`."""

    def variants(self, benchmark: str) -> Iterator[Variant]:
        """The cells of one benchmark, model by model."""
        names = [name for name, _ in self.vary]
        further = itertools.product(*(values for _, values in self.vary))
        grid = itertools.product(self.models, self.samples, self.debug_iters, further)
        for model, n, d, values in grid:
            own = dict(zip(names, values, strict=True))
            if own.setdefault("stop", self.stop) == "never":
                del own["stop"]
            yield Variant(
                benchmark=benchmark,
                model=label(model),
                samples=n,
                debug_iters=d,
                strategy=own.pop("strategy", self.strategy),
                feedback=own.pop("feedback", self.feedback),
                options=",".join(f"{name}={_text(value)}" for name, value in sorted(own.items())),
            )

    def of(self, variant: Variant) -> Settings:
        """These settings with what is the model's own, and then what is the variant's."""
        known = self.profiles.get(variant.model)
        own = dict(known.sampling) if known is not None else {}
        changes: dict[str, dict[str, Json]] = {"sampling": own, "limits": {}}
        for option in filter(None, variant.options.split(",")):
            name, _, value = option.partition("=")
            if name == "stop":
                continue
            part, field_name = OWN[name]
            kind = type(getattr(getattr(self, part), field_name))
            changes[part][field_name] = kind(value)
        return replace(
            self,
            sampling=replace(self.sampling, **changes["sampling"]),
            limits=replace(self.limits, **changes["limits"]),
            strategy=variant.strategy,
            feedback=variant.feedback,
        )

    def model_spec(self, model: str, is_backend: Callable[[str], bool]) -> ModelSpec:
        """Resolve `backend:model`, a bare backend (`gold`) or a model of the default backend."""
        head, _, tail = model.partition(":")
        spec = ModelSpec(
            name=label(model),
            backend=self.backend,
            model=model,
            base_url=self.base_url,
            api_key=self.api_key,
            sampling=self.sampling,
            concurrency=self.concurrency,
            request_timeout_s=self.request_timeout_s,
            retries=self.retries,
            patience_s=self.patience_s,
        )
        known = self.profiles.get(model)
        if known is not None:
            return self._profiled(spec, known)
        return replace(spec, backend=head, model=tail) if is_backend(head) else spec

    def _profiled(self, spec: ModelSpec, known: Profile) -> ModelSpec:
        backend = known.backend or self.backend
        base_url = known.base_url or (self.base_url if backend == self.backend else "")
        return replace(
            spec,
            backend=backend,
            model=known.model or known.name,
            base_url=base_url,
            api_key=known.api_key or self.api_key,
            sampling=replace(self.sampling, **known.sampling),
            concurrency=known.concurrency or self.concurrency,
            request_timeout_s=known.request_timeout_s or self.request_timeout_s,
        )


def _text(value: Json) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def label(model: str) -> str:
    """A model's name in ids and reports: paths shortened to their stem, brackets replaced."""
    head, colon, tail = model.partition(":")
    if head in ("replay", "llama_cpp") and colon:
        stem = Path(tail).name
        for suffix in (".gz", ".jsonl", ".json", ".gguf"):
            stem = stem.removesuffix(suffix)
        model = f"{head}:{stem}"
    return re.sub(r"::|[\[\]\s]", "-", model)


def bench_label(bench: str) -> str:
    """A benchmark's name in ids and reports: a file's stem, else the name itself."""
    if is_file_name(bench):
        bench = Path(bench).name.removesuffix(".gz").removesuffix(".jsonl")
    return re.sub(r"::|[\[\]\s/]", "-", bench)


def is_file_name(bench: str) -> bool:
    """Whether a benchmark is named by a JSON-lines file rather than by its registered name."""
    return bench.endswith((".jsonl", ".jsonl.gz"))


def check_labels(models: tuple[str, ...]) -> None:
    """Raise `ConfigError` when two different models would share their ids."""
    seen: dict[str, str] = {}
    for model in models:
        other = seen.setdefault(label(model), model)
        if other != model:
            raise ConfigError(f"--mcode-model: {other!r} and {model!r} share the id {label(model)}")
