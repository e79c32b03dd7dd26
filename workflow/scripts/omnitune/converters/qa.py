"""Question-and-answer rows: question, answer, turns before them, and media by the name of their kind.

Read as ms-swift's ResponsePreprocessor and AlpacaPreprocessor read them (swift/dataset/preprocessor/core.py), but
for rows whose columns say two things, of which those take neither.
"""

import ast
from typing import Any

import msgspec

from omnitune.converters.aliases import SWIFT_NAMES, note_name
from omnitune.converters.source import Draft, Source, shorten, text_or_none
from omnitune.readers import Notes
from omnitune.records import MARKERS, Message
from omnitune.validation.codes import RowError

FIELDS = (
    *("id", "system", "question", "query", "answer", "response", "history", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
# Names that mean it where nothing else does; elsewhere they are columns of the user's own.
_LAST = {"question": ("input",), "answer": ("text", "content")}
# The order in which ms-swift's users know them before a question.
_ORDER = ("image", "audio", "video")


def convert(row: dict[str, Any], source: Source, notes: Notes) -> Draft:
    """One user turn with the media before the question, and the answer as the assistant's if there is one."""
    system = text_or_none(row.pop("system", None), "system", notes)
    question = text_or_none(_take(row, "question", source, notes), "question", notes)
    answer = _answer(row, source, notes)
    if question is None or not question.strip():
        raise RowError("E201", '"question" is missing or empty')
    messages = [Message("system", system)] if system else []
    messages += _turns(row.pop("history", None))
    media = source.take_media(row, notes)
    asked = "".join(message.content for message in messages if message.role == "user") + question
    # With turns before it, a medium may belong to any of them.
    marks = "" if messages and messages[-1].role != "system" else _markers(asked, media)
    messages.append(Message("user", marks + question))
    if answer is not None:
        messages.append(Message("assistant", answer))
    return Draft(messages, media, "questions and answers")


def _take(row: dict[str, Any], field: str, source: Source, notes: Notes) -> Any:
    """The field's value, taken out of the row; what the config maps to it comes first."""
    swift = SWIFT_NAMES[field]
    names = (field, swift) if field in source.columns.values() else (swift, field)
    for name in (*names, *_LAST[field]):
        if row.get(name) is not None and (name in names or isinstance(row[name], str)):
            if name != field:
                note_name(f'column "{name}" is read as "{field}"', notes)
            return row.pop(name)
    for name in names:
        row.pop(name, None)
    return None


def _answer(row: dict[str, Any], source: Source, notes: Notes) -> str | None:
    value = _take(row, "answer", source, notes)
    if isinstance(value, list) and value and isinstance(value[0], str):
        notes["E202"] = f'"answer" is a list of {len(value)}, of which the first is taken'
        value = value[0]
    if value is None and isinstance(solution := row.get("solution"), str | int | float):
        # A prompt leaves its last answer again, so rewards see no difference.
        value = solution
    return text_or_none(value, "answer", notes)


def _turns(history: Any) -> list[Message]:
    """The turns before the question, from [[question, answer], ...], which may be written as text."""
    if isinstance(history, str) and history.strip():
        history = _read(history)
    pairs = history or []
    if not isinstance(pairs, list) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise RowError(
            "E027", f'"history" is {shorten(history)}', "Give it as a list of [question, answer] before this one."
        )
    turns = [turn for pair in pairs for turn in zip(("user", "assistant"), pair, strict=True)]
    for _, text in turns:
        if text is not None and not isinstance(text, str):
            raise RowError("E030", f'"history" holds {shorten(text)}, not text')
    return [Message(role, text) for role, text in turns if text is not None]


def _read(text: str) -> Any:
    for read in (msgspec.json.decode, ast.literal_eval):
        try:
            return read(text)
        except (msgspec.DecodeError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
    return text


def _markers(question: str, media: dict[str, list[str]]) -> str:
    """The markers of the kinds that the question does not place itself.

    Whether those that it places are as many as the files is for the checks to say.
    """
    return "".join(
        MARKERS[modality] * len(media.get(modality, ()))
        for modality in _ORDER
        if MARKERS[modality] not in question
    )
