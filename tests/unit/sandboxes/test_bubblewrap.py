"""What is bubblewrap's own: two modes, nothing left behind, clear words where it cannot start."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.core.records import Program, SandboxSpec
from pytest_mcode.sandboxes import bubblewrap as bubblewrap_module
from pytest_mcode.sandboxes.bubblewrap import Bubblewrap
from pytest_mcode.sandboxes.cgroup import find_hierarchy, group_name
from pytest_mcode.sandboxes.cores import assign_cores
from pytest_mcode.sandboxes.inside import guard

ROOT = Path(__file__).parents[3]
DISTRIBUTION_PYTHON = Path("/usr/bin/python3")
DRIVER = f"""
import json, os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pytest_mcode.core.records import Limits, Program, SandboxSpec
from pytest_mcode.sandboxes.bubblewrap import Bubblewrap
sandbox = Bubblewrap(SandboxSpec(slots=1, memory_mb=256))
sandbox.start()
"""
BUSY = Program("import time\nprint(1)\ndef f(): time.sleep(50)", "f()\n", ("f",))


@pytest.fixture
def sandbox():
    warm = Bubblewrap(SandboxSpec(slots=1, memory_mb=256))
    try:
        warm.start()
    except InfraError as error:
        pytest.skip(str(error))
    yield warm
    warm.close()


def descendants(pid):
    """All processes below `pid`, by the kernel's own list."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(status.parent.name)
            found += [child, *descendants(child)]
    return found


def open_files():
    """Descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def are_gone(pids, seconds=5.0):
    """True as soon as none of the processes is there any more."""
    deadline = time.monotonic() + seconds
    while any(Path("/proc", str(pid)).exists() for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ask(sandbox, body):
    """The value that a candidate's function returns."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    program = Program(
        f"import os\ndef f():\n{lines}\n", "print(end='')\nassert f() is None\n", ("f",)
    )
    seen = sandbox.run(program)
    assert seen.status == "passed", seen
    return seen.stdout.strip()


