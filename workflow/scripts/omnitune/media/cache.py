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


class InspectionCache:
    """Finds inspections by key, and notes new ones.

    Args:
        path: this job's own file. The other files of its folder are read as they are now.

    Memory is 16 bytes an inspection.
    """

    def __init__(self, path: Path) -> None:
        import numpy as np

        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._files = path, list[BinaryIO | None]()
        self._decode = msgspec.json.Decoder(Inspection).decode
        keys, places = array("Q"), array("Q")
        for other in [path, *sorted(set(path.parent.glob("*.jsonl")) - {path})]:
            self._load(other, keys, places)
        order = np.argsort(np.frombuffer(keys, np.uint64), kind="stable")
        self._keys, self._places = np.frombuffer(keys, np.uint64)[order], np.frombuffer(places, np.uint64)[order]
        self._own = self._path.open("ab")

    def find(self, keys: Iterable[str]) -> dict[str, Inspection]:
        """The inspections that are known, by key (32 hex digits)."""
        import numpy as np

        keys = list(keys)
        short = np.array([int(key[:16], 16) for key in keys], np.uint64)
        # The newest of equal keys comes last; its neighbours are other keys with equal first halves.
        places = np.searchsorted(self._keys, short, side="right").tolist()
        found = ((key, self._at(key, place - 1)) for key, place in zip(keys, places, strict=True) if place)
        return {key: inspection for key, inspection in found if inspection is not None}

    def add(self, inspections: Mapping[str, Inspection]) -> None:
        """Note inspections; this object itself does not find them again."""
        lines = []
        for key, inspection in inspections.items():
            line = key.encode() + msgspec.json.encode(inspection)
            lines.append(line[:_KEY] + _check(line).encode() + line[_KEY:] + b"\n")
        # One call, so that a kill leaves at most one line unfinished.
        self._own.write(b"".join(lines))
        self._own.flush()

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

    def _at(self, key: str, index: int) -> Inspection | None:
        place = int(self._places[index])
        number, offset = place >> 44, place & (1 << 44) - 1
        file = self._files[number]
        if file is None or int(self._keys[index]) != int(key[:16], 16):
            return None
        file.seek(offset)
        line = file.readline(_LONGEST)
        body = line[:_KEY] + line[_KEY + _CHECK : -1]
        if line[_KEY : _KEY + _CHECK] != _check(body).encode():
            self._put_aside(number)
            return None
        if line[:_KEY] != key.encode():
            return None
        try:
            return self._decode(body[_KEY:])
        except msgspec.DecodeError:  # of another version of the program
            return None

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
        if path == self._path and hasattr(self, "_own"):
            self._own.close()
            self._own = path.open("ab")


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


def key_of(*parts: Any) -> str:
    """A key for what an inspection depends on: 32 hex digits."""
    return xxhash.xxh3_128_hexdigest("\0".join(map(str, parts)).encode("utf-8", "surrogateescape"))
