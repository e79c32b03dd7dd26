"""Remove a run, or the checkpoints in it: what would go and what it frees, who is at work there, the removal."""

import fcntl
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omnitune import alive, publish, run_name
from omnitune.errors import ExitCode, PipelineError

RESULTS, LOGS, BENCHMARKS = Path("results"), Path("logs"), Path("benchmarks")
_LOCKS = Path(".snakemake/locks")
_CHECKPOINTS = re.compile(r"checkpoints(-[0-9a-f]{8}|-unknown)?")
_LEFT = "removed"

Only = Literal["", "checkpoints"]


@dataclass(frozen=True)
class Part:
    """A folder that would go.

    Attributes:
        path: the folder.
        kind: what it is, in words.
        frees: bytes that become free; files that have another name elsewhere free nothing.
    """

    path: Path
    kind: str
    frees: int


def parts(run: str, only: Only = "") -> list[Part]:
    """What would be removed, in the order of removal: the whole run, or what a finished run does not need.

    Raises:
        PipelineError: the name is none, the run is not there, or a link stands in its place.
    """
    refuse_name(run)
    folders = _checkpoints(run) if only else _whole(run)
    seen: dict[tuple[int, int], int] = {}
    return [Part(path, kind, _frees(path, seen)) for path, kind in folders]


def refuse_name(run: str) -> None:
    """Refuse what is no name of a run, and one whose folders are links."""
    run_name.check(run, "make clean RUN=name")
    for folder in (RESULTS, LOGS, BENCHMARKS):
        if (folder / run).is_symlink():
            raise PipelineError(
                "this is a link; nothing is removed through it", where=str(folder / run),
                fix="Remove what it leads to by hand, then the link.", code=ExitCode.USAGE,
            )  # fmt: skip


def refuse_while_used(run: str) -> None:
    """Refuse while a job of the run is at work, here or on another machine.

    Raises:
        PipelineError: with what is at work and how to see to it.
    """
    for path in sorted((LOGS / run).rglob(f"*{alive.SUFFIX}")):
        note = alive.read(path)
        lives = alive.alive(note)
        if lives is not False:
            fix = "Wait for it or end it."
            if lives is None:
                fix = f"Wait for it or end it; if it is gone, remove {path}."
            raise _busy(f"process {note.get('pid', '?')} on {note.get('host', '?')} is at work", path, fix)
    for path in sorted(path for places in ("*", "*/*") for path in (RESULTS / run).glob(f"{places}/.*.lock")):
        if not _free(path):
            raise _busy("a process writes there", path, "Wait for it or end it.")
    for path in sorted(_LOCKS.glob("*")):
        if path.is_file() and any(line.startswith(f"{RESULTS}/{run}/") for line in _lines(path)):
            fix = "Wait for it; after a crash of snakemake: make unlock"
            raise _busy("snakemake works on this run", path, fix)


def unfinished(run: str) -> list[str]:
    """Trainings that have checkpoints and no published model, as `main/sft`: they would begin at step 0 again."""
    return [
        f"{path.parents[1].name}/{path.parent.name}"
        for path in sorted((RESULTS / run).glob("*/*/checkpoints"))
        if not (path.parent / "model" / publish.MANIFEST).is_file() and any(path.glob("checkpoint-*"))
    ]


def remove(found: Sequence[Part]) -> None:
    """Remove the folders; each vanishes at once, so that a kill leaves no half of a result in its place.

    Links are removed, never what they lead to.
    """
    for part in found:
        path = part.path
        if f".{_LEFT}-" not in path.name:
            path = path.rename(path.with_name(f".{path.name}.{_LEFT}-{uuid.uuid4().hex[:8]}"))
        shutil.rmtree(path)


def _whole(run: str) -> Iterator[tuple[Path, str]]:
    kinds = ((RESULTS, "run"), (LOGS, "logs"), (BENCHMARKS, "benchmarks"))
    for folder, kind in kinds:
        if (folder / run).is_dir():
            yield folder / run, kind
    for folder, _ in kinds:
        yield from _left(folder, run)


def _checkpoints(run: str) -> Iterator[tuple[Path, str]]:
    for stage in sorted(path for path in (RESULTS / run).glob("*/*") if _is_folder(path)):
        for path in sorted(stage.glob("checkpoints*")):
            if _CHECKPOINTS.fullmatch(path.name) and _is_folder(path):
                yield path, "checkpoints" if path.name == "checkpoints" else "put-aside checkpoints"
        yield from _left(stage, "checkpoints*")
    for pattern in ("*/raw/cache", "*/*/raw/cache"):
        for path in sorted(path for path in (RESULTS / run).glob(pattern) if _is_folder(path)):
            yield path, "cache of ms-swift"


def _left(folder: Path, name: str) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob(f".{name}.{_LEFT}-*")):
        if _is_folder(path):
            yield path, "rest of an earlier cleaning"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _frees(folder: Path, seen: dict[tuple[int, int], int]) -> int:
    """Bytes on disk that go with a folder; a file with several names goes with the last of them."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            state = (Path(place) / name).lstat()
            key = (state.st_dev, state.st_ino)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] == state.st_nlink or not stat.S_ISREG(state.st_mode):
                total += state.st_blocks * 512
    return total


def _free(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _busy(what: str, where: Path, fix: str) -> PipelineError:
    return PipelineError(what, where=str(where), fix=fix, code=ExitCode.BUSY)
