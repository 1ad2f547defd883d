"""In the worker: one run of a program that reads standard input and writes standard output.

The judge sends this module along with the input; the expected output stays with the judge. The
program runs in a child, as `__main__`, with real descriptors 0 and 1, so that it may read and
write in every way there is and end in every way there is.
"""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from claims import describe_exception
from frames import MAX_RESULT, to_json

if TYPE_CHECKING:
    from worker import Worker

Program = tuple[str, bytes, int]
"""Source, compiled code if there is any, seed."""
_CLAIM = 3


def serve(worker: Worker, program: Program, given: bytes, limits: tuple[int, int]) -> None:
    """Run the program on `given` and tell how it ended and what it wrote."""
    files = [os.memfd_create(name) for name in ("input", "output", "claim")]
    view = memoryview(given)
    while view:
        view = view[os.write(files[0], view) :]
    os.lseek(files[0], 0, os.SEEK_SET)
    pid = os.fork()
    if pid == 0:
        try:
            worker.limit(*limits)
            _live(worker, program, files)
        finally:
            os._exit(70)
    _, status, usage = os.wait4(pid, 0)
    size = os.fstat(files[1]).st_size
    output, claim = (_read(number, MAX_RESULT) for number in files[1:])
    answer = {
        "status": status,
        "cpu_ms": int(1000 * (usage.ru_utime + usage.ru_stime)),
        "size": size,
        "output": output.decode("utf-8", "surrogateescape"),
        "claim": claim.decode("ascii", "replace"),
    }
    if len(to_json(answer)) > MAX_RESULT:
        answer["output"], answer["size"] = "", max(size, MAX_RESULT)
    worker.answer(answer)


def _read(number: int, most: int) -> bytes:
    return os.pread(number, min(os.fstat(number).st_size, most), 0)


def _live(worker: Worker, program: Program, files: list[int]) -> NoReturn:
    """The program's own process, from its first line to its exit status."""
    for number, file in zip((0, 1, _CLAIM), files, strict=True):
        os.dup2(file, number)
    os.closerange(_CLAIM + 1, 1024)
    streams = (
        open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        for number, mode, errors in ((0, "r", None), (1, "w", None), (2, "w", "backslashreplace"))
    )
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc,assignment]
    builtins.exit = builtins.quit = _leave  # type: ignore[assignment]
    status, stdout = 0, sys.stdout
    try:
        worker.define(*program, "__main__")
    except SystemExit as error:
        status = _status(error.code)
    except BaseException as error:
        status = _died(error)
    try:
        threading: Any = sys.modules.get("threading")
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        _flush(stdout)
        worker.names.clear()  # as the interpreter does: files that nobody closed are written
        _flush(stdout)
    except BaseException as error:
        status = status or _died(error)
    os._exit(status)


def _flush(stdout: Any) -> None:
    """What was printed, unless the program has closed it or taken it away."""
    streams: tuple[Any, ...] = sys.stdout, stdout
    for stream in streams:
        if not getattr(stream, "closed", stream is None):
            stream.flush()


def _leave(code: object = None) -> NoReturn:
    """`exit()`, which the interpreter lacks without its `site` module."""
    raise SystemExit(code)


def _status(code: object) -> int:
    """The exit status for an argument of `sys.exit`."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    return _died(SystemExit(code))


def _died(error: BaseException) -> int:
    """Leave a description of the exception for the judge's words."""
    os.pwrite(_CLAIM, to_json(describe_exception(error)).encode()[: 1 << 16], 0)
    return 1
