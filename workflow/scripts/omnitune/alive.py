"""That a command is at work: a note beside its log, which whoever asks can hold against the process itself."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omnitune.publish import write_json

SUFFIX = ".running.json"
_SAME_SECONDS = 2.0  # two looks at a process's time of birth may differ by the clock's correction


@contextmanager
def noted(log: Path, **watched: Path) -> Iterator[None]:
    """Keep `{log's stem}.running.json` while the block runs; only a kill leaves it behind.

    The note of another process that still lives is left as it is.

    Args:
        log: the command's log; the note lies beside it.
        watched: files that show how far it is: `steps`, ms-swift's log of a training; `answers` and `rows`, what
            is written and what is to be answered.
    """
    path = note_of(log)
    if alive(read(path)):
        yield
        return
    note = of(os.getpid()) | {"begun": time.time(), "log": str(log)}
    try:  # who sees it may ask for the end before it is flushed
        write_json(path, note | {name: str(file) for name, file in watched.items()})
        yield
    finally:
        path.unlink(missing_ok=True)


def add(log: Path, **facts: Any) -> None:
    """Add to our own note, if there is one."""
    note = read(note_of(log))
    if note.get("pid") == os.getpid() and alive(note):
        write_json(note_of(log), note | facts)


def of(pid: int) -> dict[str, Any]:
    """What tells a process of this machine from all others, then and now."""
    return {"pid": pid, "born": _born(pid), "host": os.uname().nodename}


def note_of(log: Path) -> Path:
    """Where the note of a command with this log lies."""
    return log.with_name(f"{log.name.removesuffix('.log')}{SUFFIX}")


def read(path: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when there is none or it is damaged."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def alive(note: dict[str, Any]) -> bool | None:
    """Whether the noted process lives; None when it is on another machine and cannot be asked."""
    if note and note.get("host") != os.uname().nodename:
        return None
    pid, born = note.get("pid"), note.get("born")
    if not isinstance(pid, int) or not isinstance(born, int | float):
        return False
    now = _born(pid)
    return now is not None and abs(now - born) < _SAME_SECONDS


def _born(pid: int) -> float | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, ValueError, OverflowError):
        return None
