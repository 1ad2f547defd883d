"""What Datasette has to know of a results database (`--mcode-datasette`)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from pytest_mcode.core.records import Json
from pytest_mcode.reports.cost import Price
from pytest_mcode.store.queries import Filters
from pytest_mcode.store.reader import Reader


def metadata(database: str) -> Json:
    """Titles, descriptions, facets and queries of the database that Datasette calls `database`."""
    known = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    known["databases"][database] = known["databases"].pop("DATABASE")
    return known


def write(reader: Reader, filters: Filters, prices: Sequence[Price], path: Path) -> str:
    """Write the file and tell how to open the database with it. Raises `OSError`."""
    path.write_text(json.dumps(metadata(reader.path.stem), indent=2) + "\n", "utf-8")
    return f"look around with: datasette {shlex.join([str(reader.path), '-m', str(path)])}"
