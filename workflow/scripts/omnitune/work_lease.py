"""One writer of a result: a lock for this machine, a lease that beats for all others.

The kernel frees a lock when its last holder is gone, however that went; but not every file system locks over
several machines. There the lease counts: `.{name}.lease.json` beside the folder or file, {pid, born, host, job,
restarts, begun}, whose time of change is the beat. Whether an owner on another machine lives can only be seen: its
beat is waited for.
"""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omnitune import alive
from omnitune.duration import duration
from omnitune.errors import ExitCode, PipelineError, tell
from omnitune.publish import write_json

BEAT_SECONDS = 15.0
STALE_SECONDS = 180.0  # a beat that is older, on another machine, is that of one that is gone
# What a killed owner leaves running ends within this time, and holds the lock till then.
_ORPHAN_SECONDS = 10.0
_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 0.2
_LOOK_SECONDS = 2.0  # after a beat of another machine: each look asks the file server
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


def lease_of(work: Path) -> Path:
    """Where the lease of a folder or file lies."""
    return work.with_name(f".{work.name}.lease.json")


@contextmanager
def held(work: Path) -> Iterator[int]:
    """Be the only writer of a folder or file while the block runs.

    An owner on another machine that may be gone is waited for: until it beats, or has not for STALE_SECONDS.
    Yields the lock's descriptor: a command that inherits it keeps others out even after our death.

    Raises:
        PipelineError: another one writes there; told with its machine, number and job.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    path = lease_of(work)
    lock = os.open(work.with_name(f".{work.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        locks = _take(lock, path, work)
        mine = alive.of(os.getpid()) | _job() | {"begun": time.time()}
        write_json(path, mine)
        if not locks:
            time.sleep(_SETTLE_SECONDS)  # of two that came together the later one's lease is left
            if alive.read(path) != mine:
                raise _busy(alive.read(path), 0, work)
        over = threading.Event()
        beating = threading.Thread(target=_beat, args=(path, mine, work, over), daemon=True)
        beating.start()
        try:
            yield lock
        finally:
            over.set()
            beating.join()
            if alive.read(path) == mine:
                path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _take(lock: int, path: Path, work: Path) -> bool:
    """Take the lock when no owner is left; False where the file system has no locks."""
    watched: tuple[dict[str, Any], float] | None = None
    began = orphaned = None
    while True:
        locked = _try(lock)
        owner, now = alive.read(path), time.monotonic()
        beat, age = _beat_of(path, lock)
        far = alive.alive(owner) is None
        lives = _lives(owner, max(age, now - began if began else 0))
        if lives or (lives is None and watched not in (None, (owner, beat))):
            raise _busy(owner, age, work)
        if lives is False and locked is not False:
            if owner:
                print(f"The lease of {_named(owner)} is taken over: it is gone.", flush=True)
            return bool(locked)
        if lives is None:
            watched = (owner, beat)
        else:
            # A dead one's command may still be ending, or a file server keep the lock of a lost machine; a lease
            # that is not there is being written, or removed.
            orphaned = orphaned or now
            if now - orphaned > (STALE_SECONDS if far else _ORPHAN_SECONDS):
                raise _busy(owner, age, work)
        if far and began is None:
            began, left = now, duration(STALE_SECONDS - age if lives is None else STALE_SECONDS)
            print(
                f"Waiting up to {left} for {_named(owner)}: it may be gone, and its next beat would tell.",
                flush=True,
            )
        time.sleep(_LOOK_SECONDS if far else _POLL_SECONDS)


def _try(lock: int) -> bool | None:
    """Whether we have the lock; None where the file system has none."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _lives(owner: dict[str, Any], silent: float) -> bool | None:
    """Whether the owner of a lease lives; None when only its next beat can tell."""
    lives = alive.alive(owner)
    if lives is None and (silent >= STALE_SECONDS or _is_before_ours(owner)):
        return False
    return lives


def _job() -> dict[str, Any]:
    """The Slurm job that we are in, and how often Slurm has started it again."""
    restarts = os.environ.get("SLURM_RESTART_COUNT", "")
    return {
        "job": os.environ.get("SLURM_JOB_ID", ""),
        "restarts": int(restarts) if restarts.isdecimal() else 0,
    }


def _is_before_ours(owner: dict[str, Any]) -> bool:
    """Whether Slurm has started the owner's job again, as ours: it does so only when all its nodes let go of it.

    The same number alone says nothing: two steps of one allocation share it.
    """
    ours, restarts = _job(), owner.get("restarts")
    same = ours["job"] and ours["job"] == owner.get("job")
    return bool(same and isinstance(restarts, int) and restarts < ours["restarts"])


def _beat(path: Path, mine: dict[str, Any], work: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        with suppress(OSError):  # a file server that is away for a while
            if (found := alive.read(path)) and found != mine:
                # We were stopped for so long that we counted as gone. Nothing of ours may write now, and our
                # guardian sees to it.
                tell(_busy(found, 0, work))
                os._exit(ExitCode.BUSY)
            os.utime(path)


def _beat_of(path: Path, lock: int) -> tuple[float, float]:
    """The last beat, and its age, by the clock of the file system, which may not be ours."""
    os.utime(lock)
    now = os.fstat(lock).st_mtime
    try:
        beat = path.stat().st_mtime
    except OSError:
        return 0.0, 0.0
    return beat, max(0.0, now - beat)


def _busy(owner: dict[str, Any], age: float, work: Path) -> PipelineError:
    return PipelineError(
        f"another process writes here ({_named(owner)}, last beat {age:.0f} s ago)",
        where=str(work),
        fix="Wait for it or end it, then run the same command again.",
        code=ExitCode.BUSY,
    )


def _named(owner: dict[str, Any]) -> str:
    job = f", Slurm job {owner['job']}" if owner.get("job") else ""
    return f"pid {owner['pid']} on {owner.get('host', '?')}{job}" if "pid" in owner else "unknown"
