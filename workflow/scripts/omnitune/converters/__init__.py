"""Rows to records: one converter a shape of rows, one record (or unread row) a row.

How rows are read from a file is the readers' part. A format gives the shape (messages, qa, unified) and leaves
the reader to the file's name, or gives the reader and leaves the shape to the columns of each row.

VERSION is what the convert stage's results depend on: raise it only when they would change.
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from omnitune import publish
from omnitune.converters import messages, qa, unified
from omnitune.converters.cells import open_cells
from omnitune.converters.sound import add_soundtracks
from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.errors import PipelineError, suggest
from omnitune.media.embedded import EmbeddedMedia
from omnitune.media.paths import MediaPaths
from omnitune.readers import READERS, WHOLE, Part, reader_name
from omnitune.records import Converted, Message, Record, Unread, encode
from omnitune.validation.codes import RowError

VERSION = 2

Convert = Callable[[dict[str, Any], Source], Draft]


class Shape(NamedTuple):
    """A shape's converter, and the fields that `columns` may map to; the first decide which shape a row has."""

    convert: Convert
    fields: tuple[str, ...]
    signs: tuple[str, ...]


SHAPES: Mapping[str, Shape] = {
    "messages": Shape(messages.convert, messages.FIELDS, ("messages", "conversations")),
    "qa": Shape(qa.convert, qa.FIELDS, ("question",)),
    "unified": Shape(unified.convert, unified.FIELDS, ()),
}
FORMATS = (*SHAPES, *READERS)
# A typo in one of these loses the row's media or turns; other columns are the user's own.
_PRECIOUS = ("messages", "images", "audios", "videos")


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
    reader = READERS[reader_name(format, source.path)]
    given = SHAPES[format].convert if format in SHAPES else None
    for number, row in reader.read(source.path, part):
        row_id = ""
        try:
            if isinstance(row, RowError):
                raise row
            source.rename_columns(row)
            row_id = source.row_id(row.pop("id", None), number)
            convert = given or SHAPES[shape_of(row)].convert
            if reader.table:
                row = {column: value for column, value in row.items() if value is not None}
            if reader.cells:
                open_cells(row)
            yield _record(source, convert, row, row_id, number)
        except RowError as error:
            yield Unread(source.name, number, error.finding.code, error.finding.sentence(), row_id)


def convert_source(source: Source, format: str, output: Path, part: Part = WHOLE) -> tuple[int, int]:
    """Write the part's rows to `output`; returns how many are records and how many unread."""
    counts = [0, 0]
    with publish.open_atomic(output) as file:
        for row in convert_rows(source, format, part):
            counts[isinstance(row, Unread)] += 1
            file.write(encode(row))
    return counts[0], counts[1]


def shape_of(row: Mapping[str, Any]) -> str:
    """The shape whose column the row fills, else has; unified when it has none of them."""
    for has in (lambda name: row.get(name) is not None, row.__contains__):
        for name, shape in SHAPES.items():
            if any(map(has, shape.signs)):
                return name
    return "unified"


def _record(source: Source, convert: Convert, row: dict[str, Any], row_id: str, line: int) -> Record:
    draft = convert(row, source)
    if source.system and draft.messages[0].role != "system":
        draft.messages.insert(0, Message("system", source.system))
    if source.soundtracks:
        add_soundtracks(draft, source.soundtracks)
    solution = text_or_none(row.pop("solution", None), "solution", draft.repairs)
    for column in row:
        meant = _misspelt(column)
        if meant:
            raise RowError("E039", f'"{column}" is no column that is read', f'Did you mean "{meant}"?')
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
        repairs=draft.repairs,
    )


@lru_cache(maxsize=1024)
def _misspelt(column: str) -> str:
    """The precious column that `column` was probably meant to be, or an empty string."""
    close = difflib.get_close_matches(column.lower(), _PRECIOUS, n=1, cutoff=0.86)
    return close[0] if close else ""
