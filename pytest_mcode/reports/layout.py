"""The pieces that all text reports share: columns, marks, durations, wrapping."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from pytest_mcode.core.words import counted
from pytest_mcode.stats.estimate import Estimate
from pytest_mcode.store.cut import Cut
from pytest_mcode.store.queries import Counts, RunRow, VariantRow

FEEDBACK = {
    "hidden": "hidden tests",
    "public": "public tests",
    "none": "none, only that it failed",
}
"""Which tests' errors a repair was shown, in words."""

DEMONSTRATION = "DEMONSTRATION MODEL: shows that everything works; its numbers mean nothing else."
"""Stands above the numbers of a variant that `is_demonstration`."""

HEAD = f"{'':14}{'%':>8}   95 % interval"
"""Stands above `rate_line`."""


def is_demonstration(row: VariantRow) -> bool:
    """Whether it measures the model that travels with the package, `tiny` or `tiny:short300`.

    By the name that its server knows, which a profile may have given another; TinyLlama is a model
    like any other.
    """
    model = row.settings.get("model")
    name = model.get("model") if isinstance(model, Mapping) else ""
    return str(name or row.variant.model).partition(":")[0] == "tiny"


def mark(counts: Counts) -> str:
    """What must stand beside every rate of a run that is not complete; empty when it is."""
    if counts.complete:
        return ""
    infra = f", {counts.infra:,} infra" if counts.infra else ""
    drawn = f", {counts.drawn:,} only drawn" if counts.drawn else ""
    return f"INCOMPLETE {counts.done:,}/{counts.planned:,} done{drawn}{infra}"


def interval(rate: Estimate) -> str:
    """`[ 17.60,  26.63]`, per cent, 16 columns."""
    return f"[{100 * rate.low:6.2f}, {100 * rate.high:6.2f}]"


def brief(rate: Estimate) -> str:
    """` 51.0 [24.4,  77.1]`, per cent, 19 columns."""
    return f"{100 * rate.value:5.1f} [{100 * rate.low:4.1f}, {100 * rate.high:5.1f}]"


def rate_line(name: str, rate: Estimate, note: str = "") -> str:
    """Name, per cent and interval in fixed columns, then the mark of an incomplete run."""
    return f"{name:<14}{100 * rate.value:8.2f}   {interval(rate)}  {note}".rstrip()


def duration(seconds: float) -> str:
    """`0.42 s`, `95.2 s`, `3 min 20 s` or `2 h 05 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def rough(seconds: float) -> str:
    """`42 s`, `12 min` or `2 h 05 min`: what an estimate can say."""
    if round(seconds) < 100:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`; words such as paths stay whole, later lines are indented."""
    return textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def going_on(command: str, *, verify: bool = False) -> str:
    """What to type to go on with a run that was started with `command`; to `verify` what waits."""
    if verify:
        kept = re.sub(r" --mcode-(phase[= ]\S+|resume|fresh)", "", command)
        return f"{kept} --mcode-phase=verify"
    return command if "--mcode-resume" in command.split() else f"{command} --mcode-resume"


def unfinished(run: RunRow) -> tuple[str, str]:
    """What is left of a run, and what to type to go on with it; empty texts if nothing is."""
    counts = run.counts
    if counts.complete:
        return "", ""
    if counts.done + counts.drawn == counts.planned:
        return f"WAITING, {waiting(counts, 'item')}", going_on(run.command, verify=True)
    what = "drawn" if counts.drawn else "done"
    reached = f"{counts.done + counts.drawn:,} of {counted(counts.planned, 'item')} {what}"
    return f"INCOMPLETE, {reached}", going_on(run.command)


def waiting(counts: Counts, noun: str) -> str:
    """`20 draws of 10 tasks not verified yet`."""
    return f"{counted(counts.waiting, 'draw')} of {counted(counts.drawn, noun)} not verified yet"


def cut_off(cut: Cut, attempts: int) -> str:
    """How much of the answers is missing, and what gives more room; empty where nothing is."""
    told = []
    if cut.off:
        told.append(f"{cut.off:,} of {counted(attempts, 'answer')} ended at the limit of tokens")
    if cut.unasked:
        told.append(f"{counted(cut.unasked, 'prompt')} did not fit the model's context")
    cure = "; more room is given by --mcode-max-tokens, or by the server's context"
    return f"CUT OFF: {', '.join(told)}{cure}." if told else ""
