"""Unified rows: a text and its media, made into a question and an answer by the source's templates."""

from pathlib import PurePosixPath
from typing import Any

from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.converters.templates import TAG, TEXT, fill
from omnitune.media.names import modality_of_suffix
from omnitune.readers import Notes
from omnitune.records import MARKERS, Message
from omnitune.validation.codes import RowError

FIELDS = (
    *("id", "system", "text", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
_ORDER = ("audio", "video", "image")
_NO_HINT = "Map the column that names the file with columns:, or set user_template with {text} in it."
_FORMS = (
    'Rows have "messages", or "question" and "answer", or "text" and media (docs/data-formats.md): '
    "rename the columns, or map them with columns:."
)


def convert(row: dict[str, Any], source: Source, notes: Notes) -> Draft:
    """One user turn, and the assistant's where the templates and the row have one."""
    system = text_or_none(row.pop("system", None), "system", notes)
    text = given = text_or_none(row.pop("text", None), "text", notes)
    media = source.take_media(row, notes)
    user, assistant = source.templates
    if text is None or not text.strip():
        # A row with a solution is a whole prompt without it; whether it may be one is for the checks to say.
        if TEXT in user or (assistant and TEXT in assistant and row.get("solution") is None):
            if text is None and not media:
                raise _unknown(row)
            raise RowError("E209", '"text" is missing or empty', _hint(row) if text is None else "")
        text, assistant = "", None if assistant and TEXT in assistant else assistant
    elif TEXT not in user + (assistant or ""):
        # No turn holds the text: of a prompt it is the answer looked for.
        row["solution" if assistant is None and row.get("solution") is None else "text"] = text
    if TAG in user and TEXT not in user and not media:
        if given is None:
            raise _unknown(row)
        raise RowError("E201", "the row has no medium, and the question is about one", _hint(row))
    messages = [Message("system", system)] if system else []
    # What a text or template places itself is not placed again, so the tag is looked for first.
    placed = fill(user, text)
    tag = "".join(
        MARKERS[modality] * len(media.get(modality, ())) for modality in _ORDER if MARKERS[modality] not in placed
    )
    messages.append(Message("user", fill(user, text, tag) if TAG in user else placed))
    if assistant is not None:
        messages.append(Message("assistant", fill(assistant, text)))
    return Draft(messages, media, "texts and media")


def _unknown(row: dict[str, Any]) -> RowError:
    """A row that has nothing of any form: what it has, and what the forms are."""
    names = ", ".join(f'"{column[:40]}"' for column in list(row)[:5]) + (", ..." if len(row) > 5 else "")
    what = f"no column that is read: the row has {names}" if row else "the row has no columns"
    fix = _hint(row)
    return RowError("E209", what, _FORMS if fix == _NO_HINT else fix)


def _hint(row: dict[str, Any]) -> str:
    """What to write into the config, by what the columns look like."""
    meant = {column: column.lower() for column in row if column.lower() in FIELDS and column not in FIELDS}
    for column, value in row.items():
        if isinstance(value, str) and (modality := modality_of_suffix(PurePosixPath(value).suffix)):
            meant.setdefault(column, modality)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            return f'The rows seem to lie under "{column}": write them as a list, or one a line.'
    if meant:
        pairs = ", ".join(f"{column}: {field}" for column, field in meant.items())
        return f"Set columns: {{{pairs}}}."
    return _NO_HINT
