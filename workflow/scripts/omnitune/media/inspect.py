"""What is found out about the media of a batch of rows, as far as `validate.media` wants them read."""

import os
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import xxhash

from omnitune.config.validate import ValidateConfig
from omnitune.media.cache import InspectionCache, key_of
from omnitune.media.examine import CRASH, LIMITS, Task, examine, examine_encoded, look
from omnitune.media.inspection import Inspection
from omnitune.media.paths import regular_state
from omnitune.media.pool import Lost, Pool
from omnitune.media.probe import Probe
from omnitune.validation.codes import Finding, RowError

_decoded = msgspec.msgpack.Decoder(Inspection).decode
# Raised when an inspection of the same file comes out differently.
VERSION = 1
# What may be otherwise the next time, although the file is the same.
_PASSING = {"E061", "E063", "E078", CRASH, *LIMITS.values()}
# A file changed again within this time may keep its time stamp (FAT counts in steps of 2 s).
_SETTLED_NS = 2_000_000_000
# What a network share gives at least; reading may take longer than `decode_seconds`.
_BYTES_A_SECOND = 10_000_000
_RECENT = 8192
# Files handed to a process at a time.
_READ_TOGETHER, _DECODED_TOGETHER = 64, 16
# Stands for the path of a file in what is known of its content. No path holds it.
_NO_NAME = "\0"


