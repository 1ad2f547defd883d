"""The file itself: foreign, damaged, newer, locked, full, shared, and killed."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from pytest_mcode.core.errors import StoreError
from pytest_mcode.store import migrations, queries, runs
from pytest_mcode.store.database import Store

WRITER = """
import sys
from pathlib import Path
from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
from pytest_mcode.store.database import PlannedItem, Store

path, run, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
variant = Variant("b", "m")
text = "x" * 2000
attempts = tuple(Attempt(i, 0, Answer(text), text, Verdict("passed")) for i in range(5))
store = Store.open(path)
store.start_run(run, command="", fingerprint_parts={}, version="0")
store.plan(run, {"v": (variant, {})}, [PlannedItem(f"i{n}", "v", f"T/{n}") for n in range(count)])
for n in range(count):
    store.record(run, f"i{n}", Outcome(variant, f"T/{n}", attempts).to_json())
    print(n, flush=True)
"""


def start_writer(path, run, count):
    """Another process that records `count` items of five attempts and prints each when done."""
    command = [sys.executable, "-c", WRITER, str(path), run, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def can_mount():
    """True where this process may have a mount of its own (root, not in a plain container)."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def test_kill_9_loses_no_recorded_item(path):
    """Whatever `record` returned for is in the file after SIGKILL, whole, and the file is sound."""
    process = start_writer(path, "r", 5000)
    with process:
        seen = [process.stdout.readline() for _ in range(150)]
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    with Store.read(path) as reader:
        done = runs.done(reader, "r")
        broken = reader.rows("SELECT item_id FROM attempts GROUP BY item_id HAVING count(*) <> 5")
        assert reader.rows("PRAGMA integrity_check") == [("ok",)]
        assert len(done) == reader.rows("SELECT count(DISTINCT item_id) FROM attempts")[0][0]
    assert {f"i{line.strip()}" for line in seen if line.endswith("\n")} <= done
    assert len(done) <= len(seen) + 1
    assert broken == []
    with start_writer(path, "r", 200) as again:
        again.communicate()
    with Store.read(path) as reader:
        assert queries.counts(reader, "r").planned == 5000


def test_two_runs_create_and_write_one_file_at_once(path):
    """Three processes that start on no file at all each find all their rows in it."""
    writers = [start_writer(path, f"r{i}", 300) for i in range(3)]
    for writer in writers:
        writer.communicate(timeout=120)
    assert [w.returncode for w in writers] == [0, 0, 0]
    with Store.read(path) as reader:
        assert {r.run_id: r.counts.done for r in queries.runs(reader)} == {
            f"r{i}": 300 for i in range(3)
        }


def test_reading_while_a_run_writes(store, outcome, nodeid, path):
    """A reader sees committed items at once and cannot write."""
    with Store.read(path) as reader:
        assert queries.counts(reader, "r1").done == 0
        store.record("r1", nodeid(0), outcome(0, "p"))
        assert queries.counts(reader, "r1").done == 1
        with reader.snapshot():
            assert queries.counts(reader, "r1").done == 1
            store.record("r1", nodeid(1), outcome(1, "p"))
            assert queries.counts(reader, "r1").done == 1
        assert queries.counts(reader, "r1").done == 2
        with pytest.raises(StoreError, match="read-only"):
            reader.rows("DELETE FROM runs")


def test_a_locked_file_is_said_and_the_store_goes_on(store, outcome, nodeid, path):
    """While another process holds the lock a write fails in one line; afterwards it works."""
    with Store.open(path, busy_s=0.2) as hasty:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process") as caught:
            hasty.record("r1", nodeid(0), outcome(0, "p"))
        assert "\n" not in str(caught.value)
        holder.execute("ROLLBACK")
        holder.close()
        hasty.record("r1", nodeid(0), outcome(0, "p"))
        assert queries.counts(hasty, "r1").done == 1


@pytest.mark.skipif(not can_mount(), reason="mounts a small file system of its own")
def test_a_full_disk_is_said_and_the_store_goes_on(tmp_path):
    """On a full file system `record` raises StoreError, keeps earlier items, and later works."""
    script = textwrap.dedent(
        """
        from pathlib import Path
        from pytest_mcode.core.errors import StoreError
        from pytest_mcode.core.records import Answer, Attempt, Outcome, Variant, Verdict
        from pytest_mcode.store.database import PlannedItem, Store
        disk, variant = Path(sys.argv[1]), Variant("b", "m")
        ballast = disk / "ballast"
        def record(n, size):
            attempt = Attempt(0, 0, Answer("x" * size), "", Verdict("failed"))
            store.record("r", f"i{n}", Outcome(variant, "T", (attempt,)).to_json())
        store = Store.open(disk / "results.db")
        store.start_run("r", command="", fingerprint_parts={}, version="0")
        store.plan("r", {"v": (variant, {})}, [PlannedItem(f"i{n}", "v", "T") for n in range(3)])
        record(0, 10)
        try:
            record(1, 3_000_000)
        except StoreError as error:
            print(error)
        record(2, 10)
        print(store.rows("SELECT nodeid FROM items WHERE state = 'done'"))
        print(store.rows("PRAGMA integrity_check"))
        """
    )
    mount = f"mount -t tmpfs -o size=2m none {tmp_path} && exec {sys.executable} -c"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mount} "$0" {tmp_path}', "import sys\n" + script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "the disk is full; free some space" in lines[0]
    assert lines[1:] == ["[('i0',), ('i2',)]", "[('ok',)]"]


