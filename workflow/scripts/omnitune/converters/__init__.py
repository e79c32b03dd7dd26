"""Rows to records: one converter a shape of rows, one record (or unread row) a row.

How rows are read from a file is the readers' part. A format gives the shape (messages, qa, unified) and leaves
the reader to the file's name, or gives the reader and leaves the shape to the columns of each row.

VERSION is what the convert stage's results depend on: raise it only when they would change.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from omnitune import publish
from omnitune.converters import messages, qa, unified
from omnitune.converters.aliases import field_of, rename_columns
from omnitune.converters.canonical import FORM, plain_record
from omnitune.converters.cells import open_cells
from omnitune.converters.mixture import Mixture
from omnitune.converters.ranges import note_columns
from omnitune.converters.sound import add_soundtracks
from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.errors import ExitCode, PipelineError, suggest
from omnitune.media.embedded import EmbeddedMedia
from omnitune.media.paths import MediaPaths
from omnitune.readers import READERS, WHOLE, Notes, Part, Reader, parts, reader_name
from omnitune.readers.jsonl import row_or_error
from omnitune.readers.lines import Line, read_lines
from omnitune.records import Converted, Message, Record, Unread, encode_lines
from omnitune.validation.codes import RowError

VERSION = 5

Convert = Callable[[dict[str, Any], Source, Notes], Draft]


class Shape(NamedTuple):
    """A shape's converter, and the fields that `columns` may map to; the signs decide which shape a row has."""

    convert: Convert
    fields: tuple[str, ...]
    signs: tuple[str, ...]
    names: frozenset[str]


SHAPES: Mapping[str, Shape] = {
    name: Shape(module.convert, module.FIELDS, signs, frozenset(module.FIELDS))
    for name, module, signs in (
        ("messages", messages, ("messages", "conversations")),
        ("qa", qa, ("question",)),
        ("unified", unified, ()),
    )
}
FORMATS = (*SHAPES, *READERS)
# Rows written at once.
_BATCH = 64


def open_source(
    name: str,
    path: Path,
    task: str,
    columns: dict[str, str],
    roots: Sequence[Path],
    media_dir: Path,
    **more: Any,
) -> Source:
    """A source whose media may lie in `roots`; those inside its rows go to `media_dir`, and `more` is Source's."""
    base = path if path.is_dir() else path.parent
    return Source(name, path, task, columns, MediaPaths(base, roots), EmbeddedMedia(media_dir), **more)


def fields_of(format: str) -> tuple[str, ...]:
    """What `columns` of a source of this format may map to."""
    shapes = [SHAPES[format]] if format in SHAPES else SHAPES.values()
    return tuple(dict.fromkeys(field for shape in shapes for field in shape.fields))


def check_columns(format: str, columns: Mapping[str, Any], source: str) -> None:
    """Refuse a mapping to a field that the format has not."""
    fields = fields_of(format)
    for column, field in columns.items():
        if field not in fields:
            raise PipelineError(
                f"maps {json.dumps(column)} to {json.dumps(field)}, no field of the format {format}",
                where=f"sources.{source}.columns",
                fix=suggest(str(field), fields) or f"Fields are {', '.join(fields)}.",
            )


def convert_rows(source: Source, format: str, part: Part = WHOLE) -> Iterator[Converted]:
    """A record or an unread row for every row of the part, in order."""
    name = reader_name(format, source.path)
    rows = _Rows(source, READERS[name], SHAPES.get(format))
    if name == "jsonl" and format in ("jsonl", "messages") and not source.columns:
        for line in read_lines(source.path, part, rows.of_file):
            yield rows.plain(line) or rows.convert(line.number, row_or_error(line))
    else:
        for number, row in READERS[name].read(source.path, part, rows.of_file):
            yield rows.convert(number, row)


