"""Source formats to records: one converter a format, one record (or unread row) a line.

VERSION is what the convert stage's results depend on: raise it only when they would change.
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from omnitune import publish
from omnitune.converters import messages, qa
from omnitune.converters.lines import read_lines
from omnitune.converters.parse import parse_row
from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.errors import PipelineError, suggest
from omnitune.media.embedded import EmbeddedMedia
from omnitune.media.paths import MediaPaths
from omnitune.records import Converted, Record, Unread, encode
from omnitune.validation.codes import RowError

VERSION = 1


class Converter(NamedTuple):
    """A format's function, and the fields that `columns` may map to."""

    convert: Callable[[dict[str, Any], Source], Draft]
    fields: tuple[str, ...]


CONVERTERS: Mapping[str, Converter] = {
    "messages": Converter(messages.convert, messages.FIELDS),
    "qa": Converter(qa.convert, qa.FIELDS),
}
# A typo in one of these loses the row's media or turns; other columns are the user's own.
_PRECIOUS = ("messages", "images", "audios", "videos")


def open_source(
    name: str, path: Path, task: str, columns: dict[str, str], roots: Sequence[Path], media_dir: Path
) -> Source:
    """A source whose media may lie in `roots` and whose base64 media go to `media_dir`."""
    return Source(name, path, task, columns, MediaPaths(path.parent, roots), EmbeddedMedia(media_dir))


def check_columns(format: str, columns: Mapping[str, Any], source: str) -> None:
    """Refuse a mapping to a field that the format has not."""
    fields = CONVERTERS[format].fields
    for column, field in columns.items():
        if field not in fields:
            raise PipelineError(
                f"maps {json.dumps(column)} to {json.dumps(field)}, no field of the format {format}",
                where=f"sources.{source}.columns",
                fix=suggest(str(field), fields) or f"Fields are {', '.join(fields)}.",
            )


def convert_rows(
    source: Source, format: str, shard: int = 0, shards: int = 1, max_rows: int | None = None
) -> Iterator[Converted]:
    """A record or an unread row for every line of the shard that is not blank, in order."""
    convert = CONVERTERS[format].convert
    for line in read_lines(source.path, shard, shards, max_rows):
        row_id = ""
        try:
            row = parse_row(line)
            source.rename_columns(row)
            row_id = source.row_id(row.pop("id", None), line.number)
            yield _record(source, convert, row, row_id, line.number)
        except RowError as error:
            yield Unread(source.name, line.number, error.finding.code, error.finding.sentence(), row_id)


def convert_source(
    source: Source, format: str, output: Path, shard: int = 0, shards: int = 1, max_rows: int | None = None
) -> tuple[int, int]:
    """Write the shard's rows to `output`; returns how many are records and how many unread."""
    counts = [0, 0]
    with publish.open_atomic(output) as file:
        for row in convert_rows(source, format, shard, shards, max_rows):
            counts[isinstance(row, Unread)] += 1
            file.write(encode(row))
    return counts[0], counts[1]


def _record(
    source: Source,
    convert: Callable[[dict[str, Any], Source], Draft],
    row: dict[str, Any],
    row_id: str,
    line: int,
) -> Record:
    draft = convert(row, source)
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
