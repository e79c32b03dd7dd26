"""Tables as text: comma- or tab-separated cells, quoted where they hold a separator, a quote or a line end.

A row's number is the line that it starts on, as an editor shows it: a quoted cell may hold line ends. All values
are text, and an empty cell is None.
"""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from omnitune.errors import ExitCode, PipelineError
from omnitune.readers.lines import MAX_LINE_BYTES
from omnitune.readers.opening import as_text, open_text, refused
from omnitune.readers.row import WHOLE, Notes, Numbered, Part
from omnitune.validation.codes import RowError

_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def read_csv(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of a comma-separated file, by the names in its first line."""
    return _read(path, ",", part, notes)


def read_tsv(path: Path, part: Part = WHOLE, notes: Notes | None = None) -> Iterator[Numbered]:
    """The rows of a tab-separated file, by the names in its first line."""
    return _read(path, "\t", part, notes)


def _read(path: Path, delimiter: str, part: Part, notes: Notes | None) -> Iterator[Numbered]:
    csv.field_size_limit(MAX_LINE_BYTES)
    with open_text(path, notes, line_ends=False) as content, as_text(content) as file:
        records = _records(_Lines(file), delimiter)
        header = _header(path, delimiter, *next(records, (1, [])))
        rows = 0
        for number, cells in records:
            if rows == part.max_rows:
                return
            rows += 1
            yield number, cells if isinstance(cells, RowError) else _row(header, cells)
    if not rows:
        raise refused(path, "E022", "has a line of column names but no rows")


class _Lines:
    """The lines of a file, which the last record's can be put back to."""

    def __init__(self, file: TextIO) -> None:
        self._readline = file.readline
        self._back: deque[str] = deque()
        self._size = 0
        self._record: list[str] = []
        self.number = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._readline(MAX_LINE_BYTES + 2)
        self._record.append(line)
        self._size += len(line)
        if self._size > MAX_LINE_BYTES:
            raise _TooLong
        if not line:
            raise StopIteration
        return line

    def begin(self) -> int:
        """Start the next record; returns the number of its first line."""
        self.number += sum(map(_ends, self._record))
        self._record.clear()
        self._size = 0
        return self.number

    def put_back(self) -> None:
        """Read all lines of this record again but its first, of which the rest is passed over."""
        first, *others = self._record
        self._back.extendleft(line for line in reversed(others) if line)
        while first and not _ends(first):
            first = self._back.popleft() if self._back else self._readline(MAX_LINE_BYTES)
        self._record = ["\n"]


class _TooLong(Exception):
    """A record that would fill the memory."""


def _ends(line: str) -> bool:
    return line.endswith(("\n", "\r"))


def _records(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str] | RowError]]:
    """(first line, cells) of every record that is not blank."""
    while True:
        number = lines.begin()
        try:
            # One reader a record: after an error another would go on in the middle of a quoted cell.
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True), None)
            if cells is None:
                return
        except _TooLong:
            lines.put_back()
            yield number, RowError("E024", f"row of more than {MAX_LINE_BYTES // 2**20} MB", _LONG_FIX)
        except csv.Error as error:
            lines.put_back()
            yield number, _explain(str(error))
        else:
            if any(cell.strip() for cell in cells):
                yield number, cells


_LONG_FIX = "Is a quote opened and never closed? Else put media in files and name their paths."


def _explain(reason: str) -> RowError:
    if "unexpected end" in reason:
        return RowError("E207", "a quote is opened and never closed")
    if "expected after" in reason:
        return RowError("E207", "something follows a closing quote")
    return RowError("E207", f"the row cannot be parted into cells ({reason})")


def _header(path: Path, delimiter: str, number: int, cells: list[str] | RowError) -> list[str]:
    """The names of the columns; a table without good ones is refused whole."""
    names = [] if isinstance(cells, RowError) else [cell.strip() for cell in cells]
    what = fix = ""
    if isinstance(cells, RowError):
        what, fix = cells.finding.what, "Correct the line of column names."
    elif len(names) == 1 and (other := next((char for char in _NAMES if char in names[0]), "")):
        what = f"the columns are separated by {_NAMES[other]}, not by {_NAMES[delimiter]}"
        fix = "Set format: tsv." if other == "\t" else f"Write the table with {_NAMES[delimiter]}."
    elif any(not name.isprintable() for name in names):
        what, fix = "a column name is not printable UTF-8 text", "Write the file as UTF-8."
    elif "" in names:
        what = f"column {names.index('') + 1} has no name"
        fix = "Name every column in the first line (pandas: to_csv(..., index=False))."
    elif twice := next((name for name in names if names.count(name) > 1), ""):
        what, fix = f'two columns are called "{twice}"', "Rename one."
    if what:
        raise PipelineError(what, where=f"{path}:{number}", fix=fix, code=ExitCode.DATA)
    return names


def _row(header: list[str], cells: list[str]) -> dict[str, str | None] | RowError:
    if len(cells) != len(header):
        of = f"of {len(header)} cells" if len(cells) < len(header) else f"cells for {len(header)} columns"
        return RowError("E208", f"the row has {len(cells)} {of}")
    text = "".join(cells)
    if not text.isascii() and (bad := next((char for char in text if "\ud800" <= char <= "\udfff"), "")):
        return RowError("E007", f"byte 0x{ord(bad) - 0xDC00:02X} is not UTF-8")
    if "\0" in text:
        return RowError("E008", "NUL byte in the row")
    return dict(zip(header, (cell or None for cell in cells), strict=True))
