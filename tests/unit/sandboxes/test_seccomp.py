"""The allow-list: what it refuses, what it lets through, and that both compilers agree."""

import ctypes
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_mcode.core.errors import InfraError
from pytest_mcode.sandboxes.seccomp import compiled, instructions, profile

PROBE = Path(__file__).with_name("seccomp_probe.py").read_text()
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


def verdict(program, number, *arguments, arch=X86):
    """What the filter says of one call: an interpreter of the few instructions that are used."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(v & (2**64 - 1) for v in values))
    place = accumulator = 0
    while True:
        code, yes, no, operand = program[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            place += yes if accumulator == operand else no
        elif code == 0x25:
            place += yes if accumulator > operand else no
        else:
            assert code == 0x06
            return operand


def numbers(machine):
    folder = Path(sys.modules[compiled.__module__].__file__).parent
    return json.loads((folder / "syscalls.json").read_text())[machine]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_lands_inside_the_program(machine):
    """Offsets fit their byte, nothing runs off the end, and the kernel's limit is far away."""
    program = instructions(machine)
    assert len(program) < 4096
    for place, (code, yes, no, _) in enumerate(program):
        assert 0 <= yes < 256
        assert 0 <= no < 256
        if code in (0x15, 0x25):
            assert place + 1 + max(yes, no) < len(program)
    assert program[-1][0] == 0x06


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", X86), ("aarch64", ARM)])
def test_conditions_look_at_all_64_bits(machine, arch):
    """Only the exact arguments pass: no high bits, no namespace flag, no other level or option."""
    program, number = instructions(machine), numbers(machine)

    def says(name, *arguments):
        return verdict(program, number[name], *arguments, arch=arch)

    assert says("read", 2**63) == ALLOW
    assert says("socket", 1) == ALLOW
    assert [says("socket", family) for family in (0, 2, 10, 16, 40)] == [EPERM] * 5
    assert says("socket", 1 + 2**32) == EPERM
    assert says("prlimit64", 0) == ALLOW
    assert says("prlimit64", 2**32) == EPERM
    assert says("clone", 17) == ALLOW
    assert says("clone", 0x3D0F00) == ALLOW
    assert says("clone", 17 | 0x10000000) == EPERM
    assert says("clone3") == ENOSYS
    assert says("setsockopt", 3, 1, 2) == ALLOW
    assert says("setsockopt", 3, 1, 26) == EPERM
    assert says("setsockopt", 3, 6, 2) == EPERM
    assert says("ioctl", 1, 0x5401) == ALLOW
    assert says("ioctl", 1, 0x5412) == EPERM
    assert says("prctl", 4) == ALLOW
    assert says("prctl", 22) == EPERM


def test_unknown_calls_are_absent_and_other_architectures_die():
    """A newer call is ENOSYS, the x32 and 32-bit doors are shut."""
    program = instructions("x86_64")
    assert verdict(program, 9999) == ENOSYS
    assert verdict(program, 0x40000000) == ENOSYS
    assert verdict(program, 3, arch=0x40000003) == KILL
    assert verdict(program, 101) == EPERM


def test_an_unknown_architecture_is_one_clear_line():
    """Where no numbers are known, nothing is run unconfined."""
    with pytest.raises(InfraError, match="no list of system calls for riscv64"):
        compiled("riscv64")


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", X86), ("aarch64", ARM)])
def test_numbers_are_those_of_libseccomp(machine, arch):
    """Each number agrees with the library that Docker's runtime uses, where it is installed."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    for name, number in numbers(machine).items():
        theirs = library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(arch), name.encode())
        assert theirs in (number, -1), name  # -1: younger than the library


def test_every_name_has_a_number():
    """A name that is misspelt or forgotten in the table would be refused in silence."""
    names = {name for rule in json.loads(profile())["syscalls"] for name in rule["names"]}
    assert names == set(numbers("x86_64"))
    assert set(numbers("aarch64")) <= names


def check(said):
    """All that must be refused was, all that must work did."""
    result = json.loads(said.strip().splitlines()[-1])
    leaks = {k: v for k, v in result["denied"].items() if v not in ("EPERM", "ENOSYS")}
    broken = {k: v for k, v in result["allowed"].items() if v != "ok"}
    assert (leaks, broken) == ({}, {})
    assert len(result["denied"]) > 60


def run_in(api, container, command):
    """What the judge's user prints; the library's own `exec_run` leaves its socket open."""
    process = api.exec_create(container, command, user="65533:65533")
    raw = api.exec_start(process["Id"], socket=True)
    with raw._sock as stream, raw:
        said = b"".join(iter(lambda: stream.recv(1 << 16), b""))
    return said[said.index(b'{"denied"') :].decode()


@pytest.mark.docker
def test_in_docker_the_probe_is_confined_for_run_and_exec():
    """Tracing, sockets, namespaces, shared memory fail; threads, processes, files work: as either
    user, started by `run` or by `exec`."""
    docker = pytest.importorskip("docker")
    from pytest_mcode.sandboxes.image import ensure_image

    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException:
        pytest.skip("no Docker daemon")
    image = ensure_image(client, "", lambda line: None)
    container = client.containers.run(
        image.tag,
        ["python3", "-I", "-S", "-c", f"{PROBE}\nimport time\ntime.sleep(3)"],
        detach=True,
        user="65534:65534",
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        ipc_mode="none",
        pids_limit=64,
        tmpfs={"/tmp": "size=32m,mode=1777,nosuid,nodev"},
        security_opt=["no-new-privileges:true", f"seccomp={profile()}"],
    )
    try:
        check(run_in(client.api, container.id, ["python3", "-I", "-S", "-c", PROBE]))
        container.wait(timeout=30)
        check(container.logs().decode())
    finally:
        container.remove(force=True)
        client.close()


@pytest.mark.bubblewrap
def test_under_bubblewrap_the_compiled_program_does_the_same(tmp_path):
    """The kernel takes our own compilation, and the same probe gives the same answers."""
    filter_file = tmp_path / "filter"
    filter_file.write_bytes(compiled())
    with filter_file.open("rb") as rules:
        command = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc"]
        command += ["--dev", "/dev", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--die-with-parent"]
        command += ["--ro-bind", sys.prefix, sys.prefix]  # also where the checkout is below /tmp
        command += ["--new-session", "--seccomp", str(rules.fileno())]
        command += [sys.executable, "-I", "-S", "-c", PROBE]
        try:
            done = subprocess.run(
                command,
                check=False,
                pass_fds=[rules.fileno()],
                capture_output=True,
                text=True,
                timeout=60,
            )
        except FileNotFoundError:
            pytest.skip("bubblewrap is not installed")
    assert done.returncode == 0, done.stderr
    check(done.stdout)