class Inspector:
    """Reads media as far as the settings say; a context manager, whose end is that of the processes that read.

    Args:
        settings: the level, and what is let in.
        cache: this job's file of what is known from earlier runs; None: nothing is.
    """

    def __init__(self, settings: ValidateConfig, cache: Path | None = None) -> None:
        self._settings = settings
        self._cache = InspectionCache(cache) if cache else None
        self._pool = Pool(partial(examine_encoded, settings), settings.processes)
        self._threads = ThreadPoolExecutor(settings.processes)
        # Rows that share media often stand near each other.
        self._recent: OrderedDict[object, Inspection] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes and close the cache."""
        self._pool.close()
        self._threads.shutdown(cancel_futures=True)
        if self._cache:
            self._cache.close()

    @cached_property
    def _terms(self) -> str:
        """What inspections depend on beside the file."""
        settings = self._settings
        limits = settings.audio_max_seconds, settings.video_max_seconds, settings.image_max_pixels
        return repr([VERSION, *limits, *(version(package) for package in ("av", "pillow", "soundfile"))])

    def forget(self) -> None:
        """Know nothing of earlier batches but what the cache knows."""
        self._recent.clear()

    def inspect(self, media: Sequence[tuple[str, str]]) -> list[Inspection]:
        """One inspection for each (modality, absolute path), in their order; equal ones are made once."""
        seen = {medium: self._recent[medium] for medium in media if medium in self._recent}
        files = []
        for medium in dict.fromkeys(media):
            if medium not in seen:
                try:
                    files.append(self._file(*medium))
                except RowError as error:
                    seen[medium] = Inspection(None, (error.finding,))
        seen |= self._look_into(files)
        for medium in dict.fromkeys(media):
            self._remember(medium, seen[medium])
        return [seen[medium] for medium in media]

    def _file(self, modality: str, path: str) -> "_File":
        state, level, key = regular_state(path, path), self._level(path), ""
        if self._cache:
            key = key_of(f"{self._terms}\0{level}\0{modality}\0{path}\0{state.st_size}\0{state.st_mtime_ns}")
        return _File(modality, path, state.st_size, state.st_mtime_ns, level, key)

    def _level(self, path: str) -> str:
        level, share = self._settings.media, self._settings.decode_share
        drawn = level != "decode" or xxhash.xxh3_64_intdigest(os.fsencode(path)) < share * 2**64
        return level if drawn else "hash"

    def _look_into(self, files: Sequence["_File"]) -> dict[tuple[str, str], Inspection]:
        """What is known about the files, and what is found out about the others."""
        known = self._find({file.key: file.path for file in files})
        fresh = [file for file in files if file.key not in known]
        seen = dict(zip(fresh, self._read(fresh), strict=True))
        seen |= self._decode({file: found for file, found in seen.items() if file.level == "decode"})
        now = time.time_ns()
        self._note(
            {
                file.key: _nameless(found, file.path)
                for file, found in seen.items()
                if now - file.mtime_ns > _SETTLED_NS
            }
        )
        return {file[:2]: known[file.key] if file.key in known else seen[file] for file in files}

    def _read(self, files: Sequence["_File"]) -> list[Inspection]:
        """As far as the header, or as far as the last byte."""
        if self._settings.media == "header":
            return [look(file.modality, file.path, self._settings) for file in files]
        tasks = [file.task() for file in files]
        if self._settings.media == "decode":
            return self._work(tasks, _READ_TOGETHER)
        # To hand a file to a process costs as much as to read it, and no decoder is at work that could do harm.
        parts = [tasks[start : start + _READ_TOGETHER] for start in range(0, len(tasks), _READ_TOGETHER)]
        read = self._threads.map(lambda part: [examine(self._settings, task) for task in part], parts)
        return [found for part in read for found in part]

    def _decode(self, read: Mapping["_File", Inspection]) -> dict["_File", Inspection]:
        """The inspections with what decoding adds; equal files under other names are decoded once."""
        read = {file: found for file, found in read.items() if found.digest and not found.refused()}
        keys = {file: key_of(f"{self._terms}\0{file.modality}\0{found.digest}") for file, found in read.items()}
        firsts = {keys[file]: file for file in reversed(read)}
        decoded = {key: self._recent[key] for key in firsts if key in self._recent}
        decoded |= self._find({key: _NO_NAME for key in firsts if key not in decoded})
        fresh = {key: file for key, file in reversed(firsts.items()) if key not in decoded}
        tasks = [file.task(read[file].probe) for file in fresh.values()]
        found = {
            key: _nameless(result, file.path)
            for (key, file), result in zip(fresh.items(), self._work(tasks, _DECODED_TOGETHER), strict=True)
        }
        self._note(found)
        decoded |= found
        for key in firsts:
            self._remember(key, decoded[key])
        return {
            file: seen.adding(*_named(decoded[keys[file]], file.path).findings)._replace(
                content=decoded[keys[file]].content
            )
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
        return self._settings.decode_seconds + (0 if task.probe else task.size / _BYTES_A_SECOND)

    def _find(self, paths: Mapping[str, str]) -> dict[str, Inspection]:
        """What the cache knows, by key; `paths` are the names that findings should give the files."""
        if not self._cache:
            return {}
        found = self._cache.find(paths)
        return {
            key: _named(inspection, paths[key]) if paths[key] else inspection for key, inspection in found.items()
        }

    def _note(self, inspections: Mapping[str, Inspection]) -> None:
        lasting = {
            key: found
            for key, found in inspections.items()
            if not any(finding.code in _PASSING for finding in found.findings)
        }
        if self._cache and lasting:
            self._cache.add(lasting)

    def _remember(self, key: object, inspection: Inspection) -> None:
        self._recent[key] = inspection
        self._recent.move_to_end(key)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)


class _File(NamedTuple):
    """A medium, its file as it is now, how far it is to be looked into, and its key in the cache."""

    modality: str
    path: str
    size: int
    mtime_ns: int
    level: str
    key: str

    def task(self, probe: Probe | None = None) -> Task:
        return Task(self.modality, self.path, self.size, self.mtime_ns, probe)


def _lost(task: Task, lost: Lost) -> Inspection:
    if lost.late:
        what = "decoded" if task.probe else "read"
        return Inspection(None, (Finding(LIMITS[task.modality], f"{task.path} is not {what} ({lost.how})"),))
    return Inspection(None, (Finding(CRASH, f"{task.path} ends the process that decodes it ({lost.how})"),))


def _nameless(inspection: Inspection, path: str) -> Inspection:
    """With a mark in the place of the path, to be used for a file of another name."""
    return _renamed(inspection, path, _NO_NAME)


def _named(inspection: Inspection, path: str) -> Inspection:
    return _renamed(inspection, _NO_NAME, path)


def _renamed(inspection: Inspection, old: str, new: str) -> Inspection:
    if not inspection.findings:
        return inspection
    findings = tuple(finding._replace(what=finding.what.replace(old, new)) for finding in inspection.findings)
    return inspection._replace(findings=findings)
