"""The workflow of this repository does what it says: its own steps are run in a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github/workflows/benchmark-gate.yml"

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def checkout(tmp_path):
    """The files of the project as they are now, with this interpreter's packages as `.venv`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    copy = tmp_path / "checkout"
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    programs = copy / ".venv/bin"
    programs.mkdir(parents=True)
    _script(programs / "python", f'exec {sys.executable} "$@"')
    _script(programs / "pytest", f'exec {sys.executable} -m pytest "$@"')
    check = subprocess.run(
        ["cksum", "pyproject.toml"], cwd=copy, capture_output=True, text=True, check=True
    )
    # the mark by which setup.sh knows that everything is installed
    (copy / ".venv/mcode-setup").write_text(f"dev {copy} {check.stdout}")
    return copy


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def steps() -> list[dict]:
    """All steps of the workflow's one job."""
    (job,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    return job["steps"]


def run(checkout: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it: `bash -e`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MCODE_", "PYTEST_"))}
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=checkout, env={**clean, **environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_the_steps_of_the_workflow_hold_and_then_catch_a_drop(checkout, tmp_path):
    """Each `run:` ends with 0, the summary page says GATE HELD and the artifacts are there; with a
    baseline that solved everything the same last step ends with 1."""
    summary = tmp_path / "summary.md"
    scripts = [step["run"] for step in steps() if "run" in step]
    for script in scripts:
        done = run(checkout, script, GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}"
    assert "GATE HELD" in done.stdout
    assert "held" in summary.read_text().lower()
    (upload,) = [step for step in steps() if "upload-artifact" in step.get("uses", "")]
    assert all((checkout / name).exists() for name in upload["with"]["path"].split())
    baseline = checkout / "tests/baselines/tiny.json"
    content = baseline.read_text()
    tasks = content.partition('"tasks"')[2]
    better = "\n".join(
        f"{line.partition('[')[0]}[20, 20]{'' if line.endswith(']') else ','}"
        if "[20, " in line
        else line
        for line in tasks.splitlines()
    )
    baseline.write_text(content.replace(tasks, better))
    done = run(checkout, scripts[-1], GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1, done.stdout[-3000:]
    assert "GATE REGRESSION" in done.stdout
