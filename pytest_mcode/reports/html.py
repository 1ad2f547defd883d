"""One HTML file that holds a report: no network, no cookies, all texts of models inert.

Whatever a model wrote is shown as text nodes alone. The page's policy (CSP) forbids every request
and every script but the page's own, whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mcode.core.words import counted
from pytest_mcode.reports import published
from pytest_mcode.reports.canvas import DARK, LIGHT
from pytest_mcode.reports.cost import Price
from pytest_mcode.reports.html_gate import HEAD
from pytest_mcode.reports.html_overview import page
from pytest_mcode.reports.html_tasks import LETTERS, MARKS, Drilldown
from pytest_mcode.reports.html_texts import script_json, visible
from pytest_mcode.reports.summary import summarize
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


def write(
    reader: Reader, filters: Filters, prices: Sequence[Price], path: Path, compare: str = ""
) -> str:
    """Write the file, or none if nothing matches; what to tell the user.

    Raises `OSError`, `StoreError`, and `ConfigError` for a comparison that is not possible.
    """
    summary = summarize(reader, filters, prices)
    if not summary.variants:
        return f"no results match: {path} is not written"
    found = page(reader, summary, filters, compare)
    drilldown = Drilldown(reader, [v.row for v in summary.variants])
    script = (TEMPLATES / "report.js").read_text("utf-8")
    stream = (
        _environment()
        .get_template("report.html.j2")
        .stream(
            page=found,
            tasks=drilldown,
            payloads=_payloads(drilldown),
            letters=LETTERS,
            marks=MARKS,
            gate_head=HEAD,
            published=published,
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=(TEMPLATES / "report.css").read_text("utf-8"),
            themes={"light": LIGHT, "dark": DARK},
        )
    )
    stream.enable_buffering(64)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(stream)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return f"report {path} ({_size(path)}; {said(drilldown)})"


def _payloads(drilldown: Drilldown) -> Iterator[str]:
    return map(script_json, drilldown.payloads())


def said(drilldown: Drilldown) -> str:
    """How much of what is stored the page holds, once it is written."""
    kept, every = drilldown.kept, drilldown.attempts
    whole = (
        f"texts of all {counted(every, 'attempt')}"
        if kept == every
        else f"texts of {kept:,} of {counted(every, 'attempt')}"
    )
    return f"{counted(drilldown.tasks, 'task')}, {whole}"


def _size(path: Path) -> str:
    size = path.stat().st_size / 1e6
    return f"{size:,.1f} MB" if size >= 1 else f"{size:.1g} MB"


def _inert(value: object) -> object:
    """Every text that the template prints; `Markup` is our own."""
    return visible(value) if type(value) is str else value


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_inert,
    )
    found.filters["json"] = script_json
    found.globals["said"] = said
    return found
