"""The lines of a JSONL file, or of one shard of it: streamed, numbered, and never decoded here."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from omnitune.readers.opening import BOM, HEAD_BYTES, open_text, refused
from omnitune.readers.row import WHOLE, Notes, Part

# Longer lines carry media inside; they would fill the memory of every later stage.
MAX_LINE_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024


class Line(msgspec.Struct, gc=False):
    """One line that is not blank.

    Attributes:
        number: 1-based, in the whole file.
        content: its bytes without the line end; empty when the line is too long.
        size: its length in bytes.
        complete: whether a line end followed.
    """

    number: int
    content: bytes
    size: int
    complete: bool


def read_lines(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Line]:
    """The lines of a part of the file that are not blank.

    Parts are contiguous and of about equal size in bytes; a line belongs to the part it starts in. What is put
    right of the file is noted before its first line, blank lines once a part.
    """
    notes = {} if notes is None else notes
    with open_text(path, notes) as file:
        if part.shard:
            notes.clear()
        _refuse_array(path, file)
        file.seek(0, os.SEEK_END)
        end = file.tell() if part.max_rows is None else _end_of_rows(file, part.max_rows)
        first, last = end * part.shard // part.shards, end * (part.shard + 1) // part.shards
        number = _seek_line_start(file, first)
        yield from _read_until(file, last, number, notes)


def _refuse_array(path: Path, file: BinaryIO) -> None:
    """A JSON array is no JSONL, and its rows are not to be found line by line."""
    head = file.read(HEAD_BYTES)
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"[") and not _is_one_row(text, len(head) < HEAD_BYTES):
        raise refused(path, "E021", "is a JSON array, not one object a line")


def _is_one_row(text: bytes, complete: bool) -> bool:
    """Whether a text that opens with `[` is one bad row among others rather than a bad file."""
    first, _, rest = text.partition(b"\n")
    if complete and not rest.strip():
        return False
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _end_of_rows(file: BinaryIO, rows: int) -> int:
    """Offset after the first `rows` lines that are not blank; the file's end when it has fewer."""
    end = file.tell()
    file.seek(0)
    for _ in islice(_read_until(file, end, 1, {}), rows):
        pass
    return file.tell()


def _seek_line_start(file: BinaryIO, offset: int) -> int:
    """Move to the first line that starts at `offset` or later, and return its number."""
    file.seek(0)
    number = 1
    # A line starts at `offset` when the byte before it ends one; so look from there.
    left = max(offset - 1, 0)
    while left:
        chunk = file.read(min(left, _CHUNK_BYTES))
        number += chunk.count(b"\n")
        left -= len(chunk)
    if offset:
        while chunk := file.readline(_CHUNK_BYTES):
            if chunk.endswith(b"\n"):
                return number + 1
    return number


def _read_until(file: BinaryIO, last: int, number: int, notes: Notes) -> Iterator[Line]:
    """The lines from here on that start before offset `last`."""
    position, readline, limit, blank = file.tell(), file.readline, MAX_LINE_BYTES, False
    while position < last:
        raw = readline(limit + 2)
        size = len(raw)
        complete = raw.endswith(b"\n")
        content = raw.strip()
        if content.startswith(BOM):
            # Files that are joined bring their marks along.
            content = content.removeprefix(BOM).lstrip()
            notes.setdefault("E003", f"line {number} begins with a byte order mark")
        if size > limit and len(raw.rstrip(b"\r\n")) > limit:
            content = b""
            # The rest of an overlong line is passed over in pieces.
            while not complete and (rest := readline(_CHUNK_BYTES)):
                size += len(rest)
                complete = rest.endswith(b"\n")
        position += size
        if content or size > limit:
            yield Line(number, content, size, complete)
        elif not blank:
            blank, notes["E012"] = True, f"line {number} is blank, and so may be others"
        number += 1
