"""A short way for rows of text that are in the canonical form already: most rows of most large sources.

msgspec's typed decoder asks in C what the other converters ask step by step. A row that it does not take, or that
needs a second look, goes the long way; both make the same record.
"""

import msgspec
from msgspec import UNSET, UnsetType

from omnitune.converters.source import Source, is_plain_id
from omnitune.readers.lines import Line
from omnitune.records import ROLES, Message, Record

FORM = "roles and contents"


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[Message]
    id: str | UnsetType = UNSET
    solution: str | UnsetType = UNSET


_decode = msgspec.json.Decoder(_Row).decode


def plain_record(line: Line, source: Source) -> Record | None:
    """The record of a line of text turns; None when the line must be read the long way."""
    content = line.content
    try:
        row = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    messages = row.messages
    # One colon after a quote for each key: otherwise a key is there twice, or a text holds such a colon.
    keys = 1 + 2 * len(messages) + (row.id is not UNSET) + (row.solution is not UNSET)
    if not messages or content.count(b'":') != keys or b"\\u0000" in content:
        return None
    before = ""
    for message in messages:
        role = message.role
        if role not in ROLES or role == before:
            return None
        before = role
    if source.system and messages[0].role != "system":
        messages.insert(0, Message("system", source.system))
    own_id = row.id
    if own_id is not UNSET and not is_plain_id(own_id):
        return None
    return Record(
        f"{source.name}/{line.number:08d}" if own_id is UNSET else f"{source.name}/{own_id}",
        source.name,
        line.number,
        source.task,
        messages,
        solution=None if row.solution is UNSET else row.solution,
    )
