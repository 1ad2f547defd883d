"""Tasks whose program reads standard input and writes standard output (APPS, LiveCodeBench)."""

from __future__ import annotations

import json

from pytest_mcode.benchmarks.source import Row
from pytest_mcode.core.records import Json, Task

_PROMPTS = ("prompt", "question", "question_content", "description")
_REFERENCES = ("canonical_solution", "solution", "solutions")
_LIVE = ("public_test_cases", "private_test_cases")
_MOST_INPUT = 4 << 20


def is_program(row: Row) -> bool:
    """True for a row with inputs and outputs."""
    return "input_output" in row.fields or _LIVE[0] in row.fields


def task(benchmark: str, row: Row) -> Task:
    """The task of a row in the format of APPS or LiveCodeBench. Raises `DataError`."""
    cases = _cases(row)
    return Task(
        benchmark=benchmark,
        task_id=row.text("task_id") if "task_id" in row.fields else row.text("question_id"),
        prompt=row.text(_first(row, _PROMPTS)),
        shape="program",
        entry_point="",
        tests=json.dumps(cases),
        reference=_reference(row),
        checks=len(cases["inputs"]),
        mode="stdin",
    )


def _first(row: Row, names: tuple[str, ...]) -> str:
    """The first of the columns that the row has; else the first of all, to be missed by name."""
    return next((name for name in names if name in row.fields), names[0])


def _reference(row: Row) -> str:
    """A correct program; the first where the column is a list, as text or as JSON."""
    name = _first(row, _REFERENCES)
    value = row.fields.get(name)
    if name == "solutions" and isinstance(value, str):
        value = _json(row, name)
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, str) or not value.strip():
        raise row.wrong(name, "a correct program (no benchmark is believed without one)", value)
    return value


def _cases(row: Row) -> dict[str, Json]:
    """`{"inputs": [...], "outputs": [...], "tolerance": 0}` with at least one case."""
    if "input_output" in row.fields:
        name, found = "input_output", _json(row, "input_output")
        if not isinstance(found, dict):
            raise row.wrong(name, '{"inputs": [...], "outputs": [...]}', found)
        if found.get("fn_name"):
            raise row.wrong(name, "for a program (a function is tested in column 'test')", found)
    else:
        name = _LIVE[0]
        found = _pairs(row, [case for column in _LIVE for case in _list(row, column)])
    inputs, outputs = (_texts(row, name, found.get(side)) for side in ("inputs", "outputs"))
    tolerance = found.get("tolerance", 0)
    if not isinstance(tolerance, int | float) or not 0 <= tolerance < 1:
        raise row.wrong(name, "with a tolerance from 0 to below 1", tolerance)
    if not inputs or len(inputs) != len(outputs):
        raise row.wrong(name, "as many outputs as inputs, at least one", f"{len(inputs)} inputs")
    if max(map(len, inputs)) > _MOST_INPUT:
        raise row.wrong(name, "inputs of at most 4 MB", "a larger one")
    return {"inputs": inputs, "outputs": outputs, "tolerance": tolerance}


def _json(row: Row, name: str) -> Json:
    value = row.fields.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise row.wrong(name, "JSON (unpack it first)", value) from None


def _list(row: Row, name: str) -> list[Json]:
    found = _json(row, name) if name in row.fields else []
    if not isinstance(found, list):
        raise row.wrong(name, "a list of cases", found)
    return found


def _pairs(row: Row, cases: list[Json]) -> dict[str, Json]:
    """LiveCodeBench's list of cases as inputs and outputs."""
    for case in cases:
        if not isinstance(case, dict) or case.get("testtype", "stdin") != "stdin":
            raise row.wrong(_LIVE[0], "cases of testtype stdin with input and output", case)
    return {
        "inputs": [case.get("input") for case in cases],
        "outputs": [case.get("output") for case in cases],
    }


def _texts(row: Row, name: str, values: Json) -> list[str]:
    """Texts; a list of lines is joined, as in APPS."""
    if not isinstance(values, list):
        raise row.wrong(name, "lists of inputs and outputs", values)
    found = ["\n".join(v) if _is_lines(v) else v for v in values]
    for value in found:
        if not isinstance(value, str):
            raise row.wrong(name, "inputs and outputs that are texts", value)
    return found


def _is_lines(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)
