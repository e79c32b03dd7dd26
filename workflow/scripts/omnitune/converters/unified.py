"""Unified rows: a text and its media, made into a question and an answer by the source's templates."""

from typing import Any

from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.converters.templates import TAG, TEXT, fill
from omnitune.readers import Notes
from omnitune.records import MARKERS, Message
from omnitune.validation.codes import RowError

FIELDS = (
    *("id", "system", "text", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
_ORDER = ("audio", "video", "image")


def convert(row: dict[str, Any], source: Source, notes: Notes) -> Draft:
    """One user turn, and the assistant's where the templates and the row have one."""
    system = text_or_none(row.pop("system", None), "system", notes)
    text = text_or_none(row.pop("text", None), "text", notes) or ""
    media = source.take_media(row, notes)
    user, assistant = source.templates
    if not text.strip():
        # A row with a solution is a whole prompt without it; whether it may be one is for the checks to say.
        if TEXT in user or (assistant and TEXT in assistant and row.get("solution") is None):
            raise RowError("E209", '"text" is missing or empty')
        assistant = None if assistant and TEXT in assistant else assistant
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
