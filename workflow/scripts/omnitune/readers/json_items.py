"""A JSON array of rows, or an object of rows by their ids; a row's number is its place.

Also JSONL under the name .json.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers import jsonl
from omnitune.readers.elements import Unbalanced, elements
from omnitune.readers.lines import MAX_LINE_BYTES, Line
from omnitune.readers.opening import BOM, open_text, refused
from omnitune.readers.parse import parse_row
from omnitune.readers.row import WHOLE, Notes, Numbered, Part
from omnitune.validation.codes import RowError

# Their remedies speak of lines.
_OF_A_LINE = ("E001", "E019", "E020")
_key = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)


def read(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of the file; where a row of an object has no id, its key is the id."""
    with open_text(path, notes, line_ends=False) as file:
        bracket = _opening(file)
        if bracket == b"{" and _is_jsonl(file):
            yield from jsonl.read(path, part, notes)
            return
        if bracket not in (b"[", b"{"):
            raise PipelineError(
                "is neither a JSON array nor an object of rows",
                where=str(path),
                fix="Write [{...}, {...}] or one JSON object a line.",
                code=ExitCode.DATA,
            )
        rows = 0
        try:
            for line in elements(file):
                yield line.number, _row_or_error(line, keyed=bracket == b"{")
                rows += 1
                if rows == part.max_rows:
                    return
        except Unbalanced as error:
            raise PipelineError(
                str(error),
                where=str(path),
                fix="Is the file still being copied, or a bracket missing or too many?",
                code=ExitCode.DATA,
            ) from None
    if not rows:
        raise refused(path, "E022", "has no rows")


def _opening(file: BinaryIO) -> bytes:
    """The first byte that is no blank; the file is left standing there."""
    start = len(BOM) if file.read(len(BOM)) == BOM else 0
    file.seek(start)
    while (byte := file.read(1)) and byte.isspace():
        pass
    file.seek(-len(byte), 1)
    return byte


def _is_jsonl(file: BinaryIO) -> bool:
    """Whether one of the first two lines is an object by itself, and not an object of rows."""
    start, found = file.tell(), False
    for _ in range(2):
        try:
            row = msgspec.json.decode(file.readline(MAX_LINE_BYTES + 2))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(row, dict):
            alone = not file.read(1)
            rows = sum(isinstance(value, dict) for value in row.values())
            found = not alone or (bool(row) and 2 * rows <= len(row))
        break
    file.seek(start)
    return found


def _row_or_error(line: Line, keyed: bool) -> dict[str, Any] | RowError:
    try:
        return _row(line, keyed)
    except RowError as error:
        if error.finding.code in _OF_A_LINE and not error.finding.fix:
            return RowError(error.finding.code, error.finding.what, "Write one JSON object between two commas.")
        return error


def _row(line: Line, keyed: bool) -> dict[str, Any]:
    found = _key.match(line.content) if keyed and line.content else None
    if found:
        # The key is no part of the row, and may hold what a row may not.
        content = line.content[found.end() :]
        row = parse_row(msgspec.structs.replace(line, content=content or b"null"))
        if row.get("id") is None:
            row["id"] = next(iter(parse_row(Line(line.number, b"{" + found[1] + b":0}", 0, True))))
        return row
    if not line.content and line.size <= MAX_LINE_BYTES:
        raise RowError("E001", "nothing stands between two commas", "Remove one of them.")
    if keyed and line.content:
        raise RowError("E001", "not valid JSON: the row has no key", "Write an array [...], or a key before it.")
    return parse_row(line)
