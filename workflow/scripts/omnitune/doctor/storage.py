"""Disk: space for environments, base model and results, and what the results' file system can do."""

import fcntl
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from omnitune import environments
from omnitune.disk import existing
from omnitune.doctor import checkpoint
from omnitune.doctor.check import Check
from omnitune.doctor.wants import Wants
from omnitune.errors import PipelineError

# Measured 5.8 GB installed; the installer's download cache comes on top.
_SWIFT_ENV_GB = 10.0
_DEMO_GB = 1.0
_RESULTS = Path("results")


class _Need(NamedTuple):
    purpose: str
    folder: Path
    gb: float


def check_disk(wants: Wants) -> Iterator[Check]:
    """Free space, one line per file system, against what is still to be written there."""
    groups: dict[int, list[_Need]] = defaultdict(list)
    for need in _needs(wants):
        groups[existing(need.folder).stat().st_dev].append(need)
    for needs in groups.values():
        yield _judge(needs, wants)


def _needs(wants: Wants) -> Iterator[_Need]:
    if not wants.swift_env and not _is_ready("swift"):
        yield _Need("environments", environments.cache_folder(), _SWIFT_ENV_GB)
    if checkpoint.to_download(wants):
        yield _Need("base model", checkpoint.hub_cache(wants.hub), wants.base_gb)
    yield _Need("results", _RESULTS.absolute(), wants.results_gb)


def _is_ready(name: str) -> bool:
    try:
        return environments.is_ready(name)
    except (OSError, PipelineError):
        return False


def _judge(needs: list[_Need], wants: Wants) -> Check:
    place = existing(needs[0].folder)
    free = shutil.disk_usage(place).free / 1e9
    total = sum(need.gb for need in needs)
    parts = ", ".join(f"{need.purpose} {_gb(need.gb)}" for need in needs)
    found = f"{_gb(free)} free in {place}, wanted {_gb(total)} ({parts})"
    if free >= total:
        return Check("disk", "ok", found)
    environment = sum(need.gb for need in needs if need.purpose == "environments")
    if free < environment + _DEMO_GB:
        return Check(
            "disk",
            "lacking",
            found,
            "Even the demo needs more: free space, or set OMNITUNE_ENV_DIR to a larger disk.",
        )
    fix = "Free space, or move results (a link will do) or the hub's cache (HF_HOME) to a larger disk."
    if wants.device is None:
        fix = f"The demo has room; for the 30B: {fix[0].lower()}{fix[1:]}"
    return Check("disk", wants.short, found, fix)


def _gb(gb: float) -> str:
    return f"{gb:.0f} GB" if gb >= 10 else f"{gb:.1f} GB"


def check_results(wants: Wants) -> Iterator[Check]:
    """Whether results can be written, locked, renamed and linked where they will lie."""
    place = existing(_RESULTS.absolute())
    try:
        with tempfile.TemporaryDirectory(prefix=".omnitune-doctor-", dir=place) as folder:
            failed = [what for what, trial in _TRIALS if not _works(trial, Path(folder))]
    except OSError as error:
        fix = "Get the right to write there, or put the checkout elsewhere."
        yield Check("results", "lacking", f"{place} cannot be written to ({error.strerror})", fix)
        return
    if failed:
        # Results appear by rename and writers are kept apart by locks: without them a result may be half.
        fix = "Put results on a local disk or a file system with POSIX locks (NFS 4, Lustre with -o flock)."
        yield Check("results", "lacking", f"{place} has no {', no '.join(failed)}", fix)
    else:
        yield Check("results", "ok", f"{place} has file locks, atomic rename and hard links")


def _works(trial: Callable[[Path], bool], folder: Path) -> bool:
    try:
        return trial(folder)
    except OSError:
        return False


def _locks(folder: Path) -> bool:
    path = folder / "lock"
    with path.open("w") as one, path.open("w") as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False  # both hold it: the file system only pretends


def _renames(folder: Path) -> bool:
    old, new = folder / "old", folder / "new"
    old.write_text("old")
    new.write_text("new")
    new.rename(old)
    return old.read_text() == "new" and not new.exists()


def _links(folder: Path) -> bool:
    one, other = folder / "one", folder / "other"
    one.write_text("1")
    os.link(one, other)
    return other.stat().st_nlink == 2


_TRIALS = [("file locks", _locks), ("atomic rename", _renames), ("hard links", _links)]
