"""A short way for rows of text that are in the canonical form already: most rows of most large sources.

msgspec's typed decoder asks in C what the other converters ask step by step. A row that it does not take, or that
needs a second look, goes the long way; both make the same record.
"""

import re

import msgspec

from omnitune.converters.source import Source, is_plain_id
from omnitune.readers.lines import Line
from omnitune.records import ROLES, Message, Record

FORM = "roles and contents"


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[Message]
    # A null is one key too many, and goes the long way.
    id: str | None = None
    solution: str | None = None


_decode = msgspec.json.Decoder(_Row).decode
_escaped_colon = re.compile(rb"\\u003[aA]")


def plain_record(line: Line, source: Source) -> tuple[Record, str | None] | None:
    """The record of a line of text turns, and the row's own id; None when the line must be read the long way."""
    content = line.content
    try:
        row = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    messages, own_id, solution = row.messages, row.id, row.solution
    before = ""
    for message in messages:
        role = message.role
        if role not in ROLES or role == before or "\0" in message.content:
            return None
        before = role
    if not messages or (own_id is not None and not is_plain_id(own_id)) or "\0" in (solution or ""):
        return None
    # A colon more than one a key is a text's; or a key is there twice, which the decoded row does not show.
    more = content.count(b":") - 1 - 2 * len(messages) - (own_id is not None) - (solution is not None)
    if more:
        texts = [own_id or "", solution or "", *[message.content for message in messages]]
        if more != "".join(texts).count(":") or _escaped_colon.search(content):
            return None
    if source.system and messages[0].role != "system":
        messages.insert(0, Message("system", source.system))
    name, made = source.name, str(line.number).zfill(8) if own_id is None else own_id
    return Record(f"{name}/{made}", name, line.number, source.task, messages, solution=solution), own_id
