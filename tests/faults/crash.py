"""Kills a function at any one of its touches of the disk, so that no place where it may be cut off is left out."""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_EVENTS = ("open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "shutil.copyfile", "shutil.rmtree")


def touches(work: Callable[[], object], root: Path) -> list[str]:
    """Run a function to its end in a child; every touch of something below `root`: `os.rename model`."""
    reading, writing = os.pipe()
    _end(_child(work, root, lambda number, what: bool(os.write(writing, f"{what}\n".encode())) and False), 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        return told.read().splitlines()


def kill(work: Callable[[], object], root: Path, number: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Run a function in a child that is killed, or asked to end, just before its touch of that number, from 0."""
    _end(_child(work, root, lambda now, what: now == number, by), -by if by == signal.SIGKILL else 1)


def _child(
    work: Callable[[], object],
    root: Path,
    ends: Callable[[int, str], bool],
    by: signal.Signals = signal.SIGKILL,
) -> int:
    if pid := os.fork():
        return pid
    code, number = 1, 0

    def touched(event: str, values: tuple[object, ...]) -> None:
        nonlocal number
        if event not in _EVENTS:
            return
        for value in values[:2]:
            if isinstance(value, str | os.PathLike) and Path(value).absolute().is_relative_to(root):
                name = re.sub(r"\.[0-9a-f]{8}\.", ".", str(Path(value).absolute().relative_to(root)))
                number += 1
                if ends(number - 1, f"{event} {name}"):
                    os.kill(os.getpid(), by)
                return

    try:
        sys.addaudithook(touched)
        work()
        code = 0
    finally:
        os._exit(code)


def _end(pid: int, expected: int) -> None:
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == expected
