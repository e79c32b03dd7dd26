"""One JSON object a line; a row's number is its line."""

from collections.abc import Iterator
from pathlib import Path

from omnitune.readers.lines import read_lines
from omnitune.readers.parse import parse_row
from omnitune.readers.row import WHOLE, Notes, Numbered, Part
from omnitune.validation.codes import RowError


def read(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of the lines that are not blank."""
    for line in read_lines(path, part, notes):
        try:
            yield line.number, parse_row(line)
        except RowError as error:
            yield line.number, error
