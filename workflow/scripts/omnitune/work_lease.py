"""One writer in a folder of checkpoints: a lock for this machine, a lease that beats for all others.

The kernel frees a lock when its last holder is gone, however that went; but not every file system locks over
several machines. There the lease counts: `.{folder}.lease.json` beside the folder, {pid, born, host, job, begun},
whose time of change is the beat.
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
from omnitune.errors import ExitCode, PipelineError, tell
from omnitune.publish import write_json

BEAT_SECONDS = 15.0
STALE_SECONDS = 180.0  # a beat that is older, on another machine, is that of one that is gone
# What a killed owner leaves running ends within this time, and holds the lock till then.
_ORPHAN_SECONDS = 10.0
_SETTLE_SECONDS = 2.0
_POLL_SECONDS = 0.2
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


def lease_of(work: Path) -> Path:
    """Where the lease of a folder lies."""
    return work.with_name(f".{work.name}.lease.json")


@contextmanager
def held(work: Path) -> Iterator[int]:
    """Be the folder's only writer while the block runs.

    Yields the lock's descriptor: a command that inherits it keeps others out even after our death.

    Raises:
        PipelineError: another one writes there; told with its machine, number and job.
    """
    work.parent.mkdir(parents=True, exist_ok=True)
    path = lease_of(work)
    lock = os.open(work.with_name(f".{work.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        locks = _lock(lock, path, work)
        _refuse_owner(path, _now(lock), work)
        mine = alive.of(os.getpid()) | {"job": os.environ.get("SLURM_JOB_ID", ""), "begun": time.time()}
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


def _lock(lock: int, path: Path, work: Path) -> bool:
    """Take the lock; False where the file system has none."""
    end = time.monotonic() + _ORPHAN_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = alive.read(path)
            # A dead one's command may still be ending; a lease that is not there is being written, or removed.
            if alive.alive(owner) is not False or time.monotonic() > end:
                raise _busy(owner, _age(path, _now(lock)), work) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return False
        else:
            return True
        time.sleep(_POLL_SECONDS)


def _refuse_owner(path: Path, now: float, work: Path) -> None:
    owner = alive.read(path)
    if not owner:
        return
    lives, age, job = alive.alive(owner), _age(path, now), os.environ.get("SLURM_JOB_ID")
    if lives is None:  # on another machine
        # Slurm starts a job again only when its node has let go of it.
        lives = age < STALE_SECONDS and not (job and job == owner.get("job"))
    if lives:
        raise _busy(owner, age, work)
    print(f"The lease of {_named(owner)} is taken over: it is gone.", flush=True)


def _beat(path: Path, mine: dict[str, Any], work: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        with suppress(OSError):  # a file server that is away for a while
            if (found := alive.read(path)) and found != mine:
                # We were stopped for so long that we counted as gone. Nothing of ours may write now, and our
                # guardian sees to it.
                tell(_busy(found, 0, work))
                os._exit(ExitCode.BUSY)
            os.utime(path)


def _now(lock: int) -> float:
    """The time of the file system, whose clock may not be ours."""
    os.utime(lock)
    return os.fstat(lock).st_mtime


def _age(path: Path, now: float) -> float:
    try:
        return max(0.0, now - path.stat().st_mtime)
    except OSError:
        return 0.0


def _busy(owner: dict[str, Any], age: float, work: Path) -> PipelineError:
    return PipelineError(
        f"another process trains here ({_named(owner)}, last beat {age:.0f} s ago)",
        where=str(work),
        fix="Wait for it or end it, then run the same command again.",
        code=ExitCode.BUSY,
    )


def _named(owner: dict[str, Any]) -> str:
    job = f", Slurm job {owner['job']}" if owner.get("job") else ""
    return f"pid {owner['pid']} on {owner.get('host', '?')}{job}" if "pid" in owner else "unknown"