class _Rows:
    """Converts the rows of one part of a source, in order.

    Attributes:
        of_file: notes on the file, which the next record takes with it.
    """

    def __init__(self, source: Source, reader: Reader, shape: Shape | None) -> None:
        self._source, self._reader, self._shape = source, reader, shape
        self._mixture, self.of_file = Mixture(), Notes()

    def plain(self, line: Line) -> Record | None:
        """The record of a line that needs no work; None when it may need some."""
        found = plain_record(line, self._source)
        if found is None:
            return None
        record, own_id = found
        notes = Notes()
        if self.of_file:
            notes |= self.of_file
            self.of_file.clear()
        self._mixture.add(own_id, FORM, notes)
        if notes:
            record.repairs, record.found = list(notes), notes
        return record

    def convert(self, number: int, row: dict[str, Any] | RowError) -> Converted:
        """The record of a row, or the unread row that keeps its place."""
        source, row_id, notes = self._source, "", Notes()
        try:
            if isinstance(row, RowError):
                raise row
            if source.columns:
                source.rename_columns(row)
            shape = self._shape or SHAPES[shape_of(row, source.columns.values())]
            if not shape.names.issuperset(row):
                note_columns(row, shape.names, notes)
                rename_columns(row, shape.names, notes)
            own_id = row.pop("id", None)
            row_id = source.row_id(own_id, number, notes)
            if self._reader.table:
                row = {column: value for column, value in row.items() if value is not None}
            if self._reader.cells:
                open_cells(row)
            draft = shape.convert(row, source, notes)
            self._mixture.add(own_id, draft.form, notes)
            return _record(source, draft, row, row_id, number, notes, self.of_file)
        except RowError as error:
            return Unread(source.name, number, error.finding.code, error.finding.sentence(), row_id)


def convert_source(source: Source, format: str, output: Path, part: Part = WHOLE) -> tuple[int, int]:
    """Write the part's rows to `output`; returns how many are records and how many unread."""
    counts, before = [0, 0], _state(source.path)
    rows = convert_rows(source, format, part)
    parts.forget(output)
    with publish.open_atomic(output) as file:
        while batch := list(islice(rows, _BATCH)):
            unread = sum([isinstance(row, Unread) for row in batch])
            counts = [counts[0] + len(batch) - unread, counts[1] + unread]
            file.write(encode_lines(batch))
        if _state(source.path) != before:
            raise PipelineError(
                "was changed while it was read",
                where=str(source.path),
                fix="Is it still being written? Run again when it is whole.",
                code=ExitCode.DATA,
            )
    parts.note(output, source.path, part)
    return counts[0], counts[1]


def _state(path: Path) -> tuple[int, int]:
    """Size and time of the source, which change when it is written to."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0  # reading the rows tells it
    return status.st_size, status.st_mtime_ns


def shape_of(row: Mapping[str, Any], mapped: Collection[str] = ()) -> str:
    """The shape whose column the row fills, else has; unified when it has none of them.

    Args:
        row: with our names of the columns that the config maps.
        mapped: those names; a text among them is that of a unified row.
    """
    for has in (lambda name: row.get(name) is not None, row.__contains__):
        for name, shape in SHAPES.items():
            if any(map(has, shape.signs)):
                return name
    meant = {field_of(column) for column in row if row[column] is not None}
    if row.get("text") is None and "messages" in meant:
        return "messages"
    if "question" in meant and "text" not in mapped:
        return "qa"
    # "input" alone may be anything.
    answered = meant & {"answer"} or any(row.get(name) is not None for name in ("answer", "solution"))
    return "qa" if answered and isinstance(row.get("input"), str) and row.get("text") is None else "unified"


def _record(
    source: Source, draft: Draft, row: dict[str, Any], row_id: str, line: int, notes: Notes, of_file: Notes
) -> Record:
    """The record of a row, which takes the notes on the file with it."""
    if source.system and draft.messages[0].role != "system":
        draft.messages.insert(0, Message("system", source.system))
    if source.soundtracks:
        add_soundtracks(draft, source.soundtracks, notes)
    solution = text_or_none(row.pop("solution", None), "solution", notes, "E058")
    if of_file:
        notes = of_file | notes
        of_file.clear()
    return Record(
        id=row_id,
        source=source.name,
        line=line,
        task=source.task,
        messages=draft.messages,
        images=draft.media.get("image", []),
        audios=draft.media.get("audio", []),
        videos=draft.media.get("video", []),
        solution=solution,
        extra=row,
        repairs=list(notes),
        found=notes,
    )