def run_driver(code, python=sys.executable, **options):
    command = [str(python), "-B", "-c", DRIVER + code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.bubblewrap
def test_the_candidate_sees_nothing_of_the_judge_nor_of_the_machine(sandbox):
    """Its world is the supervisor, itself, the standard library and an empty /tmp."""
    pids = ask(sandbox, "print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()))")
    assert json.loads(pids)[0] == 1
    assert len(json.loads(pids)) == 2
    folders = ask(sandbox, "print(*sorted(os.listdir('/')))").split()
    assert not {"root", "home", "work", "var", "mnt", "bin"} & set(folders)
    packages = "import sys\nprint(os.listdir(f'{sys.prefix}/lib/python3.%d/site-packages' "
    assert ask(sandbox, packages + "% sys.version_info[1]))") == "[]"
    user = int(ask(sandbox, "print(os.getuid())"))
    assert user not in (0, os.getuid())
    keys = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    body = f"for line in open('/proc/self/status'):\n    if line.startswith({keys!r}): print(line)"
    assert {line.split()[1] for line in ask(sandbox, body).split("\n") if line} == {"0" * 16}


@pytest.mark.bubblewrap
def test_tmp_is_bounded_and_all_else_is_read_only(sandbox):
    """32 MB of /tmp at most, and no other writable mount but device nodes and /proc."""
    assert ask(sandbox, "s = os.statvfs('/tmp')\nprint(s.f_blocks * s.f_frsize >> 20)") == "32"
    rows = ask(sandbox, "print(open('/proc/self/mounts').read())").splitlines()
    mounts = {row.split()[1]: row.split()[3].split(",") for row in rows}
    writable = {place.split("/")[1] for place, options in mounts.items() if "rw" in options}
    assert writable == {"proc", "dev", "tmp"}


@pytest.mark.bubblewrap
def test_a_cell_outlives_the_thread_that_asked_for_it():
    """The kernel kills by the death of the starting thread; the launcher's lives as long as we."""
    made = Bubblewrap(SandboxSpec(slots=1))
    thread = threading.Thread(target=made.start)
    thread.start()
    thread.join()
    if made.pool is None:
        pytest.skip("bubblewrap does not start here")
    time.sleep(0.3)
    assert made.run(Program("def f(): return 1", "assert f() == 1\n", ("f",))).passed
    assert made.pool.replaced == 0
    made.close()


def groups() -> set[str]:
    """Control groups of this process's cells, where there are any."""
    hierarchy = find_hierarchy()
    if hierarchy is None:
        return set()
    return {path.name for path in hierarchy.memory.glob(f"pytest-mcode-*-{os.getpid()}-*")}


@pytest.mark.bubblewrap
def test_nothing_is_left_after_close(sandbox):
    """No process, no descriptor and no control group: also of a program that was running."""
    warm = Bubblewrap(SandboxSpec(slots=2))
    before, grouped = open_files(), groups()
    others = set(descendants(os.getpid()))
    warm.start()
    running = warm.submit(BUSY)
    time.sleep(0.3)
    ours = set(descendants(os.getpid())) - others
    assert len(ours) >= 9  # two cells of two bubblewraps with one program each, and a worker
    warm.close()
    assert are_gone(ours, 0.0)
    assert isinstance(running.exception(1), InfraError) or running.result().status == "error"
    assert open_files() == before
    assert groups() == grouped


@pytest.mark.bubblewrap
@pytest.mark.parametrize("as_root", [True, False], ids=["this-user", "ordinary-user"])
def test_killing_the_run_kills_its_sandboxes(sandbox, as_root):
    """kill -9 of the process that started them leaves no process behind, in either mode."""
    if not as_root and (os.getuid() != 0 or not DISTRIBUTION_PYTHON.exists()):
        pytest.skip("needs root to become somebody else, and a Python that everybody may run")
    other = {} if as_root else {"user": 65534, "group": 65534, "extra_groups": []}
    python = sys.executable if as_root else DISTRIBUTION_PYTHON
    source = f"sandbox.submit({BUSY!r})\nprint('up', flush=True)\ntime.sleep(60)\n"
    driver = run_driver(source, python, cwd="/", **other)
    with driver:
        assert driver.stdout.readline() == "up\n"
        time.sleep(0.5)
        ours = descendants(driver.pid)
        assert len(ours) >= 5
        driver.send_signal(signal.SIGKILL)
    assert are_gone(ours)
    find_hierarchy()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/pytest-mcode-{driver.pid}-*"))


@pytest.mark.bubblewrap
def test_an_ordinary_user_gets_a_sandbox_too():
    """Without root a user namespace does it, and the user inside is nobody."""
    if os.getuid() != 0 or not DISTRIBUTION_PYTHON.exists():
        pytest.skip("needs root to become somebody else, and a Python that everybody may run")
    asked = Program("import os\ndef f(): return os.getuid()", "assert f() == 65534\n", ("f",))
    code = f"seen = sandbox.run({asked!r})\n"
    code += "print(json.dumps([seen.status, dict(sandbox.describe())]))\nsandbox.close()\n"
    other = {"user": 65534, "group": 65534, "extra_groups": []}
    with run_driver(code, DISTRIBUTION_PYTHON, cwd="/", stderr=subprocess.PIPE, **other) as driver:
        said, errors = driver.communicate(timeout=60)
    if "user namespaces may be forbidden" in errors:
        pytest.skip("user namespaces are forbidden here")
    status, described = json.loads(said)
    assert status == "passed", errors
    assert described["runtime"] == "user namespace"


@pytest.mark.bubblewrap
def test_the_supervisor_insists_on_the_mount_that_the_launcher_makes():
    """Both sides mean the same mount point."""
    from pytest_mcode.sandboxes.confinement import MARKER

    assert guard.BUBBLEWRAP_MARKER == MARKER


def test_no_bubblewrap_is_one_clear_line(monkeypatch, tmp_path):
    """Where the program is missing, the line names the packages and the way out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfraError, match="apt-get install bubblewrap") as caught:
        Bubblewrap(SandboxSpec(slots=1)).start()
    assert "\n" not in str(caught.value)


@pytest.mark.bubblewrap
@pytest.mark.parametrize(("failures", "starts"), [(2, True), (9, False)])
def test_a_mount_that_goes_away_meanwhile_is_no_failure(tmp_path, monkeypatch, failures, starts):
    """Bubblewrap copies all mounts of the machine, and gives up where one is gone: asked again."""
    real, count = bubblewrap_module.find_bwrap(), tmp_path / "count"
    fake = tmp_path / "bwrap"
    fake.write_text(
        f'#!/bin/sh\necho >>{count}\n[ "$(wc -l <{count})" -gt {failures} ] && exec {real} "$@"\n'
        'echo "bwrap: Can\'t bind mount /oldroot/ on /newroot/: Unable to remount" >&2\nexit 1\n'
    )
    fake.chmod(0o755)
    monkeypatch.setattr(bubblewrap_module, "find_bwrap", lambda: str(fake))
    made = Bubblewrap(SandboxSpec(slots=1))
    try:
        if not starts:
            with pytest.raises(InfraError, match="Can't bind mount"):
                made.start()
            return
        made.start()
        assert made.run(Program("def f(): return 1", "assert f() == 1\n", ("f",))).passed
    finally:
        made.close()


@pytest.mark.bubblewrap
def test_a_bubblewrap_that_may_not_is_one_clear_line(sandbox):
    """What bubblewrap says is passed on with the cure, at once, and nothing is left."""
    made = Bubblewrap(SandboxSpec(slots=2))
    made.blueprint = replace(made.prepare(), bwrap="/bin/false")
    before = open_files()
    started = time.monotonic()
    with pytest.raises(InfraError, match=r"bubblewrap made no sandbox .*take Docker") as caught:
        made.start()
    assert time.monotonic() - started < 5
    assert "\n" not in str(caught.value)
    assert open_files() == before


def test_groups_of_dead_runs_are_swept_and_others_are_not():
    """Only the group of a process that is no more is removed; not of one in another namespace of
    process ids, whose numbers say nothing here."""
    hierarchy = find_hierarchy()
    if hierarchy is None:
        pytest.skip("no control groups can be made here")
    with subprocess.Popen(["true"]) as dead:
        pass
    ours = hierarchy.memory / group_name("kept")
    theirs = hierarchy.memory / ours.name.replace(f"-{os.getpid()}-", f"-{dead.pid}-")
    elsewhere = hierarchy.memory / f"pytest-mcode-1-{dead.pid}-0"
    for folder in (theirs, ours, elsewhere):
        folder.mkdir()
    try:
        find_hierarchy()
        assert not theirs.exists()
        assert ours.exists()
        assert elsewhere.exists()
    finally:
        ours.rmdir()
        elsewhere.rmdir()


def test_cores_are_shared_out_among_numbered_processes(monkeypatch):
    """Slots take one core each, processes of pytest-xdist begin where the one before ended."""
    cores = sorted(os.sched_getaffinity(0))
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    assert assign_cores(1) == [cores[1 % len(cores)]]
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert assign_cores(len(cores)) == cores
    assert assign_cores(len(cores) + 1) == [None] * (len(cores) + 1)


def test_old_kernels_count_processes_of_the_user_as_a_whole():
    """Version numbers with a tail are understood."""
    assert bubblewrap_module.kernel() > (3, 0)


@pytest.mark.bubblewrap
@pytest.mark.parametrize("mounted", [True, False])
def test_a_fresh_pid_namespace_needs_a_proc_of_its_own(mounted):
    """With one it works, also as its first process; without, one line says what to mount."""
    code = f"{DRIVER}print(sandbox.run(Program('def f(): return 1', 'assert f() == 1', ('f',))))\n"
    unshare = ["unshare", "--pid", "--fork", *(["--mount-proc"] if mounted else [])]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no pid namespace can be made here")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", code + "sandbox.close()\n"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if "bubblewrap is not installed" in done.stderr:
        pytest.skip("bubblewrap is not installed")
    if mounted:
        assert "status='passed'" in done.stdout, done.stderr
    else:
        last = done.stderr.splitlines()[-1]
        assert "/proc is not that of this pid namespace" in last
        assert "mount -t proc proc /proc" in last
