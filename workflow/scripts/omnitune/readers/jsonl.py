"""One JSON object a line; a row's number is its line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omnitune.readers.lines import Line, read_lines
from omnitune.readers.parse import parse_row
from omnitune.readers.row import WHOLE, Notes, Numbered, Part
from omnitune.validation.codes import RowError


def read(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of the lines that are not blank."""
    for line in read_lines(path, part, notes):
        yield line.number, row_or_error(line)


def row_or_error(line: Line) -> dict[str, Any] | RowError:
    """The object that a line holds, or what is wrong with it."""
    try:
        return parse_row(line)
    except RowError as error:
        return error
