"""What was found out about media, kept over runs: one file a job, to which only that job appends.

No file has two writers and no reader needs a lock, so jobs of many machines may share the folder on any file
system; a database with a lock of its own may not be shared over NFS (sqlite.org/wal.html).
A line is `{key: 32 hex digits}{check: 16 hex digits}{JSON}`; the check is xxh3-64 of key and JSON.
"""

import os
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import xxhash

from omnitune.media.inspection import Inspection

_KEY, _CHECK = 32, 16
# A line is far shorter; what is longer is no line of ours.
_LONGEST = 1 << 20
# What was noted one after the other is asked for so: bytes that are read at once.
_AHEAD = 1 << 14


class InspectionCache:
    """Finds inspections by key, and notes new ones.

    Args:
        path: this job's own file. The other files of its folder are read as they are now.

    Memory is 16 bytes an inspection.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._files = path, list[BinaryIO | None]()
        self._decode = msgspec.json.Decoder(Inspection).decode
        self._own: BinaryIO | None = None
        self._ahead: tuple[int, int, bytes] = (0, 0, b"")
        self._keys: Any = None
        self._places: Any = None

    def _open(self) -> BinaryIO:
        """This job's file, to append to; the first call reads what is known (a run without media never does)."""
        import numpy as np

        if self._keys is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            keys, places = array("Q"), array("Q")
            for path in [self._path, *sorted(set(self._path.parent.glob("*.jsonl")) - {self._path})]:
                self._load(path, keys, places)
            order = np.argsort(np.frombuffer(keys, np.uint64), kind="stable")
            self._keys = np.frombuffer(keys, np.uint64)[order]
            self._places = np.frombuffer(places, np.uint64)[order]
        self._own = self._own or self._path.open("ab")
        return self._own

    def find(self, keys: Iterable[str]) -> dict[str, Inspection]:
        """The inspections that are known, by key (32 hex digits)."""
        import numpy as np

        keys = list(keys)
        if not keys:
            return {}
        self._open()
        short = np.frombuffer(bytes.fromhex("".join([key[:16] for key in keys])), ">u8").astype(np.uint64)
        # Of equal keys the newest comes last.
        places = np.searchsorted(self._keys, short, side="right") - 1
        there = (self._keys[places] == short) if len(self._keys) else places < -1
        hits = zip(np.flatnonzero(there).tolist(), self._places[places[there]].tolist(), strict=True)
        found = ((keys[index], self._at(keys[index], place)) for index, place in hits)
        return {key: inspection for key, inspection in found if inspection is not None}

    def add(self, inspections: Mapping[str, Inspection]) -> None:
        """Note inspections; this object itself does not find them again."""
        lines = []
        for key, inspection in inspections.items():
            line = key.encode() + msgspec.json.encode(inspection)
            lines.append(line[:_KEY] + _check(line).encode() + line[_KEY:] + b"\n")
        # One call, so that a kill leaves at most one line unfinished.
        own = self._open()
        own.write(b"".join(lines))
        own.flush()

    def close(self) -> None:
        """Close the files."""
        for file in [*self._files, self._own]:
            if file:
                file.close()

    def _load(self, path: Path, keys: "array[int]", places: "array[int]") -> None:
        """Note where the keys of a file stand; one that is not as it should be is put aside."""
        number, place = len(self._files), 0
        found = array("Q"), array("Q")
        try:
            file = path.open("rb")
        except OSError:
            return
        self._files.append(file)
        try:
            for line in _lines(file):
                found[0].append(int(line[:16], 16))
                found[1].append(number << 44 | place)
                place += len(line)
        except ValueError:
            self._put_aside(number)
            return
        keys.extend(found[0])
        places.extend(found[1])
        if path == self._path:
            os.truncate(path, place)  # a line that a kill left unfinished

    def _at(self, key: str, place: int) -> Inspection | None:
        number, offset = place >> 44, place & (1 << 44) - 1
        file = self._files[number]
        if file is None:
            return None
        line = self._line(number, file, offset)
        found, check, rest = line[:_KEY], line[_KEY : _KEY + _CHECK], line[_KEY + _CHECK :]
        if check != _check(found + rest).encode():
            self._put_aside(number)
            return None
        if found != key.encode():
            return None
        try:
            return self._decode(rest)
        except msgspec.DecodeError:  # of another version of the program
            return None

    def _line(self, number: int, file: BinaryIO, offset: int) -> bytes:
        """The line at a place of a file, without its end."""
        ahead, start, block = self._ahead
        at = offset - start
        if ahead != number or at < 0 or (end := block.find(b"\n", at)) < 0:
            block, at = os.pread(file.fileno(), _AHEAD, offset), 0
            self._ahead = number, offset, block
            end = block.find(b"\n")
        if end < 0:
            block = os.pread(file.fileno(), _LONGEST, offset)
            end = block.find(b"\n")
        return block[at:end]

    def _put_aside(self, number: int) -> None:
        file = self._files[number]
        assert file is not None
        path = Path(file.name)
        file.close()
        self._files[number] = None
        aside = path.with_suffix(".damaged")
        print(
            f"warning: {path} is damaged. What it knew is found out anew; it was moved to {aside.name}, "
            "which may be deleted.",
            file=sys.stderr,
        )
        if path.exists():
            path.replace(aside)
        if path == self._path and self._own:
            self._own.close()
            self._own = None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The whole lines of a file; a ValueError when something else is between them."""
    while (line := file.readline(_LONGEST)).endswith(b"\n"):
        if len(line) < _KEY + _CHECK + 3:
            raise ValueError("a line is too short")
        yield line
    if len(line) == _LONGEST:
        raise ValueError("a line is too long")


def _check(line: bytes) -> str:
    return xxhash.xxh3_64_hexdigest(line)


def key_of(text: str) -> str:
    """A key for what an inspection depends on: 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogateescape"))