def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    """A database of another program is named as such and not a byte of it changes."""
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    for way in (Store.open, Store.read):
        with pytest.raises(StoreError, match="database of another program"):
            way(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.parametrize("way", [Store.open, Store.read])
def test_a_text_file_is_no_database(tmp_path, way):
    """Any other file is refused in one line."""
    path = tmp_path / "notes.db"
    path.write_text("dear diary, " * 100)
    with pytest.raises(StoreError, match="is no SQLite database; name another file"):
        way(path)


def test_a_damaged_file_is_said(store, path):
    """A file whose pages were overwritten is reported as damaged with the cure."""
    store.close()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 8000)
    with pytest.raises(StoreError, match="is damaged; move it away"):
        Store.open(path)


@pytest.mark.parametrize("way", [Store.open, Store.read])
def test_a_newer_schema_is_refused(store, path, way):
    """A file of a later version is not touched; the cure is the upgrade."""
    store.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    with pytest.raises(StoreError, match=r"newer pytest-mcode .* upgrade"):
        way(path)


def test_reading_makes_no_file(path):
    """A report on a missing database says so and creates neither file nor folder."""
    with pytest.raises(StoreError, match="does not exist: run a benchmark first"):
        Store.read(path)
    assert not path.parent.exists()


def test_an_empty_file_holds_no_results(tmp_path):
    """A file of zero bytes can be written into but has nothing to report."""
    path = tmp_path / "empty.db"
    path.touch()
    with pytest.raises(StoreError, match="holds no results"):
        Store.read(path)
    Store.open(path).close()
    Store.read(path).close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    """A path below a file is refused in one line."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path / "file" / "results.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("read_before", [True, False])
def test_without_permission_reports_work_and_runs_say_why(
    store, outcome, nodeid, path, read_before
):
    """Somebody who may only read gets the numbers, and one line when trying to write.

    An earlier reader leaves -shm and -wal behind, with which SQLite takes another way.
    """
    store.record("r1", nodeid(0), outcome(0, "p"))
    store.close()
    script = """
from pathlib import Path
import os, sys
from pytest_mcode.store import queries, migrations
from pytest_mcode.store.database import Store
path = Path(sys.argv[1])
path.absolute().as_uri()  # imports urllib while the interpreter can still be read
os.setgid(65534); os.setuid(65534)
print(queries.counts(Store.read(path), "r1").done)
try:
    Store.open(path)
except Exception as error:
    print(type(error).__name__, error)
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = shutil.copy(path, folder)
        if read_before:
            Store.read(Path(copy)).close()
        done = subprocess.run(
            [sys.executable, "-c", script, copy], capture_output=True, text=True, check=True
        )
    lines = done.stdout.splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("StoreError")
    assert "is read-only; change its permissions" in lines[1]


def test_opening_a_current_file_imports_no_sqlite_utils(store, path):
    """Only a pending migration pays for the import of sqlite_utils."""
    store.close()
    code = (
        "import sys; from pathlib import Path; from pytest_mcode.store.database import Store;"
        "Store.open(Path(sys.argv[1])).close(); print('sqlite_utils' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_the_pragmas_hold(store):
    """WAL, synchronous NORMAL and foreign keys are in force on the writer's connection."""
    pragmas = [
        store.rows(f"PRAGMA {p}")[0][0] for p in ("journal_mode", "synchronous", "foreign_keys")
    ]
    assert pragmas == ["wal", 1, 1]


def test_a_file_of_an_earlier_version_is_not_called_empty(tmp_path):
    """It has results; the message says what brings them up to date, and leaves the file alone."""
    path = tmp_path / "old.db"
    Store.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute(f"PRAGMA user_version = {migrations.LATEST - 1}")
    raw.close()
    with pytest.raises(
        StoreError, match=r"by an earlier version.* --mcode-db=.*old\.db` is enough"
    ):
        Store.read(path)
