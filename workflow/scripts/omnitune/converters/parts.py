"""Content parts as OpenAI's and Qwen's chat formats write them, turned into text with markers."""

from collections.abc import Sequence
from typing import Any

from omnitune.converters.ranges import NUMBERS, note_settings
from omnitune.converters.source import Source, shorten
from omnitune.readers import Notes
from omnitune.records import MARKERS
from omnitune.validation.codes import RowError

# Part type -> modality; the value lies under the key of the same name.
_TYPES = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "image_url": "image",
    "audio_url": "audio",
    "video_url": "video",
    "input_audio": "audio",
}
# They steer a request to a server and say nothing about the medium.
_IGNORED = {"type", "detail", "cache_control"}
# Where a medium is named besides under its type: transformers and Qwen2-Audio write it so.
_PLACES = ("url", "path", "image_url", "audio_url", "video_url")
# ms-swift joins the parts before it looks for markers and has no escape for one that is meant as a word; with this
# character inside (zero-width joiner) it stays text, and looks the same.
_JOINER = "\u200d"


def content_of_parts(
    parts: list[Any], turn: int, source: Source, placed: dict[str, list[str]], notes: Notes
) -> str:
    """The turn's content with one marker a medium; the files are appended to `placed` by modality."""
    text = ""
    for number, part in enumerate(parts, 1):
        where = f"part {number} of turn {turn}"
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, dict):
            raise RowError("E030", f"{where} is {shorten(part)}")
        kind = part.get("type", "text")
        if kind == "text":
            text += _text(part, where, notes)
        elif isinstance(kind, str) and kind in _TYPES:
            modality = _TYPES[kind]
            note_settings(part, where, notes)
            _check_keys(part, (kind, *_PLACES, *NUMBERS), where)
            values = [part[name] for name in dict.fromkeys((kind, *_PLACES)) if part.get(name) is not None]
            if len(values) > 1:
                raise RowError("E050", f"{where} names {len(values)} files")
            # A part without a value stands for the next entry of the row's list.
            if values:
                placed.setdefault(modality, []).append(_file(values[0], kind, where, source, notes))
            text += MARKERS[modality]
        else:
            raise RowError(
                "E030", f"{where} has the type {shorten(kind)}", f"Types are text, {', '.join(_TYPES)}."
            )
    return text


def _text(part: dict[str, Any], where: str, notes: Notes) -> str:
    _check_keys(part, ("text",), where)
    text = part.get("text")
    if not isinstance(text, str):
        raise RowError("E028" if text is None else "E030", f"{where} has no text")
    for marker in MARKERS.values() if "<" in text else ():
        if marker in text:
            notes.setdefault("E044", f"{where} is text that holds {marker}, kept apart by a zero-width joiner")
            text = text.replace(marker, f"<{_JOINER}{marker[1:]}")
    return text


def _check_keys(part: dict[str, Any], known: Sequence[str], where: str) -> None:
    for key, value in part.items():
        if key not in known and key not in _IGNORED and value is not None:
            raise RowError(
                "E038", f'{where} has the key "{key[:40]}", which would be lost', "Remove it from the part."
            )


def _file(value: Any, kind: str, where: str, source: Source, notes: Notes) -> str:
    if kind == "input_audio":
        if not (isinstance(value, dict) and isinstance(value.get("data"), str)):
            raise RowError("E205", f"{where} has no base64 data")
        return source.embedded.save(value["data"], str(value.get("format", "wav")))
    if isinstance(value, dict) and "bytes" not in value:
        value = value.get("url")
    return source.medium(value, kind, notes)
