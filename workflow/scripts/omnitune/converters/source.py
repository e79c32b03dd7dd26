"""What the converters of all formats share: a source's columns, ids and media."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from omnitune.converters.templates import Templates
from omnitune.media.embedded import EmbeddedMedia
from omnitune.media.paths import MediaPaths
from omnitune.media.sniff import media_extension
from omnitune.readers import Notes
from omnitune.records import MODALITIES, Message
from omnitune.validation.codes import RowError

if TYPE_CHECKING:
    from omnitune.media.soundtrack import Soundtracks

MAX_ID_CHARS = 256
# Both spellings are in use; the singular is the unified format's.
MEDIA_COLUMNS = {modality: (f"{modality}s", modality) for modality in MODALITIES}
_MEDIA_NAMES = {name: modality for modality, names in MEDIA_COLUMNS.items() for name in names}
_PATHS = "Give a list of paths."
_bad_id = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]|(^|/)\.\.(/|$)")


class Draft(NamedTuple):
    """What a converter makes of a row; the columns it did not take become the record's `extra`.

    Attributes:
        messages: the turns.
        media: absolute paths by modality, in the order of the row's columns.
        form: how the row was written, in a word or two.
    """

    messages: list[Message]
    media: dict[str, list[str]]
    form: str


class Source(NamedTuple):
    """One source of rows.

    Attributes:
        name, path, task: as in the config.
        columns: source column -> our field.
        paths: where its media may lie.
        embedded: where media inside its rows go.
        system: the system turn of rows that have none; empty for no such turn.
        templates: the turns of unified rows.
        soundtracks: where the sound of its videos goes; None: it is left in them.
    """

    name: str
    path: Path
    task: str
    columns: dict[str, str]
    paths: MediaPaths
    embedded: EmbeddedMedia
    system: str = ""
    templates: Templates = Templates()
    soundtracks: "Soundtracks | None" = None

    def rename_columns(self, row: dict[str, Any]) -> None:
        """Give the row's columns our names."""
        for column, field in self.columns.items():
            if column in row:
                value = row.pop(column)
                if row.get(field) is not None:
                    raise RowError("E204", f'columns "{column}" and "{field}" both give "{field}"')
                row[field] = value

    def row_id(self, value: Any, line: int, notes: Notes) -> str:
        """The record's id, from the user's or from the line."""
        if value is None:
            return f"{self.name}/{line:08d}"
        if is_plain_id(value):
            return f"{self.name}/{value}"
        if is_whole_number(value) and not -(2**63) <= value < 2**64:
            notes["E016"] = f"the id is a number of {len(str(abs(value)))} digits, which others read as a float"
        return f"{self.name}/{own_id(value)}"

    def medium(self, value: Any, column: str, notes: Notes) -> str:
        """The absolute path of one medium, given as a path, a data: URL, or bytes out of a table."""
        if not isinstance(value, str):
            if _is_medium(value):
                return self._medium_in_row(value, column, notes)
            raise RowError("E051", f'"{column}" holds {shorten(value)}, not a path', _PATHS)
        if not value:
            raise RowError("E051", f'"{column}" holds an empty path', "Name the file, or remove the entry.")
        if value.startswith("data:"):
            return self.embedded.save_url(value)
        return self.paths.resolve(value, notes)

    def _medium_in_row(self, value: bytes | dict[str, Any], column: str, notes: Notes) -> str:
        """The medium that the row holds itself; {bytes, path} may leave the bytes to the path."""
        content, name = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        if content is None and isinstance(name, str):
            return self.medium(name, column, notes)
        if not isinstance(content, bytes):
            raise RowError("E051", f'"{column}" holds neither bytes nor a path', _PATHS)
        suffix = PurePosixPath(name).suffix[1:] if isinstance(name, str) else ""
        return self.embedded.save_bytes(content, media_extension(content) or suffix or "unknown")

    def take_media(self, row: dict[str, Any], notes: Notes) -> dict[str, list[str]]:
        """Take the media columns out of the row; a lone path counts as a list of one."""
        if _MEDIA_NAMES.keys().isdisjoint(row):
            return {}
        media: dict[str, list[str]] = {}
        order = [_MEDIA_NAMES[name] for name in row if name in _MEDIA_NAMES]
        for modality, names in MEDIA_COLUMNS.items():
            given = [name for name in names if row.get(name) not in (None, [], "")]
            for name in names:
                if name not in given and name in row:
                    del row[name]
            if not given:
                continue
            if len(given) > 1:
                raise RowError("E050", f'media are given in both "{given[0]}" and "{given[1]}"')
            media[modality] = self._media_list(row.pop(given[0]), given[0], notes)
        return {modality: media[modality] for modality in dict.fromkeys(order) if modality in media}

    def _media_list(self, value: Any, column: str, notes: Notes) -> list[str]:
        if isinstance(value, str):
            # The plural promises a list; for the singular one path is the usual form.
            if column.endswith("s"):
                notes["E051"] = f'"{column}" is one path, not a list'
            value = [value]
        elif _is_medium(value):
            value = [value]
        if not isinstance(value, list):
            raise RowError("E051", f'"{column}" is {shorten(value)}, not a list of paths', _PATHS)
        return [self.medium(item, column, notes) for item in value]


def is_plain_id(value: Any) -> bool:
    """Whether an id is good at a glance, as nearly all are."""
    return (
        type(value) is str
        and 0 < len(value) <= MAX_ID_CHARS
        and value.isprintable()
        and ".." not in value
        and not value.isspace()
    )


def _is_medium(value: Any) -> bool:
    """Whether a value is a medium as tables hold it: bytes, or {bytes, path} as `datasets` writes it."""
    return isinstance(value, bytes) or (isinstance(value, dict) and "bytes" in value)


def own_id(value: Any) -> str:
    """The id that a user gave a row."""
    if is_whole_number(value):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise RowError("E055", f"the id {shorten(value)} is not a text or whole number")
    if len(value) > MAX_ID_CHARS:
        raise RowError("E055", f"the id has {len(value)} characters, the limit is {MAX_ID_CHARS}")
    if _bad_id.search(value):
        raise RowError("E055", f'the id {shorten(value)} holds a control character or ".."')
    return value


def text_or_none(value: Any, column: str, notes: Notes, code: str = "E202") -> str | None:
    """A text column; a number is written out, anything else is refused."""
    if value is None or isinstance(value, str):
        return value
    if is_whole_number(value) or isinstance(value, float):
        notes["E202"] = f'"{column}" is the number {value}'
        return str(value)
    raise RowError(code, f'"{column}" is {shorten(value)}, not text')


def is_whole_number(value: Any) -> bool:
    """Whether `value` is an integer (to Python, true and false are too)."""
    return isinstance(value, int) and not isinstance(value, bool)


def shorten(value: Any) -> str:
    """A value for a message: as JSON writes it, and short; bytes, which it has none for, by their number."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    # Of a long text or list only the beginning is shown.
    begin = value[:60] if isinstance(value, str | list) else value
    text = json.dumps(begin, ensure_ascii=False, default=shorten)
    return text if len(text) <= 60 else f"{text[:57]}..."
