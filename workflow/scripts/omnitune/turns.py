"""Who came first is served first, on one machine: tickets with numbers, each locked by its holder.

A lock alone keeps no order: whoever asks at the right moment is before those that wait. The kernel frees the lock
of a ticket when its holder is gone, however that went.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "ticket-"


@contextmanager
def taken(folder: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Wait until all who came before are served or gone, and have the turn while the block runs.

    Args:
        folder: where the tickets lie, which exists.
        waits: called once when somebody came before.
    """
    number, ticket = _draw(folder)
    try:
        told = False
        while earlier := [other for other in _numbers(folder) if other < number]:
            last = _path(folder, max(earlier))
            if not _is_over(last, wait=told):
                told = True
                waits()
        yield
    finally:
        _path(folder, number).unlink(missing_ok=True)
        os.close(ticket)


def open_lock(path: Path) -> int:
    """A descriptor of a file that serves as a lock, made when it is not there; no child inherits it by itself."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def locked(descriptor: int) -> bool:
    """Whether the lock could be had, without waiting."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _draw(folder: Path) -> tuple[int, int]:
    """The next number, and the descriptor by which its ticket is locked."""
    counter = open_lock(folder / "queue")
    try:
        fcntl.flock(counter, fcntl.LOCK_EX)  # held for a moment: who sees a ticket sees it locked
        number = max(_numbers(folder), default=0) + 1
        ticket = open_lock(_path(folder, number))
        fcntl.flock(ticket, fcntl.LOCK_EX)
    finally:
        os.close(counter)
    return number, ticket


def _is_over(ticket: Path, *, wait: bool) -> bool:
    """Whether the holder of an earlier ticket is served or gone.

    A number is not given again while a later one is there, so what is removed here is nobody's.
    """
    try:
        descriptor = os.open(ticket, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if wait:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        elif not locked(descriptor):
            return False
        ticket.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _numbers(folder: Path) -> list[int]:
    names = (path.name.removeprefix(_PREFIX) for path in folder.glob(f"{_PREFIX}*"))
    return [int(name) for name in names if name.isdecimal()]


def _path(folder: Path, number: int) -> Path:
    return folder / f"{_PREFIX}{number}"
