"""Question-and-answer rows: question, answer, and media by the name of their kind."""

from typing import Any

from omnitune.converters.source import Draft, Source, text_or_none
from omnitune.readers import Notes
from omnitune.records import MARKERS, Message
from omnitune.validation.codes import RowError

FIELDS = (
    *("id", "system", "question", "answer", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
# The order in which ms-swift's users know them before a question.
_ORDER = ("image", "audio", "video")


def convert(row: dict[str, Any], source: Source, notes: Notes) -> Draft:
    """One user turn with the media before the question, and the answer as the assistant's if there is one."""
    system = text_or_none(row.pop("system", None), "system", notes)
    question = text_or_none(row.pop("question", None), "question", notes)
    answer = text_or_none(row.pop("answer", None), "answer", notes)
    if question is None or not question.strip():
        raise RowError("E201", '"question" is missing or empty')
    media = source.take_media(row, notes)
    messages = [Message("system", system)] if system else []
    messages.append(Message("user", _markers(question, media) + question))
    if answer is not None:
        messages.append(Message("assistant", answer))
    return Draft(messages, media, "questions and answers")


def _markers(question: str, media: dict[str, list[str]]) -> str:
    """The markers of the kinds that the question does not place itself.

    Whether those that it places are as many as the files is for the checks to say.
    """
    return "".join(
        MARKERS[modality] * len(media.get(modality, ()))
        for modality in _ORDER
        if MARKERS[modality] not in question
    )
