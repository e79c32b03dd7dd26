"""Files of rows being written, with their checksums, and the lengths of their rows beside them."""

import hashlib
from typing import Any, BinaryIO

from omnitune.records import Record, encode


class RowFile:
    """A file being written, with its checksum and number of rows."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._rows = file, hashlib.sha256(), 0

    def write(self, line: bytes) -> None:
        """Add a row."""
        self._file.write(line)
        self._digest.update(line)
        self._rows += 1

    def empty(self) -> None:
        """Take all rows out again."""
        self._file.seek(0)
        self._file.truncate()
        self._digest, self._rows = hashlib.sha256(), 0

    def summary(self) -> dict[str, Any]:
        """What the manifest says of the file."""
        return {"sha256": self._digest.hexdigest(), "rows": self._rows}


class Lengths:
    """`{"id", "tokens"}` of each row of another file, in its order; empty unless all tokens were counted."""

    def __init__(self, file: RowFile) -> None:
        self._file, self._complete = file, True

    def add(self, record: Record) -> None:
        """Add the next row's length."""
        tokens = record.facts.tokens if record.facts else 0
        if self._complete and not tokens:
            self._complete = False
            self._file.empty()
        if self._complete:
            self._file.write(encode({"id": record.id, "tokens": tokens}))
