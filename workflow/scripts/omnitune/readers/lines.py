"""The lines of a JSONL file, or of one shard of it: streamed, numbered, and never decoded here."""

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.validation.codes import CODES

# Longer lines carry media inside; they would fill the memory of every later stage.
MAX_LINE_BYTES = 8 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_CHUNK_BYTES = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
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


def read_lines(path: Path, shard: int = 0, shards: int = 1, max_rows: int | None = None) -> Iterator[Line]:
    """The lines of shard `shard` (from 0) of `shards` that are not blank, among the file's first `max_rows`.

    Shards are contiguous and of about equal size in bytes; a line belongs to the shard it starts in.
    """
    check_file(path)
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size
        if max_rows is not None:
            end = _end_of_rows(file, max_rows)
        first, last = end * shard // shards, end * (shard + 1) // shards
        number = _seek_line_start(file, first)
        yield from _read_until(file, last, number)


def check_file(path: Path) -> None:
    """Refuse what is no JSONL file before a row of it is read."""
    head = check_text(path)
    text = head.removeprefix(_BOM).lstrip()
    whole = len(head) < _HEAD_BYTES
    if text.startswith(b"[") and not _is_one_row(text, whole):
        raise _refused(path, "E021", "is a JSON array, not one object a line")
    if b"\n" not in head and b"\r{" in head:
        raise _refused(path, "E005", "has CR line ends")


def check_text(path: Path) -> bytes:
    """Refuse what is no UTF-8 text with something in it; returns how it begins."""
    head = read_head(path)
    if found := _wrong_file(head):
        raise _refused(path, *found)
    return head


def read_head(path: Path) -> bytes:
    """How a regular file begins."""
    try:
        # A FIFO or device could block for ever when it is opened, so it never is.
        if not stat.S_ISREG(path.stat().st_mode):
            raise PipelineError("is not a regular file", where=str(path), fix="Give a file of rows.")
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise PipelineError(
            "no such file", where=str(path), fix="Correct the source's path: or put the file there."
        ) from None
    except OSError as error:
        raise PipelineError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            fix="Correct the source's path: or its rights.",
        ) from None


def _refused(path: Path, code: str, what: str) -> PipelineError:
    return PipelineError(what, where=str(path), fix=CODES[code].fix, code=ExitCode.DATA)


def _wrong_file(head: bytes) -> tuple[str, str] | None:
    """(code, what) of a file that is no text, judged by how it begins."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(head) > 1 and 0 in head[:2]):
        return "E006", "is UTF-16 text, not UTF-8"
    if head.startswith(b"\x1f\x8b"):
        return "E025", "is compressed with gzip"
    if head.startswith(b"PK\x03\x04"):
        return "E025", "is a ZIP archive"
    text = head.removeprefix(_BOM).lstrip()
    return ("E022", "has no rows") if not text and len(head) < _HEAD_BYTES else None


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
    file.seek(0)
    for _ in islice(_read_until(file, os.fstat(file.fileno()).st_size, 1), rows):
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


def _read_until(file: BinaryIO, last: int, number: int) -> Iterator[Line]:
    """The lines from here on that start before offset `last`."""
    position = file.tell()
    while position < last:
        content = file.readline(MAX_LINE_BYTES + 2)
        size = len(content)
        complete = content.endswith(b"\n")
        too_long = len(content.rstrip(b"\r\n")) > MAX_LINE_BYTES
        if too_long:
            content = b""
            # The rest of an overlong line is passed over in pieces.
            while not complete and (rest := file.readline(_CHUNK_BYTES)):
                size += len(rest)
                complete = rest.endswith(b"\n")
        position += size
        if number == 1:
            content = content.removeprefix(_BOM)
        content = content.strip()
        if content or too_long:
            yield Line(number, content, size, complete)
        number += 1
