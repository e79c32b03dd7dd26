"""What is found out about the media of a batch of rows, as far as `validate.media` wants them read."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import xxhash

from omnitune.config.validate import ValidateConfig
from omnitune.media.cache import key_of
from omnitune.media.examine import CRASH, LIMITS, Task, examine, examine_encoded, limits_of
from omnitune.media.facts import Unconfined
from omnitune.media.inspection import Inspection
from omnitune.media.known import Known, renamed
from omnitune.media.paths import regular_state
from omnitune.media.pool import Lost, Pool
from omnitune.media.probe import Probe
from omnitune.validation.codes import Finding, RowError

_decoded = msgspec.msgpack.Decoder(Inspection).decode
# Raised when an inspection of the same file comes out differently.
VERSION = 3
# A file changed again within this time may keep its time stamp (FAT counts in steps of 2 s).
_SETTLED_NS = 2_000_000_000
# What a network share gives at least; reading may take longer than `decode_seconds`.
BYTES_A_SECOND = 10_000_000
# Files handed over at a time.
_READ_TOGETHER, _DECODED_TOGETHER = 64, 16


class Inspector:
    """Reads media as far as the settings say; a context manager, whose end is that of the processes that read.

    Args:
        settings: the level, and what is let in.
        cache: this job's file of what is known from earlier runs; None: nothing is.
    """

    def __init__(self, settings: ValidateConfig, cache: Path | None = None) -> None:
        self._settings, self._known = settings, Known(cache)
        self._limits = limits_of(settings)
        self._pool: Pool[bytes] = Pool(partial(examine_encoded, self._limits), settings.processes)
        self._threads = ThreadPoolExecutor(settings.processes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes and close the cache."""
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)
        self._known.close()

    def inspect(self, media: Sequence[tuple[str, str]]) -> list[Inspection]:
        """One inspection for each (modality, absolute path), in their order; equal ones are made once."""
        seen: dict[tuple[str, str], Inspection] = {}
        files = []
        for medium in dict.fromkeys(media):
            try:
                files.append(self._file(*medium))
            except RowError as error:
                seen[medium] = Inspection(None, (error.finding,))
        seen |= self._look_into(files)
        return [seen[medium] for medium in media]

    def _file(self, modality: str, path: str) -> "_File":
        state, level = regular_state(path, path), self._level(path)
        size, mtime_ns = state.st_size, state.st_mtime_ns
        # A program may set back the time of a file that it changed, but not the time of that (ctime).
        now = f"{level} {modality} {size} {mtime_ns} {state.st_ctime_ns} {state.st_ino}"
        return _File(modality, path, size, mtime_ns, level, key_of(f"{self._terms}{now} {path}"))

    @cached_property
    def _terms(self) -> str:
        """What inspections depend on beside the file."""
        settings = self._settings
        limits = settings.audio_max_seconds, settings.video_max_seconds, settings.image_max_pixels
        return repr([VERSION, *limits, *(version(package) for package in ("av", "pillow", "soundfile"))])

    def _level(self, path: str) -> str:
        level = self._settings.media
        if level != "decode" or xxhash.xxh3_64_intdigest(os.fsencode(path)) < self._settings.decode_share * 2**64:
            return level
        return "hash"

    def _look_into(self, files: Sequence["_File"]) -> dict[tuple[str, str], Inspection]:
        """What is known about the files, and what is found out about the others."""
        paths = {file.key: file.path for file in files}
        known = self._known.find(paths)
        fresh = [file for file in files if file.key not in known]
        seen = dict(zip(fresh, self._read(fresh), strict=True))
        seen |= self._decode({file: found for file, found in seen.items() if file.level == "decode"})
        found = {file.key: inspection for file, inspection in seen.items()}
        settled = time.time_ns() - _SETTLED_NS
        self._known.note(found, paths, passing={file.key for file in fresh if file.mtime_ns > settled})
        known |= found
        return {file[:2]: known[file.key] for file in files}

    def _read(self, files: Sequence["_File"]) -> list[Inspection]:
        """As far as the header, or as far as the last byte."""
        level = self._settings.media
        tasks = [file.task(level != "header") for file in files]
        if level == "decode":
            return self._work(tasks, _READ_TOGETHER)
        # To hand a file to a process costs as much as to read it, and our own readers of headers do no harm.
        parts = [tasks[start : start + _READ_TOGETHER] for start in range(0, len(tasks), _READ_TOGETHER)]
        done = map(self._own, parts) if level == "header" else self._threads.map(self._own, parts)
        read = dict(zip(tasks, chain.from_iterable(done), strict=True))
        left = [task for task, found in read.items() if found is None]
        read |= zip(left, self._work(left, _READ_TOGETHER), strict=True)
        return [found for found in read.values() if found]

    def _own(self, tasks: Sequence[Task]) -> list[Inspection | None]:
        """By this process itself; None of what a library must look at."""
        found: list[Inspection | None] = []
        for task in tasks:
            try:
                found.append(examine(self._limits, task, confined=False))
            except Unconfined:
                found.append(None)
        return found

    def _decode(self, read: Mapping["_File", Inspection]) -> dict["_File", Inspection]:
        """The inspections with what decoding adds; equal files under other names are decoded once."""
        read = {file: found for file, found in read.items() if found.digest and not found.refused()}
        keys = {file: key_of(f"{self._terms}\0{file.modality}\0{found.digest}") for file, found in read.items()}
        ones = {key: file for file, key in keys.items()}
        paths = {key: file.path for key, file in ones.items()}
        added = self._known.find(paths)
        fresh = [key for key in ones if key not in added]
        tasks = [ones[key].task(True, read[ones[key]].probe) for key in fresh]
        found = dict(zip(fresh, self._work(tasks, _DECODED_TOGETHER), strict=True))
        self._known.note(found, paths)
        added |= found
        return {
            file: seen.decoded(renamed(added[keys[file]], paths[keys[file]], file.path))
            for file, seen in read.items()
        }

    def _work(self, tasks: Sequence[Task], chunk: int) -> list[Inspection]:
        if not tasks:
            return []
        seconds = [self._seconds(task) for task in tasks]
        results = self._pool.map([msgspec.msgpack.encode(task) for task in tasks], seconds, chunk)
        return [
            _lost(task, result) if isinstance(result, Lost) else _decoded(result)
            for task, result in zip(tasks, results, strict=True)
        ]

    def _seconds(self, task: Task) -> float:
        return self._settings.decode_seconds + (0 if task.probe or not task.whole else task.size / BYTES_A_SECOND)


class _File(NamedTuple):
    """A medium, its file as it is now, how far it is to be looked into, and its key in the cache."""

    modality: str
    path: str
    size: int
    mtime_ns: int
    level: str
    key: str

    def task(self, whole: bool, probe: Probe | None = None) -> Task:
        return Task(self.modality, self.path, self.size, self.mtime_ns, whole, probe)


def _lost(task: Task, lost: Lost) -> Inspection:
    if lost.late:
        what = "decoded" if task.probe else "read"
        return Inspection(None, (Finding(LIMITS[task.modality], f"{task.path} is not {what} ({lost.how})"),))
    return Inspection(None, (Finding(CRASH, f"{task.path} ends the process that decodes it ({lost.how})"),))
