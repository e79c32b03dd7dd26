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
# A colon that is not counted, and what no text may hold.
_escaped = re.compile(rb"\\u00(?:3[aA]|00)")


def plain_record(line: Line, source: Source) -> tuple[Record, str | None] | None:
    """The record of a line of text turns, and the row's own id; None when the line must be read the long way."""
    content = line.content
    try:
        row = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    messages, own_id, solution = row.messages, row.id, row.solution
    # A key that is given twice vanishes in the decoded row, so the line's colons are counted: one a key, and those
    # of the texts.
    colons, before = 1, ""
    for message in messages:
        role = message.role
        if role not in ROLES or role == before:
            return None
        before = role
        colons += 2 + message.content.count(":")
    if own_id is not None:
        colons += 1 + own_id.count(":")
    if solution is not None:
        colons += 1 + solution.count(":")
    if not messages or content.count(b":") != colons or (own_id is not None and not is_plain_id(own_id)):
        return None
    if content.find(b"\\u00") >= 0 and _escaped.search(content):
        return None
    if source.system and messages[0].role != "system":
        messages.insert(0, Message("system", source.system))
    made = str(line.number).zfill(8) if own_id is None else own_id
    record = Record(f"{source.name}/{made}", source.name, line.number, source.task, messages, solution=solution)
    return record, own_id
