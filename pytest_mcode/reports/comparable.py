"""Whether a rate of HumanEval+ or MBPP+ may stand beside those of EvalPlus's leaderboard.

The leaderboard ranks models by pass@1 with greedy decoding (https://evalplus.github.io, read on
2024-12-26: HumanEval+ 0.1.10, MBPP+ 0.2.0); the rest is what `evalplus.codegen` 0.3.1 does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pytest_mcode.core.records import Json, Limits
from pytest_mcode.core.words import counted
from pytest_mcode.reports.layout import is_demonstration
from pytest_mcode.reports.summary import VariantSummary


class Release(NamedTuple):
    """A data set of the leaderboard: version, tasks, and sha256 of its unpacked file."""

    version: str
    tasks: int
    sha256: str


RELEASES = {
    "humaneval+": Release(
        "v0.1.10", 164, "42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f"
    ),
    "mbpp+": Release(
        "v0.2.0", 378, "b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad"
    ),
}
MAX_TOKENS = 768
CONTEXT = 2048
"""Tokens of prompt and answer that EvalPlus gives a model (`provider/vllm.py`)."""
NO_MODELS = ("gold", "garbage")


def line(variant: VariantSummary) -> str:
    """`comparable with the EvalPlus leaderboard: ...`; empty for other benchmarks."""
    if not _is_evalplus(variant):
        return ""
    found = "; ".join(reasons(variant))
    said = f"no, because {found}" if found else "yes"
    return f"comparable with the EvalPlus leaderboard: {said}"


def reasons(variant: VariantSummary) -> list[str]:
    """Why the variant's pass@1 was not measured as the leaderboard's are; empty if it was."""
    found = [*_tasks(variant), *_solving(variant)]
    parts = variant.row.settings
    model = _part(parts, "model").get("backend", "")
    if model == "replay":
        return [*found, "how replayed answers were drawn is not known here"]
    if model in NO_MODELS:
        return [*found, f"{model} is no model to compare"]
    if is_demonstration(variant.row):
        return [*found, "the demonstration model is no model to compare"]
    sampling = _part(parts, "sampling")
    return [*found, *_sampling(sampling), *_context(_part(parts, "model"), sampling)]


def _is_evalplus(variant: VariantSummary) -> bool:
    return variant.row.variant.benchmark.partition(":")[0] in RELEASES


def _part(parts: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    part = parts.get(name)
    return part if isinstance(part, Mapping) else {}


def _tasks(variant: VariantSummary) -> Iterator[str]:
    name, _, fewer = variant.row.variant.benchmark.partition(":")
    release, counts = RELEASES[name], variant.row.counts
    if fewer:
        yield f"{fewer} has other inputs"
    elif _part(variant.row.settings, "data").get("sha256") != release.sha256:
        yield f"the data are not release {release.version}"
    if counts.planned < release.tasks:
        yield f"{counts.planned} of {counted(release.tasks, 'task')}"
    if not counts.complete:
        yield f"incomplete, {counts.done} of {counted(counts.planned, 'task')} done"


def _solving(variant: VariantSummary) -> Iterator[str]:
    cell, parts = variant.row.variant, variant.row.settings
    if cell.samples != 1:
        yield f"{cell.samples} samples, not 1"
    if cell.debug_iters:
        yield f"{counted(cell.debug_iters, 'repair')}, not 0"
    if cell.strategy not in ("self_debug", "best_of_n"):
        yield f"strategy {cell.strategy}"
    limits, usual = _part(parts, "limits"), Limits()
    if limits.get("wall_s") != usual.wall_s:
        yield f"time limit {limits.get('wall_s', 'unknown')} s, not {usual.wall_s:g}"
    if limits.get("memory_mb", 0) < usual.memory_mb:
        yield f"memory {limits.get('memory_mb', 'unknown')} MB, not {usual.memory_mb}"


def _sampling(sampling: Mapping[str, Json]) -> Iterator[str]:
    if not sampling:
        yield "its sampling is not stored"
        return
    if sampling.get("temperature") != 0:
        yield f"temperature {sampling.get('temperature')}, not 0"
    if sampling.get("max_tokens") != MAX_TOKENS:
        yield f"at most {sampling.get('max_tokens')} tokens, not {MAX_TOKENS}"
    if sampling.get("wording") != "evalplus":
        yield "the prompt is not EvalPlus's"
    if isinstance(sampling.get("stop"), list) and sampling["stop"]:
        yield "stop sequences of its own"
    if sampling.get("thinking"):
        yield f"thinking {sampling['thinking']}, not the server's own"
    if sampling.get("extra", "{}") != "{}":
        yield f"extra options {sampling['extra']}"


def _context(model: Mapping[str, Json], sampling: Mapping[str, Json]) -> Iterator[str]:
    """What was asked of Ollama, or given to a server that the run started; 0 is the model's own."""
    asked = sampling.get("context_window") if model.get("backend") == "ollama" else 0
    context = _part(model, "server").get("context") or asked or CONTEXT
    if context < CONTEXT:
        yield f"a context of {counted(context, 'token')}, not {CONTEXT:,}"
