"""Conversations: ms-swift rows, ShareGPT rows and OpenAI chat rows."""

from typing import Any

from omnitune.converters.parts import content_of_parts
from omnitune.converters.source import Draft, Source, shorten, text_or_none
from omnitune.records import Message
from omnitune.validation.codes import RowError

FIELDS = (
    *("id", "system", "messages", "conversations", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
_SHAREGPT_ROLES = {"human": "user", "gpt": "assistant", "tool": "tool", "observation": "tool"}
_TURN_KEYS = ({"role", "content"}, {"from", "value"})


def convert(row: dict[str, Any], source: Source) -> Draft:
    """The turns as they are; media inside content parts become files and markers."""
    repairs: list[str] = []
    turns = _take_turns(row)
    system = text_or_none(row.pop("system", None), "system", repairs)
    listed = source.take_media(row, repairs)
    placed: dict[str, list[str]] = {}
    messages = [Message("system", system)] if system else []
    for number, turn in enumerate(turns, 1):
        messages.append(_message(turn, number, source, placed))
    for modality, paths in placed.items():
        if listed.get(modality):
            raise RowError("E050", f'{modality} files are given both in content parts and in "{modality}s"')
        listed[modality] = paths
    return Draft(messages, listed, repairs)


def _take_turns(row: dict[str, Any]) -> list[Any]:
    turns = row.pop("messages", None)
    if (other := row.pop("conversations", None)) is not None:
        if turns is not None:
            raise RowError("E204", 'the row has both "messages" and "conversations"')
        turns = other
    if turns is None or turns == []:
        raise RowError("E026", '"messages" is missing or empty')
    if not isinstance(turns, list):
        raise RowError("E027", f'"messages" is {shorten(turns)}, not a list')
    return turns


def _message(turn: Any, number: int, source: Source, placed: dict[str, list[str]]) -> Message:
    if not isinstance(turn, dict):
        raise RowError("E027", f"turn {number} is {shorten(turn)}, not an object")
    if turn.keys() not in _TURN_KEYS:
        _check_keys(turn, number)
    if "from" not in turn:
        role, content = turn.get("role"), turn.get("content")
    else:
        role, content = turn["from"], turn.get("value")
        role = _SHAREGPT_ROLES.get(role, role) if isinstance(role, str) else role
    if not isinstance(role, str):
        raise RowError("E031", f"turn {number} has {'no role' if role is None else f'the role {shorten(role)}'}")
    if isinstance(content, str):
        return Message(role, content)
    if content is None:
        raise RowError("E028", f"turn {number} has no content")
    if not isinstance(content, list):
        raise RowError("E030", f"the content of turn {number} is {shorten(content)}")
    return Message(role, content_of_parts(content, number, source, placed))


def _check_keys(turn: dict[str, Any], number: int) -> None:
    """Refuse keys that would be lost; those that say nothing (null, as OpenAI's tools write them) may go."""
    known = _TURN_KEYS[1] if "from" in turn else _TURN_KEYS[0]
    for key, value in turn.items():
        if key not in known and value is not None:
            raise RowError("E038", f'turn {number} has the key "{key}", which would be lost')
