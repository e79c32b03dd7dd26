"""Conversations: ms-swift rows, ShareGPT rows and OpenAI chat rows."""

from collections.abc import Iterator
from typing import Any

from omnitune.converters import tools
from omnitune.converters.aliases import rename_keys, role_of
from omnitune.converters.canonical import FORM
from omnitune.converters.parts import content_of_parts
from omnitune.converters.source import Draft, Source, shorten, text_or_none
from omnitune.readers import Notes
from omnitune.records import MARKERS, ROLES, Message
from omnitune.validation.codes import RowError
from omnitune.validation.text import odd_marker

FIELDS = (
    *("id", "system", "messages", "conversations", "solution"),
    *("image", "images", "audio", "audios", "video", "videos"),
)
# ShareGPT's own names of roles; elsewhere they are put right.
_SHAREGPT_ROLES = ("human", "gpt", "observation")
_SWIFT_KEYS, _SHAREGPT_KEYS = {"role", "content"}, {"from", "value"}
# Keys of a turn that holds a question and its answer.
_SAID_BY = ("user", "human", "assistant", "gpt", "bot")
_SHAREGPT, _PARTS = "ShareGPT's turns", "content parts"


def convert(row: dict[str, Any], source: Source, notes: Notes) -> Draft:
    """The turns as they are; media inside content parts become files and markers."""
    turns = _take_turns(row)
    system = text_or_none(row.pop("system", None), "system", notes)
    listed = source.take_media(row, notes)
    columns = list(listed)
    placed: dict[str, list[str]] = {}
    messages = [Message("system", system)] if system else []
    form = FORM
    calls = False
    for number, turn in enumerate(_one_by_one(turns), 1):
        if not isinstance(turn, dict):
            raise RowError("E027", f"turn {number} is {shorten(turn)}, not an object")
        if turn.keys() == _SHAREGPT_KEYS:
            form, role, content = _SHAREGPT, turn["from"], turn["value"]
        else:
            if turn.keys() != _SWIFT_KEYS:
                turn = rename_keys(turn, number, notes)
            role, content = turn.get("role"), turn.get("content")
        called, calls = calls, role in tools.ROLES
        if calls:
            notes.setdefault("E032", f'the "{role}" of turn {number} is read as what the assistant says')
            role, content = "assistant", tools.call_text(content, number)
        elif role not in ROLES:
            role = _role(role, number, notes, form == _SHAREGPT)
        if not isinstance(content, str):
            form, content = _PARTS, _text(content, number, source, placed, notes)
        if calls and messages and messages[-1].role == "assistant":
            messages[-1].content += f"\n{content}" if called else content
        elif messages and role == messages[-1].role and role in ("user", "assistant"):
            notes.setdefault("E034", f"turns {number - 1} and {number} are both the {role}'s")
            messages[-1].content += f"\n{content}"
        else:
            messages.append(Message(role, content))
    for modality, paths in placed.items():
        if listed.get(modality):
            raise RowError("E050", f'{modality} files are given both in content parts and in "{modality}s"')
        listed[modality] = paths
    if listed:
        _add_markers(messages, listed, notes)
        _note_order(messages, columns, notes)
    return Draft(messages, listed, form)


def _one_by_one(turns: list[Any]) -> Iterator[Any]:
    """The turns, two of a pair that holds both (`{"human": ..., "assistant": ...}`)."""
    for turn in turns:
        if isinstance(turn, dict) and len(turn) == 2 and "role" not in turn and "content" not in turn:
            said = {role_of(key): text for key, text in turn.items() if key in _SAID_BY}
            if said.keys() == {"user", "assistant"}:
                yield from ({"role": role, "content": said[role]} for role in ("user", "assistant"))
                continue
        yield turn


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


def _role(given: Any, number: int, notes: Notes, sharegpt: bool) -> str:
    """The role that is meant; one that nobody knows is left for the checks to tell."""
    if not isinstance(given, str):
        raise RowError("E031", f"turn {number} has {'no role' if given is None else f'the role {shorten(given)}'}")
    meant = role_of(given)
    if meant and not (sharegpt and given in _SHAREGPT_ROLES):
        notes.setdefault("E032", f'the role "{given[:40]}" of turn {number} is read as "{meant}"')
    return meant or given


def _text(content: Any, number: int, source: Source, placed: dict[str, list[str]], notes: Notes) -> str:
    if content is None:
        raise RowError("E028", f"turn {number} has no content")
    if not isinstance(content, list):
        raise RowError("E030", f"the content of turn {number} is {shorten(content)}")
    return content_of_parts(content, number, source, placed, notes)


def _add_markers(messages: list[Message], media: dict[str, list[str]], notes: Notes) -> None:
    """Put the markers before the only question of a row that has none, where they can belong nowhere else."""
    asked = [message for message in messages if message.role == "user"]
    kinds = [modality for modality, paths in media.items() if paths]
    if len(asked) != 1 or len(kinds) != 1:
        return
    if any(marker in message.content for message in messages for marker in MARKERS.values()):
        return
    if not odd_marker(asked[0].content):
        marker, count = MARKERS[kinds[0]], len(media[kinds[0]])
        asked[0].content = marker * count + asked[0].content
        notes["E212"] = f"{count} x {marker} before the question"


def _note_order(messages: list[Message], columns: list[str], notes: Notes) -> None:
    """Note columns of media that stand in another order than their first markers: they may be mixed up."""
    if len(columns) > 1:
        text = "".join(message.content for message in messages)
        places = [text.find(MARKERS[modality]) for modality in columns]
        if places != sorted(places) and -1 not in places:
            notes["E045"] = "the columns of media stand in another order than the first markers of each kind"
