"""A sign of life of each process of a training: a small file whose age tells whether it still moves."""

import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FOLDER = "heartbeat"
SECONDS = 1.0  # between two beats, at least: a training of thousands of short steps is not to feel it
Phase = Literal["begin", "rollout", "train", "evaluate", "save", "end"]
# Phases that may last long without a beat.
QUIET: frozenset[Phase] = frozenset({"begin", "rollout", "save", "end"})


@dataclass(frozen=True)
class Beat:
    """Where a process of the training is; `time` is its clock in seconds since 1970."""

    pid: int
    rank: int
    host: str
    step: int
    max_steps: int
    phase: Phase
    time: float


class Heartbeat:
    """The beats of one process, in `{work}/heartbeat/{rank}.json`."""

    def __init__(self, work: Path, rank: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = work / FOLDER / f"{rank}.json"
        self._rank, self._clock = rank, clock
        self._phase, self._last = "", 0.0

    def beat(self, phase: Phase, step: int, max_steps: int) -> None:
        """Write where the process is; a beat of the same phase within a second is left out.

        On a full disk there are none; a watchdog that misses them for too long looks at the disk.
        """
        now = self._clock()
        if phase == self._phase and now - self._last < SECONDS:
            return
        self._phase, self._last = phase, now
        beat = Beat(os.getpid(), self._rank, socket.gethostname(), step, max_steps, phase, time.time())
        new = self._file.with_suffix(".tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(asdict(beat)))
            new.replace(self._file)
        except OSError:
            pass


def read(work: Path, since: float = 0.0) -> list[Beat]:
    """The last beat of every process, by rank; without those written before `since`, by the file's time."""
    beats = []
    for path in (work / FOLDER).glob("*.json"):
        try:
            beat = Beat(**json.loads(path.read_bytes()))
            recent = path.stat().st_mtime >= since
        except (OSError, ValueError, TypeError):  # being removed, or no beat of ours
            continue
        if recent and all(type(number) is int for number in (beat.pid, beat.rank, beat.step, beat.max_steps)):
            beats.append(beat)
    return sorted(beats, key=lambda beat: beat.rank)


def is_quiet(beats: Collection[Beat]) -> bool:
    """Whether a process is where nothing beats, or none has beaten: what else it says is a sign of life then."""
    return not beats or any(beat.phase in QUIET for beat in beats)


def last(work: Path) -> float:
    """When a process beat last, by the file's time; 0 when none has."""
    times = [0.0]
    for path in (work / FOLDER).glob("*.json"):
        with suppress(OSError):  # being removed
            times.append(path.stat().st_mtime)
    return max(times)


def clear(work: Path) -> None:
    """Forget the processes of an earlier run: their numbers may be others' by now."""
    shutil.rmtree(work / FOLDER, ignore_errors=True)
